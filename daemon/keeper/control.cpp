#include "daemon/keeper/control.h"

#include <algorithm>
#include <array>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "daemon/access/token.h"
#include "daemon/base/base64.h"
#include "daemon/base/check.h"
#include "daemon/keeper/control_fields.h"
#include "daemon/keeper/control_grant.h"
#include "daemon/keeper/control_lists.h"
#include "daemon/keeper/words.h"

namespace latchkey::keeper {
namespace {

struct Context {
  Keeper& keeper;
  std::string_view base_url;
  Instant now;
  WallTime wall;
  const std::function<void()>& carry_out;
  // What was decided so far reaches lanes and front, and the disk.
  void CarryOut() const {
    keeper.Settle(now, wall);
    carry_out();
  }
  // Of the answer, should it have them.
  std::optional<Secret32>& token;
  std::optional<ports::SdesKey>& sdes_key;
  [[nodiscard]] ControlDesk& desk() const { return keeper.control(); }
};

using Answer = Result<Json>;

// What stands for a token, or a key, until the text is whole: JSON would leave pieces of it behind in freed
// memory. Longer than any name.
std::string TokenPlace() {
  return std::string(access::kTokenTextSize, '*');
}
std::string SdesKeyPlace() {
  return std::string(4 * ports::SdesKey::kSize / 3, '#');
}

template <class IdType>
Json TokenReply(IdType id, const Secret32& token, const Context& context) {
  context.token = token.Duplicate();
  Json reply;
  reply["id"] = id.ToHex();
  reply["token"] = TokenPlace();
  return reply;
}

Json CameraTokenReply(const Enrolled<CameraId>& camera, const Context& context) {
  Json reply = TokenReply(camera.id, camera.token, context);
  reply["publish_url"] = PublishUrl(context.base_url, camera.id);
  if (!camera.sdes_key) return reply;
  context.sdes_key = camera.sdes_key->Duplicate();
  reply["sdes_key"] = SdesKeyPlace();
  reply["sdes_suite"] = "AES_CM_128_HMAC_SHA1_80";
  // 0 until the camera's lane runs: AddSdesPort().
  reply["sdes_port"] = context.desk().registry().FindCamera(camera.id)->enrolment->port;
  return reply;
}

Json Done() {
  return Json::object();
}

template <class T>
Answer Finish(const Result<T>& result) {
  if (!result) return tl::unexpected(result.error());
  return Done();
}

// ---------------------------------------------------------------- cameras

struct PinOrder {
  ports::PinState state = ports::PinState::kNone;
  std::optional<ports::KeyPin> pin;
};

Result<PinOrder> ParsePin(const std::string& text) {
  if (text == "none") return PinOrder{};
  if (text == "first-use") return PinOrder{ports::PinState::kAwaited, std::nullopt};
  PinOrder order{ports::PinState::kConfirmed, ports::KeyPin{}};
  if (!internal::HexDecodeExact(text, *order.pin)) {
    return Fail(ErrorCode::kInvalid,
                "pin must be 64 lower-case hexadecimal digits (SHA-256 of the public key), \"first-use\" or "
                "\"none\"");
  }
  return order;
}

Answer CameraAdd(Fields& fields, const Context& context) {
  const auto name = fields.Text("name");
  const auto model = fields.OptionalText("model");
  const auto pin = fields.OptionalText("pin");
  const auto sdes = fields.Flag("sdes");
  const auto codec = fields.OptionalText("codec");
  if (!name) return tl::unexpected(name.error());
  if (!model) return tl::unexpected(model.error());
  if (!pin) return tl::unexpected(pin.error());
  if (!sdes) return tl::unexpected(sdes.error());
  if (!codec) return tl::unexpected(codec.error());
  if (auto rest = fields.NothingElse(); !rest) return tl::unexpected(rest.error());
  const std::string video = codec->value_or("h264");
  if (video != "h264" && video != "vp8") return Fail(ErrorCode::kInvalid, "codec is h264 or vp8");
  if (*codec && !*sdes)
    return Fail(ErrorCode::kInvalid, "codec is of a camera with sdes: others say it themselves");
  if (*pin && *sdes) {
    return Fail(ErrorCode::kInvalid,
                "a camera with SDES shows no certificate that could be pinned: leave out pin or sdes");
  }
  NewCamera camera;
  camera.name = *name;
  camera.model = model->value_or("");
  camera.sdes = *sdes;
  camera.vp8 = video == "vp8";
  if (*pin) {
    const auto order = ParsePin(**pin);
    if (!order) return tl::unexpected(order.error());
    camera.pin = order->pin;
    camera.pin_first = order->state == ports::PinState::kAwaited;
  }
  const auto added = context.desk().AddCamera(camera, context.wall);
  if (!added) return tl::unexpected(added.error());
  return CameraTokenReply(*added, context);
}

Answer CameraRename(Fields& fields, const Context& context) {
  const auto id = fields.Id<CameraId>("id");
  const auto name = fields.Text("name");
  if (!id) return tl::unexpected(id.error());
  if (!name) return tl::unexpected(name.error());
  if (auto rest = fields.NothingElse(); !rest) return tl::unexpected(rest.error());
  return Finish(context.desk().RenameCamera(*id, *name));
}

// What ends before the disk has the order is told what is under way: it may yet fail.
constexpr std::string_view kTokenChanging = "its token is being replaced";

template <class IdType, class Call>
Answer WithId(Fields& fields, Call&& call) {
  const auto id = fields.Id<IdType>("id");
  if (!id) return tl::unexpected(id.error());
  if (auto rest = fields.NothingElse(); !rest) return tl::unexpected(rest.error());
  return call(*id);
}

Answer CameraRemove(Fields& fields, const Context& context) {
  return WithId<CameraId>(fields, [&](CameraId id) {
    context.desk().EndMedia(id, "the camera is being removed");
    context.CarryOut();
    return Finish(context.desk().RemoveCamera(id));
  });
}

Answer CameraPin(Fields& fields, const Context& context) {
  const auto id = fields.Id<CameraId>("id");
  const auto text = fields.Text("pin");
  if (!id) return tl::unexpected(id.error());
  if (!text) return tl::unexpected(text.error());
  if (auto rest = fields.NothingElse(); !rest) return tl::unexpected(rest.error());
  const auto order = ParsePin(*text);
  if (!order) return tl::unexpected(order.error());
  return Finish(context.desk().PinCamera(*id, order->state, order->pin));
}

Answer CameraConfirm(Fields& fields, const Context& context) {
  return WithId<CameraId>(fields, [&](CameraId id) { return Finish(context.desk().ConfirmPin(id)); });
}

Answer CameraRotate(Fields& fields, const Context& context) {
  return WithId<CameraId>(fields, [&](CameraId id) -> Answer {
    context.desk().EndPublisher(id, kTokenChanging);
    context.CarryOut();
    const auto renewed = context.desk().RotateCamera(id, context.now, context.wall);
    if (!renewed) return tl::unexpected(renewed.error());
    return CameraTokenReply(*renewed, context);
  });
}

Answer CameraTransfer(Fields& fields, const Context& context) {
  return WithId<CameraId>(fields, [&](CameraId id) -> Answer {
    context.desk().EndMedia(id, "the camera is being handed over");
    context.CarryOut();
    const auto renewed = context.desk().TransferCamera(id, context.now, context.wall);
    if (!renewed) return tl::unexpected(renewed.error());
    return CameraTokenReply(*renewed, context);
  });
}

// ---------------------------------------------------------------- lists

Answer CameraListing(Fields& fields, const Context& context) {
  return ListCameras(fields, context.desk().registry(), context.base_url);
}
Answer ViewerListing(Fields& fields, const Context& context) {
  return ListViewers(fields, context.desk().registry());
}
Answer GrantListing(Fields& fields, const Context& context) {
  return ListGrants(fields, context.desk().registry(), context.wall);
}
Answer SuspensionListing(Fields& fields, const Context& context) {
  return ListSuspensions(fields, context.desk().registry());
}

Answer WatchingListing(Fields& fields, const Context& context) {
  return ListWatching(fields, context.desk().registry(), context.desk().Watchers(context.now));
}

Answer StatusReport(Fields& fields, const Context& context) {
  return ListStatus(fields, context.desk().Cameras(context.now));
}

Answer CertificateReport(Fields& fields, const Context& context) {
  return ShowCertificate(fields, context.keeper.http());
}

// ---------------------------------------------------------------- viewers and grants

Answer ViewerAdd(Fields& fields, const Context& context) {
  const auto name = fields.Text("name");
  if (!name) return tl::unexpected(name.error());
  if (auto rest = fields.NothingElse(); !rest) return tl::unexpected(rest.error());
  const auto added = context.desk().AddViewer(*name, context.wall);
  if (!added) return tl::unexpected(added.error());
  return TokenReply(added->id, added->token, context);
}

Answer ViewerRotate(Fields& fields, const Context& context) {
  return WithId<ViewerId>(fields, [&](ViewerId id) -> Answer {
    context.desk().EndViewer(id, kTokenChanging);
    context.CarryOut();
    const auto token = context.desk().RotateViewer(id);
    if (!token) return tl::unexpected(token.error());
    return TokenReply(id, *token, context);
  });
}

Answer ViewerRemove(Fields& fields, const Context& context) {
  return WithId<ViewerId>(fields, [&](ViewerId id) {
    context.desk().EndViewer(id, "the viewer is being removed");
    context.CarryOut();
    return Finish(context.desk().RemoveViewer(id, context.wall));
  });
}

Answer GrantAdd(Fields& fields, const Context& context) {
  const auto grant = ReadGrant(fields, context.wall);
  if (!grant) return tl::unexpected(grant.error());
  const auto id = context.desk().AddGrant(*grant, context.wall);
  if (!id) return tl::unexpected(id.error());
  return Json{{"id", id->ToHex()}};
}

Answer GrantRevoke(Fields& fields, const Context& context) {
  return WithId<GrantId>(fields, [&](GrantId id) {
    context.desk().EndViews(id);
    context.CarryOut();
    return Finish(context.desk().RevokeGrant(id, context.wall));
  });
}

// ---------------------------------------------------------------- suspensions and status

Answer SuspendOrder(Fields& fields, const Context& context) {
  const auto camera = fields.OptionalText("camera");
  const auto model = fields.OptionalText("model");
  const auto all = fields.Flag("all");
  const auto reason = fields.Text("reason");
  if (!camera) return tl::unexpected(camera.error());
  if (!model) return tl::unexpected(model.error());
  if (!all) return tl::unexpected(all.error());
  if (!reason) return tl::unexpected(reason.error());
  if (auto rest = fields.NothingElse(); !rest) return tl::unexpected(rest.error());
  if (int{camera->has_value()} + int{model->has_value()} + int{*all} != 1) {
    return Fail(ErrorCode::kInvalid, "say one of camera, model and all");
  }
  NewSuspension suspension;
  suspension.reason = *reason;
  if (camera->has_value()) {
    const auto id = fields.Id<CameraId>("camera");
    if (!id) return tl::unexpected(id.error());
    suspension.scope = ports::SuspensionScope::kCamera;
    suspension.camera = *id;
  } else if (model->has_value()) {
    suspension.scope = ports::SuspensionScope::kModel;
    suspension.model = **model;
  }
  const auto result = context.desk().Suspend(suspension, context.wall);
  if (!result) return tl::unexpected(result.error());
  context.CarryOut();
  if (const auto* unkept = context.desk().WhyNotKept(result->id)) {
    return Fail(ErrorCode::kSystem,
                std::string(kSuspended) + result->id.ToHex() +
                    "), but only until the daemon restarts, because it could not be written: " +
                    (unkept->why ? unkept->why->message : "it was not tried"));
  }
  return Json{{"id", result->id.ToHex()}, {"cameras", result->cameras}};
}

Answer ResumeOrder(Fields& fields, const Context& context) {
  const auto id = fields.Id<SuspensionId>("id");
  const auto cause = fields.Text("root_cause");
  if (!id) return tl::unexpected(id.error());
  if (!cause) return tl::unexpected(cause.error());
  if (auto rest = fields.NothingElse(); !rest) return tl::unexpected(rest.error());
  return Finish(context.desk().Resume(*id, *cause, context.wall));
}

struct Command {
  std::string_view name;
  Answer (*run)(Fields&, const Context&);
};
constexpr std::array<Command, 20> kCommands{{
    {"camera add", CameraAdd},
    {"camera list", CameraListing},
    {"camera rename", CameraRename},
    {"camera remove", CameraRemove},
    {"camera pin", CameraPin},
    {"camera confirm", CameraConfirm},
    {"camera rotate", CameraRotate},
    {"camera transfer", CameraTransfer},
    {"viewer add", ViewerAdd},
    {"viewer list", ViewerListing},
    {"viewer rotate", ViewerRotate},
    {"viewer remove", ViewerRemove},
    {"grant add", GrantAdd},
    {"grant list", GrantListing},
    {"grant revoke", GrantRevoke},
    {"suspend", SuspendOrder},
    {"suspension list", SuspensionListing},
    {"resume", ResumeOrder},
    {"watching", WatchingListing},
    {"certificate", CertificateReport},
}};

Answer Run(std::string_view text, const Context& context) {
  if (text.size() > kMaxControlCommand) return Fail(ErrorCode::kInvalid, "the command is too long");
  const Json object = Json::parse(text, nullptr, false);
  if (!object.is_object()) return Fail(ErrorCode::kInvalid, "a command is one JSON object");
  const auto name = object.find("command");
  if (name == object.end() || !name->is_string()) return Fail(ErrorCode::kInvalid, "command is missing");
  Fields fields(object);
  const auto wanted = name->get<std::string>();
  if (wanted == "status") return StatusReport(fields, context);
  for (const Command& command : kCommands) {
    if (wanted == command.name) return command.run(fields, context);
  }
  return Fail(ErrorCode::kInvalid,
              "there is no command " + Json(wanted).dump(-1, ' ', true, Json::error_handler_t::replace));
}

}  // namespace

std::string AnswerControl(Keeper& keeper, std::string_view command, std::string_view base_url, Instant now,
                          WallTime wall, const std::function<void()>& carry_out) {
  keeper.SetTime(now, wall);
  std::optional<Secret32> token;
  std::optional<ports::SdesKey> sdes_key;
  Answer answer = Run(command, Context{keeper, base_url, now, wall, carry_out, token, sdes_key});
  keeper.Settle(now, wall);
  Json reply;
  if (answer) {
    reply["ok"] = std::move(*answer);
  } else {
    reply["error"] = answer.error().message;
  }
  std::string text = reply.dump(-1, ' ', false, Json::error_handler_t::replace);
  const auto show = [&text](const std::string& place, std::string secret) {
    const auto at = text.find(place);
    LATCHKEY_CHECK(at != std::string::npos && secret.size() == place.size());
    std::copy(secret.begin(), secret.end(), text.begin() + static_cast<std::ptrdiff_t>(at));
    WipeText(secret);
  };
  if (token) show(TokenPlace(), access::FormatToken(*token));
  if (sdes_key) show(SdesKeyPlace(), Base64Encode(sdes_key->Reveal()));
  return text;
}

}  // namespace latchkey::keeper
