#include "tests/fuzz/keeper_hub.h"

#include <algorithm>
#include <utility>

#include "daemon/base/check.h"

namespace latchkey::fuzz {
namespace {

constexpr std::size_t kHostileCameras = 2;
constexpr std::array<std::uint8_t, 32> Filled(std::uint8_t fill) {
  std::array<std::uint8_t, 32> digest{};
  digest.fill(fill);
  return digest;
}
// Of the honest camera and its viewer. Whoever does not hold the private key can't show a certificate.
constexpr auto kCertificate = Filled(0x77);
constexpr auto kFingerprint = Filled(0xf0);

std::array<std::uint8_t, 32> Copy(const Secret32& secret) {
  std::array<std::uint8_t, 32> bytes{};
  std::copy(secret.Reveal().begin(), secret.Reveal().end(), bytes.begin());
  return bytes;
}

template <class Variant, std::size_t... Index>
Variant Make(std::size_t kind, Filler& filler, std::index_sequence<Index...>) {
  Variant message;
  const auto fill = [&]<std::size_t I>() {
    if (kind % sizeof...(Index) == I) filler.Fill(message.template emplace<I>());
  };
  (fill.template operator()<Index>(), ...);
  return message;
}

template <class Variant>
Variant Make(std::size_t kind, Filler& filler) {
  return Make<Variant>(kind, filler, std::make_index_sequence<std::variant_size_v<Variant>>());
}

}  // namespace

HostileHub::HostileHub() {
  auto loaded = keeper::Registry::Load(disk_, crypto_, entropy_, Secret32());
  LATCHKEY_CHECK(loaded.has_value());
  registry_ = std::move(*loaded);
  book_ = std::make_unique<keeper::AuditBook>(crypto_, stamp_, ports::AuditLogId(ports::AuditLogId::Bytes{1}),
                                              std::nullopt);
  keeper_ = std::make_unique<keeper::Keeper>(*registry_, *book_, crypto_, entropy_, keeper::Settings{});
  keeper_->HandleStart(now_, wall_);
  keeper_->Settle(now_, wall_);
  for (std::size_t i = 0; i < 1 + kHostileCameras; ++i) {
    const std::string name = std::to_string(i);
    auto camera = keeper_->control().AddCamera({name, "", std::nullopt, i == kHostileCameras}, wall_);
    auto viewer = keeper_->control().AddViewer(name, wall_);
    LATCHKEY_CHECK(camera.has_value() && viewer.has_value());
    const auto grant =
        keeper_->control().AddGrant({viewer->id, camera->id, 1, wall_, wall_ + hours(24)}, wall_);
    LATCHKEY_CHECK(grant.has_value());
    tokens_.push_back(Copy(camera->token));
    tokens_.push_back(Copy(viewer->token));
    camera_ids_.push_back(camera->id);
    cameras_.push_back(std::move(*camera));
    const PrincipalId principal = access::PrincipalOf(crypto_, viewer->token);
    people_.push_back({std::move(*viewer), principal});
  }
  keeper_->Settle(now_, wall_);
  CarryOut(std::nullopt);
  StartFront();
  for (const CameraId camera : camera_ids_) StartLane(camera);
}

wire::Ticket HostileHub::NewTicket(const Secret32& token) {
  return {entropy_.MakeId<RequestId>(), access::PrincipalOf(crypto_, token)};
}

void HostileHub::StartFront() {
  keeper_->HandleFrontStart(now_);
  CarryOut(std::nullopt);
  keeper_->HandleFront(wire::FrontReady{8480}, now_, wall_);
  CarryOut(std::nullopt);
}

void HostileHub::StartLane(CameraId camera) {
  keeper_->HandleLaneStart(camera, now_);
  CarryOut(std::nullopt);
  keeper_->HandleLane(camera, wire::LaneReady{40000}, now_, wall_);
  CarryOut(std::nullopt);
}

void HostileHub::EndFront() {
  keeper_->HandleFrontEnd(now_);
  CarryOut(std::nullopt);
  StartFront();
}

void HostileHub::EndLane(CameraId camera) {
  keeper_->HandleLaneEnd(camera, now_);
  CarryOut(std::nullopt);
  StartLane(camera);
}

void HostileHub::Act(ByteReader& input) {
  const std::uint8_t kind = input.U8();
  const CameraId hostile = camera_ids_[1 + kind / 16U % kHostileCameras];
  if ((kind & 0x80U) != 0) WriteIndices();
  switch (kind % 16U) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4: return FrontSays(input);
    case 5: return FrontPublishes(input.U8());
    case 6:
    case 7:
    case 8:
    case 9: return LaneSays(hostile, input);
    case 10: return LaneAnswers(hostile, input.U8());
    case 11: return FrontSaysJunk(input.Bytes(std::min<std::size_t>(input.U8(), input.remaining())));
    case 12: return LaneSaysJunk(hostile, input.Bytes(std::min<std::size_t>(input.U8(), input.remaining())));
    case 13: return PassTime(milliseconds(input.U8() * 4));
    case 14: return PassTime(seconds(input.U8() % 16));
    default: return (kind & 16U) != 0 ? EndFront() : EndLane(hostile);
  }
}

