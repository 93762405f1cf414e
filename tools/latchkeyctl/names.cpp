#include "tools/latchkeyctl/names.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace latchkey::ctl {
namespace {

constexpr std::size_t kIdDigits = 32;

// Which field of which command means what.
struct Reference {
  std::string_view command;
  std::string_view field;
  std::string_view kind;
};
constexpr std::array<Reference, 13> kReferences{{
    {"camera rename", "id", "camera"},
    {"camera remove", "id", "camera"},
    {"camera pin", "id", "camera"},
    {"camera confirm", "id", "camera"},
    {"camera rotate", "id", "camera"},
    {"camera transfer", "id", "camera"},
    {"viewer rotate", "id", "viewer"},
    {"viewer remove", "id", "viewer"},
    {"grant add", "viewer", "viewer"},
    {"grant add", "camera", "camera"},
    {"grant revoke", "id", "grant"},
    {"suspend", "camera", "camera"},
    {"resume", "id", "suspension"},
}};

bool IsHex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

Outcome<std::string> IdOf(const std::string& kind, const std::string& text, const Json& items) {
  const bool may_be_prefix = text.size() >= kShortestPrefix && IsHex(text);
  std::vector<std::string> found;
  for (const Json& item : items) {
    const std::string id = item.value("id", "");
    // A suspension of one camera alone goes by that camera's name as well.
    const bool named = (item.contains("name") && item["name"] == text) ||
                       (item.contains("camera_name") && kind == "suspension" && item["camera_name"] == text);
    if (named || (may_be_prefix && id.starts_with(text))) found.push_back(id);
  }
  if (found.size() == 1) return found.front();
  const std::string quoted = "\"" + text + "\"";
  if (found.empty()) {
    if (kind == "suspension" && items.empty())
      return tl::unexpected(Failure{
          kExitRefused, "nothing is suspended: latchkeyctl status says what is unavailable, and why"});
    const bool short_id = !text.empty() && text.size() < kShortestPrefix && IsHex(text);
    const std::string hint =
        short_id ? " (an id needs at least " + std::to_string(kShortestPrefix) + " digits)" : "";
    return tl::unexpected(Failure{kExitRefused, "there is no " + kind + " " + quoted + hint +
                                                    ": latchkeyctl " + kind + " list shows all there are"});
  }
  std::string ids;
  for (const std::string& id : found) ids += (ids.empty() ? "" : ", ") + id;
  return tl::unexpected(
      Failure{kExitRefused, quoted + " may be more than one " + kind + ": say the whole id, one of " + ids});
}

Outcome<Json> WithWholeIds(const std::string& command, Json fields,
                           const std::function<Outcome<Json>(Json)>& ask) {
  for (const Reference& reference : kReferences) {
    const auto field = fields.find(reference.field);
    if (reference.command != command || field == fields.end()) continue;
    const std::string text = field->get<std::string>();
    if (text.size() == kIdDigits && IsHex(text)) continue;
    const std::string kind(reference.kind);
    auto list = ask(Json{{"command", kind + " list"}});
    if (!list) return list;
    auto id = IdOf(kind, text, (*list)[kind + "s"]);
    if (!id) return tl::unexpected(id.error());
    *field = *id;
  }
  return fields;
}

}  // namespace latchkey::ctl
