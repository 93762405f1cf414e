#include "daemon/keeper/admission_desk.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace latchkey::keeper {
namespace {

std::string_view KeyingName(wire::Keying keying) {
  if (keying == wire::Keying::kDtls) return "dtls";
  return keying == wire::Keying::kSdes ? "sdes" : "enrolled";
}

std::string SourceTaken(CameraId other) {
  return "it sends under an SSRC of another camera, " + other.ToHex();
}

}  // namespace

void AdmissionDesk::Judge(CameraId camera, const wire::KeyShown& shown, WallTime wall) {
  LaneSlot* lane = books_.Lane(camera);
  LATCHKEY_CHECK(lane != nullptr);
  if (lane->publisher != shown.session) return;  // ended from here: the lane is told already
  if (lane->admitted) return books_.LaneViolation(camera, "it showed two keys of one session");
  if ((shown.keying == wire::Keying::kEnrolled) != lane->sdes)
    return books_.LaneViolation(camera, "it showed a key of another kind than its session's");
  if (lane->sdes && shown.stream_key != lane->sdes_digest)
    return books_.LaneViolation(camera, "it showed another key than the one that the hub made");
  const ports::KeyTag stream_key = books_.registry.TagOf(shown.stream_key);
  if (const auto objection = WhyNot(camera, shown, stream_key)) {
    lane->sdes_refused = lane->sdes_refused || (lane->sdes && !objection->passing);
    Refuse(camera, shown.session, objection->why);
    if (!objection->other) return;
    suspensions_.Trip(camera, objection->why, wall);
    return suspensions_.Trip(*objection->other, "another camera, " + camera.ToHex() + ", has its key", wall);
  }
  if (const auto noted = NoteKeys(camera, shown, stream_key, wall); !noted)
    return Refuse(camera, shown.session, noted.error().message);
  lane->admitted = AdmittedKey{shown.public_key, shown.sources.items()};
  lane->key_refused.clear();
  ++books_.counters.keys_admitted;
  About about;
  about.camera = camera;
  about.session = shown.session;
  about.epoch = lane->epoch;
  Facts facts;
  facts.Text("keying", KeyingName(shown.keying));
  if (shown.keying == wire::Keying::kDtls) facts.Text("certificate", internal::HexEncode(shown.public_key));
  books_.Record(audit::Kind::kKeyAdmitted, about, facts);
  wire::KeyAdmitted admitted;
  admitted.session = shown.session;
  admitted.stream_key = shown.stream_key;
  books_.ToLaneNow(camera, admitted);
}

// On the disk before it counts: a key that is not known to be used could be used again.
Status AdmissionDesk::NoteKeys(CameraId camera, const wire::KeyShown& shown, const ports::KeyTag& stream_key,
                               WallTime wall) {
  const ports::CameraRecord* record = books_.registry.FindCamera(camera);
  if (shown.keying == wire::Keying::kEnrolled && record->enrolment->tag == stream_key) return {};
  if (shown.keying == wire::Keying::kDtls && record->pin_state == ports::PinState::kAwaited) {
    const auto pinned = books_.registry.PinCamera(camera, ports::PinState::kFirstUse, shown.public_key);
    if (!pinned)
      return Fail(pinned.error().code, "its certificate can't be pinned: " + pinned.error().message);
    NotePin(camera, ports::PinState::kFirstUse, shown.public_key);
    books_.Tell("its certificate is pinned: confirm it with latchkeyctl camera confirm", camera);
  }
  const bool dtls = shown.keying == wire::Keying::kDtls;
  const auto certificate = dtls ? std::optional(shown.public_key) : std::nullopt;
  const auto used = shown.keying == wire::Keying::kEnrolled
                        ? books_.registry.NoteSdesTag(camera, stream_key, wall)
                        : books_.registry.UseKeys(camera, certificate, stream_key, wall);
  if (used) return {};
  return Fail(used.error().code, "its key can't be noted as used: " + used.error().message);
}

std::optional<AdmissionDesk::Objection> AdmissionDesk::WhyNot(CameraId camera, const wire::KeyShown& shown,
                                                              const ports::KeyTag& stream_key) {
  if (auto objection = WhyNotPeer(camera, shown)) return objection;
  if (auto objection = WhyNotKey(camera, shown, stream_key)) return objection;
  if (const auto other = OtherOfSource(camera, shown.sources.items()))
    return Objection{SourceTaken(*other), {}, /*passing=*/true};
  return std::nullopt;
}

// (a): who holds the key is the enrolled camera.
std::optional<AdmissionDesk::Objection> AdmissionDesk::WhyNotPeer(CameraId camera,
                                                                  const wire::KeyShown& shown) const {
  const Registry& registry = books_.registry;
  const ports::CameraRecord* record = registry.FindCamera(camera);
  if (shown.keying != wire::Keying::kDtls) {
    if (!record->sdes) return Objection{"it brings its key by SDES, and was not added for that", {}};
    if (record->pin_state == ports::PinState::kNone) return std::nullopt;
    return Objection{
        "its certificate is pinned, and its key came without one: let it use DTLS, or take the pin away with "
        "latchkeyctl camera pin",
        {}};
  }
  if (const auto other = registry.OtherOfCertificate(camera, shown.public_key))
    return Objection{"it shows the certificate of another camera, " + other->ToHex(), *other};
  if (!record->pin || *record->pin == shown.public_key) return std::nullopt;
  return Objection{"its certificate's key is " + internal::HexEncode(shown.public_key) +
                       ", not the pinned one: if the camera was renewed, pin it with latchkeyctl camera pin",
                   {}};
}

