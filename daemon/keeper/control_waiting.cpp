// Replies that wait for lanes: what becomes of them when those are ready, or dark, or not.
#include "daemon/keeper/control.h"
#include "daemon/keeper/control_fields.h"

namespace latchkey::keeper {

// Replies that may have a token in them are not taken apart.
bool TellsOfSuspension(std::string_view reply) {
  constexpr std::string_view kDone = R"({"ok":{"id":")";
  constexpr std::size_t kIdSize = 2 * SuspensionId::Bytes().size();
  if (reply.starts_with(kDone) && reply.size() > kDone.size() + kIdSize)
    return reply.substr(kDone.size() + kIdSize).starts_with(R"(","cameras":)");
  return reply.starts_with(R"({"error":")" + std::string(kSuspended));
}

std::string NotDarkReply(const std::string& reply, const std::string& name) {
  const Json was = Json::parse(reply);
  const std::string stands = was.contains("ok")
                                 ? std::string(kSuspended) + was["ok"]["id"].get<std::string>() + ")"
                                 : was["error"].get<std::string>();
  const Json now{
      {"error", stands + ", but the process of \"" + name +
                    "\" has not confirmed that nothing leaves it any more: it is being ended; look "
                    "at latchkeyctl status, and if in doubt stop the hub"}};
  return now.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string AddSdesPort(std::string reply, std::uint16_t port) {
  // Quotes of a name are escaped, so this is no part of one.
  constexpr std::string_view kUnknown = "\"sdes_port\":0";
  const auto at = reply.find(kUnknown);
  if (at == std::string::npos) return reply;
  const std::string number = std::to_string(port);
  std::string text;
  text.reserve(reply.size() + number.size());
  text.append(reply, 0, at + kUnknown.size() - 1).append(number).append(reply, at + kUnknown.size());
  WipeText(reply);
  return text;
}

}  // namespace latchkey::keeper
