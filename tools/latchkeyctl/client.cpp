#include "tools/latchkeyctl/client.h"

#include <utility>

#include "daemon/base/bytes.h"
#include "daemon/base/time.h"
#include "platform/process/unix_socket.h"

namespace latchkey::ctl {
namespace {

// The daemon answers from memory and one write to disk.
constexpr Duration kPatience = seconds(10);
// Unless it has to read the whole log for it.
constexpr Duration kCheckPatience = seconds(600);

tl::unexpected<Failure> Unreachable(std::string message) {
  return tl::unexpected(Failure{kExitNotReachable, std::move(message)});
}

Outcome<platform::UnixClient> Connect(const std::string& run_folder) {
  const std::string path = run_folder + "/control.sock";
  auto client = platform::UnixClient::Connect(path);
  if (client) return std::move(*client);
  if (client.error().code == ErrorCode::kNotFound) {
    return Unreachable("latchkeyd does not run: nothing listens on " + path +
                       ". Start it (systemctl start latchkey), or name its run folder with --run DIR.");
  }
  if (client.error().code == ErrorCode::kDenied) {
    return Unreachable("no right to use " + path +
                       ". Run this as root or as the daemon's user (sudo -u latchkey).");
  }
  return Unreachable("cannot use " + path + ": " + client.error().message);
}

// The end that a stranger meets, sooner or later than its own question.
tl::unexpected<Failure> HungUpOr(const Error& error, const char* otherwise) {
  return Unreachable(error.code == ErrorCode::kNotFound
                         ? "the daemon hung up: only root and the daemon's own user may command it."
                         : otherwise + error.message);
}

Outcome<Json> AskOnce(platform::UnixClient& client, const Json& command) {
  const std::string text = command.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (auto sent = client.Send(AsBytes(text), kPatience); !sent) {
    return HungUpOr(sent.error(), "the daemon does not listen any more: ");
  }
  const bool whole_log = command.value("command", "") == "audit check";
  const auto record = client.Receive(whole_log ? kCheckPatience : kPatience);
  if (!record) {
    return HungUpOr(record.error(), "the daemon gave no answer: ");
  }
  Json reply = Json::parse(AsText(*record), nullptr, false);
  if (!reply.is_object()) return Unreachable("the daemon's answer makes no sense: is it of another version?");
  if (const auto ok = reply.find("ok"); ok != reply.end()) return std::move(*ok);
  const auto error = reply.find("error");
  const bool said = error != reply.end() && error->is_string();
  return tl::unexpected(Failure{kExitRefused, said ? error->get<std::string>() : "refused without a reason"});
}

}  // namespace

Outcome<Json> Ask(const std::string& run_folder, Json command) {
  auto client = Connect(run_folder);
  if (!client) return tl::unexpected(client.error());
  auto reply = AskOnce(*client, command);
  while (reply && reply->contains("more")) {
    auto& [name, items] = *reply->get_ptr<Json::object_t*>()->begin();
    if (!items.is_array() || items.empty()) break;
    command["after"] = items.back()["id"];
    auto page = AskOnce(*client, command);
    if (!page) return page;
    reply->erase("more");
    if (page->contains("more")) (*reply)["more"] = true;
    for (auto& item : (*page)[name]) (*reply)[name].push_back(std::move(item));
  }
  return reply;
}

}  // namespace latchkey::ctl