// (b): nobody else has the key, and it was never used before; one that the hub made is used again and again.
std::optional<AdmissionDesk::Objection> AdmissionDesk::WhyNotKey(CameraId camera, const wire::KeyShown& shown,
                                                                 const ports::KeyTag& stream_key) {
  const Registry& registry = books_.registry;
  const auto theirs = [](CameraId other) {
    return Objection{"its key is one of another camera, " + other.ToHex(), other};
  };
  if (const auto other = registry.OtherOfSdesTag(camera, stream_key)) return theirs(*other);
  const auto user = books_.registry.UserOf(stream_key);
  if (!user) {
    return Objection{
        "the registry can't tell whether its key is new: " + user.error().message, {}, /*passing=*/true};
  }
  if (*user && **user != camera && registry.FindCamera(**user) != nullptr) return theirs(**user);
  const auto& enrolment = registry.FindCamera(camera)->enrolment;
  const bool own = enrolment && enrolment->tag == stream_key;
  if (shown.keying == wire::Keying::kEnrolled && (own || !*user)) return std::nullopt;
  if (*user || own) return Objection{"its key was used before", {}};
  return std::nullopt;
}

std::optional<CameraId> AdmissionDesk::OtherOfSource(CameraId camera,
                                                     const std::vector<std::uint32_t>& sources) const {
  for (const auto& [other, lane] : books_.lanes) {
    if (other == camera || !lane.publisher || !lane.admitted) continue;
    const auto& theirs = lane.admitted->sources;
    if (std::find_first_of(sources.begin(), sources.end(), theirs.begin(), theirs.end()) != sources.end())
      return other;
  }
  return std::nullopt;
}

void AdmissionDesk::Refuse(CameraId camera, SessionId session, const std::string& why) {
  NoteRefused(camera, session, why);
  books_.lists_changed = true;
  LaneSlot* lane = books_.Lane(camera);
  if (lane->sdes) lane->sdes_failed = books_.now;
  keys_.EndSession(session, "its key was refused");
}

void AdmissionDesk::NoteRefused(CameraId camera, SessionId session, const std::string& why) {
  ++books_.counters.keys_refused;
  books_.Tell("a key was refused: " + why, camera);
  About about;
  about.camera = camera;
  about.session = session;
  books_.RecordOften(audit::Kind::kKeyRefused, about, std::move(Facts().Text("why", why)));
  if (LaneSlot* lane = books_.Lane(camera)) lane->key_refused = why;
}

void AdmissionDesk::NoteSources(CameraId camera, const wire::SourcesSeen& seen) {
  LaneSlot* lane = books_.Lane(camera);
  if (lane->publisher != seen.session) return;  // ended from here
  if (!lane->admitted) return books_.LaneViolation(camera, "it has packets under a key that nobody admitted");
  if (const auto other = OtherOfSource(camera, seen.sources.items()))
    return Refuse(camera, seen.session, SourceTaken(*other));
  lane->admitted->sources = seen.sources.items();
}

void AdmissionDesk::NoteWeakKey(CameraId camera) {
  LaneSlot* lane = books_.Lane(camera);
  lane->sdes_refused = lane->sdes_refused || lane->sdes;
  NoteRefused(camera, {}, "its key is no secret: a constant, a pattern, or one that is published");
}

void AdmissionDesk::NotePin(CameraId camera, ports::PinState state, const std::optional<ports::KeyPin>& pin) {
  using ports::PinState;
  const char* how = "none";
  if (state == PinState::kAwaited) how = "at first use";
  if (state == PinState::kFirstUse) how = "first use";
  if (state == PinState::kConfirmed) how = "confirmed";
  About about;
  about.camera = camera;
  Facts facts;
  facts.Text("pin", how);
  if (pin) facts.Text("certificate", internal::HexEncode(*pin));
  books_.Record(audit::Kind::kPinChanged, about, facts);
}

Status AdmissionDesk::Pin(CameraId camera, ports::PinState state, const std::optional<ports::KeyPin>& pin) {
  if (auto pinned = books_.registry.PinCamera(camera, state, pin); !pinned) return pinned;
  NotePin(camera, state, pin);
  books_.lists_changed = true;
  LaneSlot* lane = books_.Lane(camera);
  if (lane == nullptr) return {};
  lane->key_refused.clear();
  lane->sdes_refused = false;
  const bool other = pin && lane->admitted && lane->admitted->public_key != *pin;
  if (other && lane->publisher) keys_.EndSession(*lane->publisher, "its certificate is not the pinned one");
  return {};
}

Status AdmissionDesk::Confirm(CameraId camera) {
  const ports::CameraRecord* record = books_.registry.FindCamera(camera);
  if (record == nullptr) return Fail(ErrorCode::kNotFound, "there is no camera with this id");
  if (!record->pin) {
    return Fail(ErrorCode::kInvalid,
                "this camera has no pin yet: it is pinned when it publishes for the first time");
  }
  return Pin(camera, ports::PinState::kConfirmed, record->pin);
}

}  // namespace latchkey::keeper
