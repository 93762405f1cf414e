// A datagram to its session: by what it proves (STUN), or by who proved its 5-tuple before. Nothing here
// answers, allocates or changes anything for a sender that has proved nothing (invariant 12).
#include "daemon/lane/lane.h"
#include "daemon/wire/demux.h"
#include "daemon/wire/stun.h"

namespace latchkey::lane {

DropReason Lane::Dispatch(const ReceivedDatagram& datagram, Instant now) {
  if (datagram.bytes.empty()) return DropReason::kEmpty;
  if (datagram.bytes.size() > kMaxDatagram) return DropReason::kTooLong;
  const wire::DatagramKind kind = wire::ClassifyDatagram(datagram.bytes);
  if (kind == wire::DatagramKind::kUnknown) return DropReason::kUnknownProtocol;
  if (kind == wire::DatagramKind::kStun) return DispatchStun(datagram, now);
  const auto session = addresses_.Find({datagram.from, datagram.to});
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

DropReason Lane::DispatchStun(const ReceivedDatagram& datagram, Instant now) {
  const auto message = wire::ParseStun(datagram.bytes);
  if (!message) return DropReason::kStunMalformed;
  const auto fragment = peer::IceLocalFragment(*message);
  if (!fragment) return DropReason::kStunUnauthenticated;
  const AddressPair pair{datagram.from, datagram.to};
  const auto learn = [&](const peer::Transport::StunVerdict& verdict, SessionId session) {
    if (verdict.reason == DropReason::kNone) addresses_.Learn(pair, session);
    return verdict.reason;
  };
  if (camera_ && camera_->transport().Owns(*fragment)) {
    return learn(camera_->HandleStun(*message, datagram, now, batch_), camera_->id());
  }
  // The integrity covers no addresses: a viewer could else have the camera's packets handed to its session.
  const bool from_camera = camera_ && camera_->transport().ConsentFresh(now) &&
                           camera_->transport().path() == peer::IcePair{datagram.to, datagram.from};
  for (Viewer& viewer : viewers_) {
    if (!viewer.session->transport().Owns(*fragment)) continue;
    if (from_camera) return DropReason::kUnknownPeer;
    return learn(viewer.session->HandleStun(*message, datagram, now, batch_), viewer.session->id());
  }
  return DropReason::kStunUnauthenticated;
}

Lane::Viewer* Lane::FindViewer(SessionId session) {
  for (Viewer& viewer : viewers_) {
    if (viewer.session->id() == session) return &viewer;
  }
  return nullptr;
}

}  // namespace latchkey::lane
