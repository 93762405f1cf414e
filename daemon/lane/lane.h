// The whole lane as one machine: one camera, its cache, its viewers. Sans-IO: the keeper's messages, batches
// of datagrams and the time go in; one batch of datagrams and messages for the keeper come out. After every
// input drain datagrams() and TakeMessages(), then come back with HandleTimeout() at NextDeadline().
//
//   lane.cpp           inputs, one turn, deadlines
//   lane_dispatch.cpp  a datagram to its session
//   lane_camera.cpp    publishing and epochs
//   lane_viewers.cpp   admission of viewers, wraps, the pump
//   lane_sessions.cpp  PATCH, end, suspension
//   lane_status.cpp    what the keeper is told
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/counters.h"
#include "daemon/base/datagram.h"
#include "daemon/base/ids.h"
#include "daemon/base/time.h"
#include "daemon/cache/jitter_cache.h"
#include "daemon/cache/sealed_frame.h"
#include "daemon/egress/viewer_session.h"
#include "daemon/ingress/camera_session.h"
#include "daemon/lane/address_table.h"
#include "daemon/lane/meters.h"
#include "daemon/peer/negotiation.h"
#include "daemon/peer/transport.h"
#include "daemon/wire/demux.h"
#include "daemon/wire/ipc_messages.h"

namespace latchkey::lane {

using LanePorts = peer::SessionPorts;

// A turn of the viewers ends when the batch holds this much; the rest goes out in the next turn, which is due
// at once. So a keyframe for fifty viewers never lies in memory fifty times.
constexpr std::size_t kTurnBytes = 256 * 1024;
// Every turn begins with the same viewer, so that one has its whole frame before the next begins: half of
// them then have it in half the time it takes to serve all. After this long another viewer is the first; a
// pacer bounds what any one can take meanwhile.
constexpr Duration kPumpRotation = milliseconds(20);
// Viewers whose offer is parsed and who wait for the keeper's wrap. At the limit: 503, try again.
constexpr std::size_t kMaxPendingViewers = 16;
// The keeper answers within milliseconds; a viewer it forgot is forgotten here too.
constexpr Duration kPendingLife = seconds{5};
constexpr Duration kStatusInterval = milliseconds{500};
// A camera that has not shown a whole picture this long after its offer is no longer "connecting".
constexpr Duration kConnectingPatience = seconds{5};
// Packets, but none for this long: "no media" rather than "no keyframe".
constexpr Duration kMediaSilence = seconds{1};

// Where a lane can be reached.
struct Reach {
  std::vector<SocketAddress> candidates;  // for its answers
  // What came to another address of this machine is taken as well; else it is nobody's.
  bool everywhere = false;
};

class Lane {
 public:
  Lane(const wire::LaneConfig& config, Reach reach, const LanePorts& ports, Instant now);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // Inputs. `now` never goes back. The datagrams' bytes are opened in place.
  void HandleMessage(wire::KeeperToLane message, Instant now, WallTime wall);
  void HandleDatagrams(std::span<const ReceivedDatagram> datagrams, Instant now, WallTime wall);
  void HandleTimeout(Instant now, WallTime wall);
  [[nodiscard]] Instant NextDeadline() const;

  // Outputs. The batch is sent, then DatagramsSent() with the time after sending.
  [[nodiscard]] const DatagramBatch& datagrams() const { return batch_; }
  void DatagramsSent(Instant now);
  [[nodiscard]] std::vector<wire::LaneToKeeper> TakeMessages();
  // Where viewers were whose sessions ended since the last call: what was handed over for them and has not
  // left must not leave any more. To be called before the batch is sent, which has their goodbyes. One for
  // each viewer at most.
  [[nodiscard]] std::vector<SocketAddress> TakeSilenced();
  // Shutdown was asked for and everybody is told: the process ends.
  [[nodiscard]] bool finished() const { return finished_; }

  [[nodiscard]] const DropCounters& drops() const { return drops_; }
  [[nodiscard]] std::size_t viewer_count() const { return viewers_.size(); }
  [[nodiscard]] bool IsConsistent() const;

 private:
  friend struct LaneTestAccess;  // tests damage the cache with it; defined nowhere else

  struct PendingViewer {
    wire::Ticket ticket;
    SessionId session;
    peer::ViewerOffer offer;
    Instant deadline;
  };
  struct Viewer {
    std::unique_ptr<egress::ViewerSession> session;
    std::string etag;
  };

  // Dispatch.
  DropReason Dispatch(const ReceivedDatagram& datagram, Instant now);
  DropReason DispatchStun(const ReceivedDatagram& datagram, Instant now);
  [[nodiscard]] bool IsOurs(const SocketAddress& local) const;
  [[nodiscard]] bool IsHeld(const AddressPair& pair, SessionId claimant, Instant now);
  [[nodiscard]] Viewer* FindViewer(SessionId session);
  [[nodiscard]] bool IsCamera(SessionId session) const { return camera_ && camera_->id() == session; }

