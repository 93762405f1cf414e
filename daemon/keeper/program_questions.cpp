#include "daemon/keeper/program_questions.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "daemon/audit/chain.h"
#include "daemon/audit/record_json.h"
#include "daemon/keeper/control.h"

namespace latchkey::keeper {
namespace {

using audit::Json;

// So much goes into one answer: a message holds 96 KiB, and a record at most audit::kMaxBody and what JSON
// makes of it.
constexpr std::size_t kAnswerSize = 64 * 1024;
constexpr std::uint64_t kMostAtOnce = 200;
constexpr std::size_t kMostCameras = 64;
// Names and starts; of more the newest.
constexpr std::size_t kMostNames = 300;

std::string Text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}
std::string Error(const std::string& why) {
  return Text({{"error", why}});
}

struct Wanted {
  platform::AuditQuery query;
  std::uint64_t after = 0;
  std::size_t most = kMostAtOnce;
};

std::optional<std::int64_t> Integer(const Json& object, const char* name, std::int64_t missing) {
  const auto at = object.find(name);
  if (at == object.end() || at->is_null()) return missing;
  if (!at->is_number_integer() && !at->is_number_unsigned()) return std::nullopt;
  return at->get<std::int64_t>();
}

Result<Wanted> ParseWanted(const Json& object) {
  Wanted wanted;
  const auto from = Integer(object, "from", 0);
  const auto to = Integer(object, "to", INT64_MAX);
  const auto after = Integer(object, "after", 0);
  const auto most = Integer(object, "most", kMostAtOnce);
  const auto loss = Integer(object, "loss_above_permille", -1);
  if (!from || !to || !after || !most || !loss || *after < 0 || *most < 1 || *loss > 1000)
    return Fail(ErrorCode::kInvalid, "from, to, after, most and loss_above_permille must be whole numbers");
  wanted.query.from = WallTime(Duration(*from));
  wanted.query.to = WallTime(Duration(*to));
  wanted.after = static_cast<std::uint64_t>(*after);
  wanted.most = std::min<std::size_t>(static_cast<std::size_t>(*most), kMostAtOnce);
  if (*loss >= 0) wanted.query.loss_above_permille = static_cast<std::uint32_t>(*loss);
  const auto cameras = object.find("cameras");
  if (cameras == object.end()) return wanted;
  if (!cameras->is_array() || cameras->size() > kMostCameras)
    return Fail(ErrorCode::kInvalid, "cameras must be a list of at most 64 ids");
  for (const Json& text : *cameras) {
    const auto id = text.is_string() ? CameraId::FromHex(text.get<std::string>()) : std::nullopt;
    if (!id) return Fail(ErrorCode::kInvalid, "cameras must be a list of ids");
    wanted.query.cameras.push_back(*id);
  }
  return wanted;
}

// As many as fit. An empty list: there are no more.
template <class Item>
Json Listed(const std::vector<Item>& items) {
  Json list = Json::array();
  std::size_t size = 0;
  for (const Item& item : items) {
    Json json = audit::ToJson(item);
    size += Text(json).size();
    if (!list.empty() && size > kAnswerSize) break;
    list.push_back(std::move(json));
  }
  return list;
}

template <class Item>
std::string Answered(const char* name, const Result<std::vector<Item>>& items, Json answer = Json::object()) {
  if (!items) return Error("the audit log can't be read: " + items.error().message);
  answer[name] = Listed(*items);
  return Text({{"ok", std::move(answer)}});
}

std::string Views(platform::SqliteAudit& log, const Wanted& wanted) {
  Json answer = Json::object();
  if (wanted.after == 0) {
    const auto total = log.CountViews(wanted.query);
    if (!total) return Error("the audit log can't be read: " + total.error().message);
    answer["total"] = *total;
  }
  return Answered("views", log.Views(wanted.query, wanted.after, wanted.most), std::move(answer));
}

std::string State(platform::SqliteAudit& log, Json answer) {
  const auto checkpoint = log.Checkpoint();
  const auto head = log.LastHead();
  const auto count = log.Count();
  const auto bytes = log.Bytes();
  if (!checkpoint || !head || !count || !bytes) return Error("the audit log can't be read");
  if (*head) answer["head"] = audit::FormatHead(**head);
  if (*checkpoint) answer["checkpoint"] = audit::FormatHead(**checkpoint);
  answer["records"] = *count;
  answer["bytes"] = *bytes;
  return Text({{"ok", std::move(answer)}});
}

// Those that there are now. Those that there were are in the log.
Json Names(const Registry& registry) {
  Json cameras = Json::array();
  for (const auto& camera : registry.cameras())
    cameras.push_back({{"id", camera.id.ToHex()}, {"name", camera.name}, {"model", camera.model}});
  Json viewers = Json::array();
  for (const auto& viewer : registry.viewers())
    viewers.push_back({{"id", viewer.id.ToHex()}, {"name", viewer.name}});
  return {{"cameras", std::move(cameras)}, {"viewers", std::move(viewers)}};
}

}  // namespace

bool AnswerAudit(const Keeper& keeper, const ports::Signer::PublicKey& key, AuditDisk& disk,
                 std::string_view command, const ControlServer::Reply& reply) {
  if (command.size() > kMaxControlCommand) return false;
  const Json object = Json::parse(command, nullptr, false);
  if (!object.is_object() || !object.contains("command") || !object["command"].is_string()) return false;
  const auto name = object["command"].get<std::string>();
  AuditDisk::Question question;
  if (name == "incident names") {
    question = [names = Names(keeper.registry())](platform::SqliteAudit& log) {
      return Answered("records", log.Names(kMostNames), names);
    };
  } else if (name == "audit state") {
    Json known{{"log", keeper.audit().log().ToHex()},
               {"public_key", internal::HexEncode(key)},
               {"unrecorded", keeper.unrecorded()}};
    question = [known = std::move(known)](platform::SqliteAudit& log) { return State(log, known); };
  } else if (name == "audit check") {
    question = [](platform::SqliteAudit& log) {
      const auto checked = log.CheckViews();
      return checked ? Text({{"ok", Json::object()}}) : Error(checked.error().message);
    };
  } else if (name == "audit read" || name == "incident views" || name == "incident events") {
    auto wanted = ParseWanted(object);
    if (!wanted) {
      reply(Error(wanted.error().message));
      return true;
    }
    question = [name, wanted = std::move(*wanted)](platform::SqliteAudit& log) {
      if (name == "audit read") return Answered("records", log.Read(wanted.after + 1, wanted.most));
      if (name == "incident views") return Views(log, wanted);
      return Answered("records", log.Events(wanted.query, wanted.after, wanted.most));
    };
  } else {
    return false;
  }
  const auto answer = [reply](std::optional<std::string> text) {
    reply(text ? std::move(*text) : Error("the audit log can't be opened"));
  };
  if (!disk.Ask(std::move(question), answer))
    reply(Error("too many questions about the log at once: try again"));
  return true;
}

}  // namespace latchkey::keeper
