#include "tests/unit/lane/world.h"

#include <algorithm>
#include <array>

#include "daemon/peer/enrolled.h"
#include "tests/support/catch.h"

namespace latchkey::lane::test {
namespace {

constexpr std::uint8_t kRights = static_cast<std::uint8_t>(wire::Rights::kLive);

}  // namespace

World::World(std::function<void(wire::LaneConfig&)> change) : hub(1), camera_tools(2), viewer_tools(3) {
  config.camera = hub.entropy.MakeId<CameraId>();
  config.loopback = true;
  config.cache_bytes = 3 * 1024 * 1024;
  config.cache_frames = 2048;
  config.cache_age = seconds{30};
  config.max_viewers = 8;
  config.max_bitrate_kbit = 4000;
  config.hold_least = milliseconds{60};
  config.hold_most = milliseconds{1000};
  config.stale_after = milliseconds{500};
  config.unavailable_after = seconds{2};
  if (change) change(config);
  lane = std::make_unique<Lane>(config, Reach{{kHub}},
                                LanePorts{hub.crypto, hub.entropy, *hub.dtls, hub.srtp}, now);
}

wire::Ticket World::MakeTicket() {
  return {hub.entropy.MakeId<RequestId>(), hub.entropy.MakeId<PrincipalId>()};
}

std::vector<wire::LaneToKeeper> World::Tell(wire::KeeperToLane message) {
  (void)TakeMessages();
  lane->HandleMessage(std::move(message), now, wall);
  After();
  return TakeMessages();
}

std::vector<wire::LaneToKeeper> World::Publish(Camera& camera) {
  wire::PublishOffer offer;
  offer.ticket = MakeTicket();
  offer.session = hub.entropy.MakeId<SessionId>();
  offer.epoch = epoch.Next();
  Secret32 key;
  hub.entropy.Fill(key.RevealForWriting());
  offer.content_key = key.Duplicate();
  const std::string sdp = camera.Offer();
  offer.offer = sdp;
  offer.sdes = allows_sdes;
  const SessionId session = offer.session;
  auto replies = Tell(std::move(offer));
  for (const auto& reply : replies) {
    const auto* answer = std::get_if<wire::PublishAnswer>(&reply);
    if (answer == nullptr) continue;
    CHECK(answer->session == session);
    epoch = answer->epoch;
    content_key_ = std::move(key);
    camera_session = session;
    if (std::find(peers_.begin(), peers_.end(), &camera.peer) == peers_.end()) peers_.push_back(&camera.peer);
    camera.peer.Begin(sdp, answer->answer.str(), now);
    break;
  }
  return replies;
}

void World::Enrol(Camera& camera, const ports::SdesKey& key, std::vector<wire::SdesSource> known,
                  wire::Codec video) {
  wire::SdesBegin begin;
  begin.session = camera_session = hub.entropy.MakeId<SessionId>();
  begin.epoch = epoch = epoch.Next();
  hub.entropy.Fill(begin.content_key.RevealForWriting());
  content_key_ = begin.content_key.Duplicate();
  begin.key = key.Duplicate();
  begin.video = video;
  sources = known;
  for (const wire::SdesSource& source : known) REQUIRE(begin.sources.TryPush(source));
  ports::SrtpKey srtp;
  srtp.profile = ports::SrtpProfile::kAes128CmHmacSha1_80;
  const auto bytes = key.Reveal();
  std::copy(bytes.begin(), bytes.end(), srtp.key_and_salt.RevealForWriting().begin());
  camera.peer.Enrol(srtp, peer::EnrolledPlan(video, camera_tools.entropy), kHub);
  if (std::find(peers_.begin(), peers_.end(), &camera.peer) == peers_.end()) peers_.push_back(&camera.peer);
  lane->HandleMessage(std::move(begin), now, wall);
  After();
}

wire::WrapBytes World::Wrap(const Session& session, const Admission& admission, WallTime not_after) {
  access::WrapContext context;
  context.camera = admission.camera.value_or(config.camera);
  context.epoch = admission.epoch.value_or(epoch);
  context.viewer_fingerprint = admission.fingerprint.value_or(session.fingerprint);
  context.rights = admission.rights.value_or(kRights);
  context.not_after = not_after;
  return access::WrapContentKey(hub.crypto, hub.entropy, session.viewer_key, content_key_, context);
}

std::vector<wire::LaneToKeeper> World::View(ViewerEnd& viewer, const Admission& admission, bool only_h264) {
  wire::ViewerOffer offer;
  offer.ticket = MakeTicket();
  offer.session = hub.entropy.MakeId<SessionId>();
  offer.grant = hub.entropy.MakeId<GrantId>();
  const std::string sdp = viewer.Offer(only_h264);
  offer.offer = sdp;
  const wire::Ticket ticket = offer.ticket;
  Session session;
  session.id = offer.session;
  auto replies = Tell(std::move(offer));
  const auto parsed = Find<wire::ViewerParsed>(replies);
  if (!parsed) return replies;
  CHECK(parsed->ticket == ticket);
  CHECK(parsed->fingerprint == viewer_tools.dtls->LocalFingerprint());
  session.fingerprint = parsed->fingerprint;
  hub.entropy.Fill(session.viewer_key.RevealForWriting());
  Advance(admission.keeper_takes);
  wire::ViewerAdmit admit;
  admit.ticket = admission.ticket.value_or(ticket);
  admit.session = session.id;
  admit.epoch = admission.told_epoch.value_or(epoch);
  admit.rights = admission.told_rights.value_or(admission.rights.value_or(kRights));
  admit.not_after = wall + admission.life;
  admit.wrap = Wrap(session, admission, admit.not_after);
  admit.derived_key =
      admission.derived_key ? admission.derived_key->Duplicate() : session.viewer_key.Duplicate();
  replies = Tell(std::move(admit));
  for (const auto& reply : replies) {
    const auto* answer = std::get_if<wire::ViewerAnswer>(&reply);
    if (answer == nullptr) continue;
    peers_.push_back(&viewer.peer);
    sessions_.push_back(std::move(session));
    viewer.peer.Begin(sdp, answer->answer.str(), now);
    break;
  }
  return replies;
}

void World::Renew(const SessionId& id, const Admission& admission) {
  const auto session =
      std::find_if(sessions_.begin(), sessions_.end(), [&](const Session& s) { return s.id == id; });
  REQUIRE(session != sessions_.end());
  wire::WrapRenewal renewal;
  renewal.session = id;
  renewal.epoch = admission.told_epoch.value_or(epoch);
  renewal.rights = admission.told_rights.value_or(admission.rights.value_or(kRights));
  renewal.not_after = wall + admission.life;
  renewal.wrap = Wrap(*session, admission, renewal.not_after);
  lane->HandleMessage(std::move(renewal), now, wall);
  After();
}

void World::RenewAll() {
  for (const Session& session : sessions_) Renew(session.id);
}

void World::BeginNextEpoch() {
  wire::EpochBegin begin;
  begin.epoch = epoch = epoch.Next();
  hub.entropy.Fill(begin.content_key.RevealForWriting());
  content_key_ = begin.content_key.Duplicate();
  (void)Tell(std::move(begin));
}

std::vector<wire::LaneToKeeper> World::Patch(const SessionId& session, const std::string& if_match,
                                             const std::string& fragment) {
  wire::PatchOffer patch;
  patch.ticket = MakeTicket();
  patch.session = session;
  patch.if_match = if_match;
  patch.fragment = fragment;
  return Tell(std::move(patch));
}

// What the lane wants carried out, and what holds after every input.
void World::After() {
  Collect();
  while (vouch) {
    const wire::KeyShown shown = *std::exchange(vouch, std::nullopt);
    lane->HandleMessage(wire::KeyAdmitted{shown.session, shown.stream_key}, now, wall);
    Collect();
  }
  for (const wire::IndexWanted& wanted : std::exchange(wanted_, {})) {
    std::erase_if(sources, [&](const wire::SdesSource& s) { return s.ssrc == wanted.ssrc; });
    sources.push_back({wanted.ssrc, wanted.up_to});
    lane->HandleMessage(wire::IndexReserved{wanted.session, wanted.ssrc, wanted.up_to}, now, wall);
    Collect();
  }
  int turns = 0;
  while (lane->NextDeadline() <= now) {
    // Due at once only while there is more to pump: a deadline that stays in the past would be a busy loop.
    REQUIRE(++turns < 2000);
    lane->HandleTimeout(now, wall);
    Collect();
  }
  REQUIRE(lane->IsConsistent());
}

void World::Collect() {
  const DatagramBatch& batch = lane->datagrams();
  datagrams += batch.size();
  largest_turn = std::max(largest_turn, batch.size());
  turn_bytes = std::max(turn_bytes, batch.bytes());
  std::vector<std::pair<SocketAddress, ByteVector>> sent;
  for (const Outgoing& entry : batch.entries()) {
    CHECK(entry.from == kHub);
    CHECK(entry.size <= 1280);
    const ByteView bytes = batch.BytesOf(entry);
    sent.emplace_back(entry.to, ByteVector(bytes.begin(), bytes.end()));
  }
  lane->DatagramsSent(now);
  for (auto& message : lane->TakeMessages()) {
    if (const auto* s = std::get_if<wire::LaneStatus>(&message)) {
      status = *s;
    } else if (const auto* shown = std::get_if<wire::KeyShown>(&message); shown && vouches) {
      vouch = *shown;
    } else if (const auto* wanted = std::get_if<wire::IndexWanted>(&message); wanted && reserves) {
      wanted_.push_back(*wanted);
    } else {
      messages_.push_back(std::move(message));
    }
  }
  for (const auto& [to, bytes] : sent) {
    for (Peer* peer : peers_) {
      if (peer->address() == to) peer->Receive(bytes, kHub, now);
    }
  }
}

void World::Inject(ByteView bytes, const SocketAddress& from) {
  ByteVector copy(bytes.begin(), bytes.end());
  const std::array<ReceivedDatagram, 1> one{ReceivedDatagram{from, kHub, copy}};
  lane->HandleDatagrams(one, now, wall);
  After();
}

void World::Settle() {
  for (bool moved = true; moved;) {
    moved = false;
    for (Peer* peer : peers_) {
      peer->Work(now);
      while (!peer->out.empty()) {
        const ByteVector bytes = std::move(peer->out.front());
        peer->out.pop_front();
        moved = true;
        if (!peer->mute) Inject(bytes, peer->address());
      }
    }
  }
}

void World::Advance(Duration d) {
  const Instant end = now + d;
  Settle();
  while (now < end) {
    Instant next = std::min(end, lane->NextDeadline());
    for (Peer* peer : peers_) {
      if (const auto due = peer->NextDeadline(); due && *due > now) next = std::min(next, *due);
    }
    wall += next - now;
    now = next;
    lane->HandleTimeout(now, wall);
    After();
    Settle();
  }
}

void World::Film(Camera& camera, Duration d, std::uint32_t group, std::size_t keyframe_bytes,
                 std::size_t bytes) {
  for (Duration passed{}; passed < d; passed += milliseconds{40}) {
    const bool keyframe = camera.pictures % group == 0;
    camera.SendPicture(keyframe, keyframe ? keyframe_bytes : bytes, now);
    Advance(milliseconds{40});
  }
}

void World::Connect(Peer& peer) {
  for (int i = 0; i < 50 && !peer.connected(); ++i) Advance(milliseconds{10});
  REQUIRE(peer.connected());
}

std::vector<wire::LaneToKeeper> World::TakeMessages() {
  return std::exchange(messages_, {});
}

}  // namespace latchkey::lane::test
