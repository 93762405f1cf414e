// A datagram to its session: by what it proves (STUN), or by who proved its 5-tuple before. Nothing here
// answers, allocates or changes anything for a sender that has proved nothing (invariant 12).
#include <algorithm>

#include "daemon/lane/lane.h"
#include "daemon/wire/stun.h"

namespace latchkey::lane {

DropReason Lane::Dispatch(const ReceivedDatagram& datagram, Instant now) {
  if (datagram.bytes.empty()) return DropReason::kEmpty;
  if (datagram.bytes.size() > kMaxDatagram) return DropReason::kTooLong;
  const wire::DatagramKind kind = wire::ClassifyDatagram(datagram.bytes);
  if (kind == wire::DatagramKind::kUnknown) return DropReason::kUnknownProtocol;
  if (kind == wire::DatagramKind::kStun) return DispatchStun(datagram, now);
  const auto session = addresses_.Find({datagram.from, datagram.to});
  // A camera with an enrolled key has proved its 5-tuple by no check: each of its packets does, to the gate.
  // No check takes them away from it, whoever made it from there; nobody else has media to send.
  if (kind == wire::DatagramKind::kRtp && camera_ && camera_->enrolled())
    return IsOurs(datagram.to) ? camera_->HandleRtp(datagram, now) : DropReason::kUnknownPeer;
  if (!session) return DropReason::kUnknownPeer;
  if (IsCamera(*session)) {
    switch (kind) {
      case wire::DatagramKind::kDtls: return camera_->HandleDtls(datagram, now, batch_);
      case wire::DatagramKind::kRtp: return camera_->HandleRtp(datagram, now);
      case wire::DatagramKind::kRtcp: return camera_->HandleRtcp(datagram, now);
      case wire::DatagramKind::kStun:
      case wire::DatagramKind::kUnknown:
      case wire::DatagramKind::kCount: break;
    }
    return DropReason::kUnknownProtocol;
  }
  Viewer* viewer = FindViewer(*session);
  LATCHKEY_CHECK(viewer != nullptr);  // a session's pairs end with it
  switch (kind) {
    case wire::DatagramKind::kDtls: return viewer->session->HandleDtls(datagram, now, batch_);
    case wire::DatagramKind::kRtp: return viewer->session->HandleRtp(datagram, now);
    case wire::DatagramKind::kRtcp: return viewer->session->HandleRtcp(datagram, now);
    case wire::DatagramKind::kStun:
    case wire::DatagramKind::kUnknown:
    case wire::DatagramKind::kCount: break;
  }
  return DropReason::kUnknownProtocol;
}

bool Lane::IsOurs(const SocketAddress& local) const {
  return reach_.everywhere ||
         std::find(reach_.candidates.begin(), reach_.candidates.end(), local) != reach_.candidates.end();
}

// Everything else that is taken comes by a pair that a check has proved.
DropReason Lane::DispatchStun(const ReceivedDatagram& datagram, Instant now) {
  if (!IsOurs(datagram.to)) return DropReason::kUnknownPeer;
  const auto message = wire::ParseStun(datagram.bytes);
  if (!message) return DropReason::kStunMalformed;
  const auto fragment = peer::IceLocalFragment(*message);
  if (!fragment) return DropReason::kStunUnauthenticated;
  const AddressPair pair{datagram.from, datagram.to};
  const auto take = [&](auto& session) {
    // The integrity covers no addresses: a peer could else have another's packets handed to its own session.
    if (IsHeld(pair, session.id(), now)) return DropReason::kUnknownPeer;
    const auto verdict = session.HandleStun(*message, datagram, now, batch_);
    // One that was refused, or came before, proves nothing, nor does it displace anybody.
    if (verdict.proved) {
      addresses_.Learn(pair, session.id());
      addresses_.Keep(session.id(), [&](const AddressPair& p) {
        return session.transport().IsValid({p.local, p.remote});
      });
    }
    return verdict.reason;
  };
  if (camera_ && camera_->transport().Owns(*fragment)) return take(*camera_);
  for (Viewer& viewer : viewers_) {
    if (viewer.session->transport().Owns(*fragment)) return take(*viewer.session);
  }
  return DropReason::kStunUnauthenticated;
}

// Whether `pair` stays another session's. A peer that is gone and whose address comes again holds it until
// its consent is over: kConsentLife.
bool Lane::IsHeld(const AddressPair& pair, SessionId claimant, Instant now) {
  const auto holder = addresses_.Find(pair);
  if (!holder || *holder == claimant) return false;
  const peer::IcePair path{pair.local, pair.remote};
  if (IsCamera(*holder)) return camera_->transport().Holds(path, now);
  const Viewer* viewer = FindViewer(*holder);
  LATCHKEY_CHECK(viewer != nullptr);  // a session's pairs end with it
  return viewer->session->transport().Holds(path, now);
}

Lane::Viewer* Lane::FindViewer(SessionId session) {
  for (Viewer& viewer : viewers_) {
    if (viewer.session->id() == session) return &viewer;
  }
  return nullptr;
}

}  // namespace latchkey::lane