// Filled by chance alone most messages would be refused at their first field: here what belongs together is
// put together, if the input wants it so.
template <class Message>
void HostileHub::Aim(Message& message, ByteReader& input) {
  const std::uint8_t choice = input.U8();
  if ((choice & 1U) == 0) return;
  const std::size_t which = choice >> 1U;
  if constexpr (requires {
                  message.token;
                  message.ticket;
                }) {
    message.ticket = NewTicket(message.token);
    loot_.tickets.Note(message.ticket);
  } else if constexpr (std::is_same_v<Message, wire::KeyShown> ||
                       std::is_same_v<Message, wire::IndexWanted>) {
    const auto* enrolled = loot_.enrolled.At(which);
    if (enrolled == nullptr) return;
    if constexpr (std::is_same_v<Message, wire::KeyShown>) {
      message.stream_key = enrolled->second;
      if ((which & 1U) != 0) return;  // for whatever session it says
      message.keying = wire::Keying::kEnrolled;
      message.session = enrolled->first;
    } else {
      message.session = enrolled->first;
      message.up_to %= ports::kSrtpMaxIndex;
    }
  } else if constexpr (std::is_same_v<Message, wire::ViewProof>) {
    const wire::Granted* granted = loot_.granted.At(which);
    if (granted == nullptr) return;
    message.ticket = granted->ticket;
    message.session = granted->session;
    message.wrap = granted->wrap;
    Secret32 token(tokens_[input.U8() % tokens_.size()]);
    message.derived_key = access::DeriveViewerKey(crypto_, token, granted->grant);
  } else if constexpr (requires {
                         message.ticket;
                         message.session;
                       }) {
    const auto* question = loot_.questions.At(which);
    if (question == nullptr) return;
    message.ticket = question->first;
    message.session = question->second;
    if constexpr (requires { message.etag; }) message.etag = "etag";
  }
}

void HostileHub::FrontSays(ByteReader& input) {
  Filler filler(input, loot_, camera_ids_, tokens_);
  auto message = Make<wire::FrontToKeeper>(input.U8(), filler);
  std::visit([&](auto& m) { Aim(m, input); }, message);
  keeper_->HandleFront(std::move(message), now_, wall_);
  CarryOut(CameraId());
}

// It has seen every camera's token.
void HostileHub::FrontPublishes(std::size_t which) {
  const keeper::Enrolled<CameraId>& camera = cameras_[which % cameras_.size()];
  wire::PublishRequest publish;
  publish.token = camera.token.Duplicate();
  publish.ticket = NewTicket(publish.token);
  publish.camera = camera.id;
  loot_.tickets.Note(publish.ticket);
  keeper_->HandleFront(std::move(publish), now_, wall_);
  CarryOut(CameraId());
}

// Whatever camera's question it was: another's is a mix-up while it stands, and nobody's afterwards.
void HostileHub::LaneAnswers(CameraId camera, std::size_t which) {
  const auto* question = loot_.questions.At(which);
  if (question == nullptr) return;
  const auto [ticket, session] = *question;
  const auto epoch = epochs_.find(session);
  if (epoch == epochs_.end()) return;
  const auto refused = [this] { return keeper_->counters().mixups + keeper_->counters().replies_dropped; };
  const std::uint64_t before = refused();
  keeper_->HandleLane(camera, wire::PublishAnswer{ticket, session, epoch->second, "etag", "v=0"}, now_,
                      wall_);
  LATCHKEY_CHECK(published_.at(session) == camera || refused() == before + 1);
  CarryOut(camera);
}

void HostileHub::LaneSays(CameraId camera, ByteReader& input) {
  Filler filler(input, loot_, camera_ids_, tokens_);
  auto message = Make<wire::LaneToKeeper>(input.U8(), filler);
  std::visit([&](auto& m) { Aim(m, input); }, message);
  keeper_->HandleLane(camera, std::move(message), now_, wall_);
  CarryOut(camera);
}

// As the program does: what is no record of the channel is its sender's end.
void HostileHub::FrontSaysJunk(ByteView record) {
  auto message = wire::DecodeIpc<wire::FrontToKeeper>(record);
  if (!message) return EndFront();
  keeper_->HandleFront(std::move(*message), now_, wall_);
  CarryOut(CameraId());
}

void HostileHub::LaneSaysJunk(CameraId camera, ByteView record) {
  auto message = wire::DecodeIpc<wire::LaneToKeeper>(record);
  if (!message) return EndLane(camera);
  keeper_->HandleLane(camera, std::move(*message), now_, wall_);
  CarryOut(camera);
}

void HostileHub::HonestLane(wire::LaneToKeeper message) {
  keeper_->HandleLane(camera_ids_[0], std::move(message), now_, wall_);
  CarryOut(camera_ids_[0]);
}

