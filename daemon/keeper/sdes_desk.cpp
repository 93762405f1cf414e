#include "daemon/keeper/sdes_desk.h"

#include <utility>

namespace latchkey::keeper {

static_assert(wire::kMaxSdesSources == ports::kMaxSdesSources);
constexpr std::size_t kMasterKeySize = ports::SrtpKeyLength(ports::SrtpProfile::kAes128CmHmacSha1_80);

bool SdesDesk::MayBegin(const ports::CameraRecord& camera, const LaneSlot& lane, Instant now) const {
  if (!camera.enrolment || lane.state != LaneState::kReady || lane.told_to_suspend || lane.publisher)
    return false;
  // What the disk is yet to write of the session before is no floor of the next one's yet.
  if (lane.blocks_waiting > 0) return false;
  // A key that was refused is refused again, until its owner does something about it.
  if (lane.sdes_refused || (lane.sdes_failed && now - *lane.sdes_failed < kSdesRetry)) return false;
  const auto asked = [&](const Question& q) {
    return q.camera == camera.id && std::holds_alternative<PublishAsked>(q.what);
  };
  return books_.questions.Pick(asked).empty();
}

void SdesDesk::BeginAll(Instant now, WallTime wall) {
  for (const ports::CameraRecord& camera : books_.registry.cameras()) {
    LaneSlot* lane = books_.Lane(camera.id);
    if (lane == nullptr || !MayBegin(camera, *lane, now)) continue;
    const auto begun = Begin(camera, *lane, now, wall);
    lane->sdes_failed = begun ? std::nullopt : std::optional(now);
    if (!begun) books_.Tell("its sender can't be let in: " + begun.error().message, camera.id);
  }
}

Status SdesDesk::Begin(const ports::CameraRecord& camera, LaneSlot& lane, Instant now, WallTime wall) {
  auto key = books_.registry.SdesKeyOf(camera.id);
  if (!key) return tl::unexpected(key.error());
  const auto sources = books_.registry.SdesSources(camera.id);
  if (!sources) return tl::unexpected(sources.error());
  wire::SdesBegin begin;
  const auto epoch = keys_.NewEpoch(camera.id, begin.content_key);
  if (!epoch) return tl::unexpected(epoch.error());
  const auto drawn = books_.DrawSession(camera.id);
  if (!drawn) return Fail(ErrorCode::kConflict, "the system's randomness repeats itself");
  begin.session = *drawn;
  begin.epoch = *epoch;
  lane.sdes_digest = ports::DigestOfMasterKey(books_.crypto, key->Reveal().first(kMasterKeySize));
  begin.key = std::move(*key);
  begin.video = camera.enrolment->vp8 ? wire::Codec::kVp8 : wire::Codec::kH264;
  for (const ports::SourceFloor& source : *sources)
    LATCHKEY_CHECK(begin.sources.TryPush({source.ssrc, source.from}));
  Session session;
  session.id = begin.session;
  session.camera = camera.id;
  // Nobody's: no client asks about this session.
  session.ticket = {books_.entropy.MakeId<RequestId>(), books_.entropy.MakeId<PrincipalId>()};
  session.owner = camera.id;
  session.answered = true;
  session.answered_at = now;
  books_.sessions.Add(std::move(session));
  lane.publisher = begin.session;
  lane.sdes = true;
  Secret32 own = begin.content_key.Duplicate();
  books_.ToLaneNow(camera.id, std::move(begin));
  keys_.Adopt(camera.id, *epoch, std::move(own), now, wall);
  books_.lists_changed = true;
  return {};
}

void SdesDesk::NotePort(CameraId camera, std::uint16_t port) {
  const ports::CameraRecord* record = books_.registry.FindCamera(camera);
  if (record == nullptr || !record->enrolment || record->enrolment->port == port) return;
  if (auto set = books_.registry.SetSdesPort(camera, port); !set)
    books_.Tell("its port can't be noted: " + set.error().message, camera);
}

void SdesDesk::Reserve(CameraId camera, const wire::IndexWanted& wanted, Instant now) {
  LaneSlot* lane = books_.Lane(camera);
  if (lane->publisher != wanted.session) return;  // ended from here
  if (!lane->sdes || !lane->admitted)
    return books_.LaneViolation(camera, "it has packets under an enrolled key that nobody admitted");
  if (wanted.up_to > ports::kSrtpMaxIndex)
    return books_.LaneViolation(camera, "it wants an index that is none");
  if (now - lane->blocks_wanted_since >= kIndexWindow) {
    lane->blocks_wanted_since = now;
    lane->blocks_wanted = 0;
  }
  if (++lane->blocks_wanted > kIndexBlocks)
    return keys_.EndSession(wanted.session, "its sender began anew too often");
  if (lane->blocks_waiting >= kIndexBlocks)
    return keys_.EndSession(wanted.session, "the disk is slower than its sender begins anew");
  ++lane->blocks_waiting;
  const ports::SealedSdesKey& key = books_.registry.FindCamera(camera)->enrolment->key;
  books_.effects.emplace_back(ReserveIndex{camera, wanted.session, key, {wanted.ssrc, wanted.up_to}});
}

void SdesDesk::HandleReserved(const ReserveIndex& wanted, const Status& status, Instant now) {
  LaneSlot* lane = books_.Lane(wanted.camera);
  if (lane == nullptr) return;  // removed meanwhile
  LATCHKEY_CHECK(lane->blocks_waiting > 0);
  --lane->blocks_waiting;
  if (lane->publisher != wanted.session) return;
  if (status) {
    wire::IndexReserved reply;
    reply.session = wanted.session;
    reply.ssrc = wanted.source.ssrc;
    reply.up_to = wanted.source.from;
    return books_.ToLaneNow(wanted.camera, reply);
  }
  if (status.error().code == ErrorCode::kDenied) {
    lane->key_refused = "its key is used up: make another with latchkeyctl camera rotate";
    lane->sdes_refused = true;
  } else {
    lane->sdes_failed = now;
  }
  books_.Tell("its sender is not let in any more: " + status.error().message, wanted.camera);
  keys_.EndSession(wanted.session, "how far its sender has come could not be written");
}

}  // namespace latchkey::keeper
