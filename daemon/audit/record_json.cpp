#include "daemon/audit/record_json.h"

#include <nlohmann/json.hpp>
#include <string>

#include "daemon/audit/kinds.h"
#include "daemon/base/ids.h"

namespace latchkey::audit {
namespace {

std::int64_t Nanoseconds(WallTime at) {
  return at.time_since_epoch().count();
}

template <class IdType>
void PutId(Json& json, const char* name, const IdType& id) {
  if (id != IdType()) json[name] = id.ToHex();
}

// Reads fields; ok() is false after one that is missing or is something else.
class Reader {
 public:
  explicit Reader(const Json& json) : json_(json), ok_(json.is_object()) {}
  [[nodiscard]] bool ok() const { return ok_; }

  std::uint64_t Number(const char* name) {
    const Json* field = Find(name);
    if (field == nullptr || !field->is_number_unsigned()) return Wrong<std::uint64_t>();
    return field->get<std::uint64_t>();
  }
  WallTime Time(const char* name) {
    const Json* field = Find(name);
    if (field == nullptr || !field->is_number_integer()) return Wrong<WallTime>();
    return WallTime(Duration(field->get<std::int64_t>()));
  }
  std::string Text(const char* name) {
    const Json* field = Find(name);
    if (field == nullptr || !field->is_string()) return Wrong<std::string>();
    return field->get<std::string>();
  }
  bool Flag(const char* name) {
    const Json* field = Find(name);
    if (field == nullptr || !field->is_boolean()) return Wrong<bool>();
    return field->get<bool>();
  }
  [[nodiscard]] bool Has(const char* name) const { return ok_ && json_.contains(name); }
  template <class IdType>
  IdType Id(const char* name) {
    if (!Has(name)) return IdType();
    const auto id = IdType::FromHex(Text(name));
    return id ? *id : Wrong<IdType>();
  }
  template <std::size_t N>
  void Hex(const char* name, std::array<std::uint8_t, N>& out) {
    if (!internal::HexDecodeExact(Text(name), out)) ok_ = false;
  }
  std::uint32_t Small(const char* name) {
    const std::uint64_t number = Number(name);
    return number <= 0xffffffff ? static_cast<std::uint32_t>(number) : Wrong<std::uint32_t>();
  }

 private:
  const Json* Find(const char* name) {
    if (!ok_) return nullptr;
    const auto at = json_.find(name);
    return at == json_.end() ? nullptr : &*at;
  }
  template <class T>
  T Wrong() {
    ok_ = false;
    return T{};
  }

  const Json& json_;
  bool ok_;
};

}  // namespace

Json ToJson(const ports::AuditRecord& record) {
  Json json;
  json["number"] = record.number;
  json["at"] = Nanoseconds(record.at);
  json["kind"] = record.kind;
  json["name"] = NameOf(record.kind);
  PutId(json, "camera", record.camera);
  PutId(json, "viewer", record.viewer);
  PutId(json, "session", record.session);
  json["epoch"] = record.epoch.value;
  json["body"] = record.body;
  json["hash"] = internal::HexEncode(record.hash);
  return json;
}

Result<ports::AuditRecord> RecordFromJson(const Json& json) {
  Reader reader(json);
  ports::AuditRecord record;
  record.number = reader.Number("number");
  record.at = reader.Time("at");
  const std::uint64_t kind = reader.Number("kind");
  record.kind = static_cast<std::uint8_t>(kind);
  record.camera = reader.Id<CameraId>("camera");
  record.viewer = reader.Id<ViewerId>("viewer");
  record.session = reader.Id<SessionId>("session");
  record.epoch = Epoch{reader.Number("epoch")};
  record.body = reader.Text("body");
  reader.Hex("hash", record.hash);
  if (!reader.ok() || kind > 0xff) return Fail(ErrorCode::kInvalid, "not a record of an audit log");
  return record;
}

Json ToJson(const ports::AuditView& view) {
  Json json;
  json["number"] = view.number;
  PutId(json, "camera", view.camera);
  PutId(json, "viewer", view.viewer);
  PutId(json, "session", view.session);
  json["first_epoch"] = view.first_epoch.value;
  json["last_epoch"] = view.last_epoch.value;
  json["began"] = Nanoseconds(view.began);
  if (view.ended) json["ended"] = Nanoseconds(*view.ended);
  json["cut_short"] = view.cut_short;
  json["packets"] = view.packets;
  json["camera_loss_permille"] = view.camera_loss_permille;
  json["viewer_loss_permille"] = view.viewer_loss_permille;
  json["camera_jitter_us"] = view.camera_jitter_us;
  json["viewer_jitter_us"] = view.viewer_jitter_us;
  json["network"] = view.network;
  return json;
}

Result<ports::AuditView> ViewFromJson(const Json& json) {
  Reader reader(json);
  ports::AuditView view;
  view.number = reader.Number("number");
  view.camera = reader.Id<CameraId>("camera");
  view.viewer = reader.Id<ViewerId>("viewer");
  view.session = reader.Id<SessionId>("session");
  view.first_epoch = Epoch{reader.Number("first_epoch")};
  view.last_epoch = Epoch{reader.Number("last_epoch")};
  view.began = reader.Time("began");
  if (reader.Has("ended")) view.ended = reader.Time("ended");
  view.cut_short = reader.Flag("cut_short");
  view.packets = reader.Number("packets");
  view.camera_loss_permille = reader.Small("camera_loss_permille");
  view.viewer_loss_permille = reader.Small("viewer_loss_permille");
  view.camera_jitter_us = reader.Small("camera_jitter_us");
  view.viewer_jitter_us = reader.Small("viewer_jitter_us");
  view.network = reader.Text("network");
  if (!reader.ok()) return Fail(ErrorCode::kInvalid, "not a view of an audit log");
  return view;
}

}  // namespace latchkey::audit