  // Messages, one overload for each kind.
  void On(wire::LaneConfig message, Instant now, WallTime wall);
  void On(wire::PublishOffer message, Instant now, WallTime wall);
  void On(wire::ViewerOffer message, Instant now, WallTime wall);
  void On(wire::ViewerAdmit message, Instant now, WallTime wall);
  void On(wire::WrapRenewal message, Instant now, WallTime wall);
  void On(wire::EpochBegin message, Instant now, WallTime wall);
  void On(wire::KeyAdmitted message, Instant now, WallTime wall);
  void On(wire::SdesBegin message, Instant now, WallTime wall);
  void On(wire::IndexReserved message, Instant now, WallTime wall);
  void On(wire::PatchOffer message, Instant now, WallTime wall);
  void On(wire::SessionEnd message, Instant now, WallTime wall);
  void On(wire::Suspend message, Instant now, WallTime wall);
  void On(wire::Shutdown message, Instant now, WallTime wall);
  void Refuse(const wire::Ticket& ticket, std::uint16_t http_status, std::string_view detail);
  // Nothing when a viewer may be shown something now, else why not.
  [[nodiscard]] std::optional<std::string_view> WhyNoPicture(Instant now) const;
  [[nodiscard]] std::optional<access::Grant> Unwrap(const Secret32& key, const wire::WrapBytes& wrap,
                                                    Epoch epoch, const ports::Fingerprint& fingerprint,
                                                    std::uint8_t rights, WallTime not_after, WallTime wall);
  [[nodiscard]] peer::LocalTransport LocalSide(const peer::IceCredentials& credentials) const;
  [[nodiscard]] std::string MakeEtag();
  void BeginEpoch(Epoch epoch, Secret32 content_key, Instant now);
  [[nodiscard]] ingress::CameraConfig CameraSide(SessionId session, Epoch epoch) const;
  void BeginCamera(ingress::CameraSession session, Secret32 content_key, Instant now);

  // One turn.
  void Turn(Instant now, WallTime wall);
  void ServeCamera(Instant now);
  void TakeFrames(Instant now);
  void ServeViewers(Instant now, WallTime wall);
  void PumpViewers(Instant now, WallTime wall);
  void EndCamera(wire::SessionEndReason reason);
  void EndViewer(std::size_t index, wire::SessionEndReason reason);
  void EndEverything(wire::SessionEndReason reason);
  void OpenFailed(SessionId session, FrameNumber frame);

  // Status.
  struct State {
    wire::CameraState state = wire::CameraState::kUnavailable;
    wire::UnavailableReason reason = wire::UnavailableReason::kCameraOffline;
    friend bool operator==(const State&, const State&) = default;
  };
  [[nodiscard]] State StateAt(Instant now) const;
  [[nodiscard]] std::optional<Instant> NextStateChange(Instant now) const;
  void Report(Instant now);
  [[nodiscard]] wire::LaneStatus MakeStatus(Instant now);
  void DescribeRepair(wire::LaneStatus& status) const;
  void DescribeLegs(wire::LaneStatus& status) const;

  wire::LaneConfig config_;
  Reach reach_;
  LanePorts ports_;

  Epoch epoch_;  // of the camera's session, or of its last one
  std::optional<ingress::CameraSession> camera_;
  std::string camera_etag_;
  std::vector<Viewer> viewers_;
  std::vector<PendingViewer> pending_;
  cache::JitterCache cache_;
  cache::OpenBuffer open_buffer_;
  AddressTable addresses_;
  bool suspended_ = false;
  bool finished_ = false;

  DatagramBatch batch_;
  std::vector<wire::LaneToKeeper> messages_;
  std::vector<SocketAddress> silenced_;
  std::vector<Instant> sent_arrivals_;  // when each live frame in the batch was whole
  std::size_t pump_from_ = 0;           // viewer that is served first
  Instant pump_rotated_;
  bool more_to_pump_ = false;

  DropCounters drops_;
  std::optional<Instant> newest_picture_;  // capture of the newest whole picture of this epoch
  Instant epoch_began_;
  Instant now_;  // of the last input
  Instant next_status_;
  std::optional<State> told_;            // the state that the keeper knows
  std::optional<Instant> state_change_;  // when time alone changes it
  RateMeter pictures_;
  RateMeter bytes_;
  ingress::CameraCounters metered_;  // what the meters have seen of the camera's counters
  DelayMeter delays_;
  Instant delays_since_;
  std::uint32_t delay_p99_us_ = 0;
  std::uint64_t ended_packets_out_ = 0;  // of viewers that are gone
  std::uint64_t ended_frames_in_ = 0;    // of camera sessions that are gone
  std::uint64_t ended_packets_in_ = 0;
  std::uint64_t ended_keyframe_requests_ = 0;
  std::uint64_t ended_packets_asked_ = 0;
  std::uint64_t ended_packets_lost_ = 0;
  std::uint64_t ended_frames_too_fast_ = 0;
  std::uint64_t ended_packets_resent_ = 0;
  std::uint64_t ended_frames_skipped_ = 0;
};

}  // namespace latchkey::lane