void HostileHub::HonestFront(wire::FrontToKeeper message) {
  keeper_->HandleFront(std::move(message), now_, wall_);
  CarryOut(std::nullopt);
}

// In steps of a second at most; the honest lane tells how it is.
void HostileHub::PassTime(Duration by) {
  for (const Instant end = now_ + by; now_ < end;) {
    const Duration step = std::min<Duration>(end - now_, seconds(1));
    now_ += step;
    wall_ += step;
    keeper_->HandleTimeout(now_, wall_);
    CarryOut(std::nullopt);
    wire::LaneStatus status;
    status.epoch = keeper_->epoch(camera_ids_[0]);
    status.state = wire::CameraState::kLive;
    HonestLane(std::move(status));
  }
}

void HostileHub::AnswerHonestly(wire::KeeperToLane message) {
  if (auto* publish = std::get_if<wire::PublishOffer>(&message)) {
    HonestLane(wire::PublishAnswer{publish->ticket, publish->session, publish->epoch, "etag", "v=0"});
    wire::KeyShown shown;
    shown.session = publish->session;
    shown.public_key = kCertificate;
    entropy_.Fill(shown.stream_key);
    HonestLane(std::move(shown));
  } else if (auto* offer = std::get_if<wire::ViewerOffer>(&message)) {
    HonestLane(wire::ViewerParsed{offer->ticket, offer->session, kFingerprint});
  } else if (auto* admit = std::get_if<wire::ViewerAdmit>(&message)) {
    access::WrapContext context{camera_ids_[0], admit->epoch, kFingerprint, admit->rights, admit->not_after};
    const auto grant = access::UnwrapGrant(crypto_, admit->derived_key, admit->wrap, context, wall_);
    // The front may have given any key; one that opens is that of a viewer with a grant, and opens this
    // camera's.
    if (!grant) return HonestLane(wire::Refused{admit->ticket, 503, "unavailable", "it does not open", 1});
    LATCHKEY_CHECK(
        ConstantTimeEqual(grant->content_key().Reveal(), content_keys_.at(camera_ids_[0]).Reveal()));
    HonestLane(wire::ViewerAnswer{admit->ticket, admit->session, "etag", "v=0"});
  } else if (auto* patch = std::get_if<wire::PatchOffer>(&message)) {
    HonestLane(wire::PatchAnswer{patch->ticket, patch->session, "etag", ""});
  }
}

bool HostileHub::MaySee(const PrincipalId& principal, CameraId camera) const {
  return std::any_of(people_.begin(), people_.end(), [&](const Person& person) {
    const auto& grants = registry_->grants();
    return person.principal == principal &&
           std::any_of(grants.begin(), grants.end(), [&](const ports::GrantRecord& g) {
             return g.viewer == person.own.id && g.camera == camera && access::HoldsAt(g, wall_);
           });
  });
}

void HostileHub::ServeHonestly() {
  WriteIndices();
  // Sessions to which nobody ever connected end; what was left open is given up.
  for (const auto& [session, camera] : offered_) {
    if (camera == camera_ids_[0])
      HonestLane(wire::SessionEnded{session, wire::SessionEndReason::kHandshakeTimeout, 0, 0, 0});
  }
  PassTime(keeper::kLaneAnswerLimit + seconds(10));
  EndFront();
  honest_front_ = true;
  answers_.clear();
  LATCHKEY_CHECK(registry_->SuspensionOf(camera_ids_[0]) == nullptr);

  wire::PublishRequest publish;
  publish.token = cameras_[0].token.Duplicate();
  publish.ticket = NewTicket(publish.token);
  publish.camera = camera_ids_[0];
  HonestFront(std::move(publish));
  LATCHKEY_CHECK(Answer<wire::Answered>().has_value());

  const auto ask = [this](const Person& person) {
    wire::ViewRequest view;
    view.token = person.own.token.Duplicate();
    view.ticket = NewTicket(view.token);
    view.camera = camera_ids_[0];
    HonestFront(std::move(view));
  };
  ask(people_[0]);
  const auto granted = Answer<wire::Granted>();
  LATCHKEY_CHECK(granted.has_value());
  HonestFront(wire::ViewProof{granted->ticket, granted->session, granted->wrap,
                              access::DeriveViewerKey(crypto_, people_[0].own.token, granted->grant)});
  LATCHKEY_CHECK(Answer<wire::Answered>().has_value());
  ask(people_[1]);
  const auto refused = Answer<wire::Refused>();
  LATCHKEY_CHECK(refused.has_value() && refused->http_status == 403);
}

template <class Message>
std::optional<Message> HostileHub::Answer() {
  std::optional<Message> found;
  for (auto& answer : answers_) {
    if (auto* message = std::get_if<Message>(&answer)) found = std::move(*message);
  }
  answers_.clear();
  return found;
}

}  // namespace latchkey::fuzz
