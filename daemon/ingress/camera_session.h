// The camera's side of a lane: its transport, its gate, and whole frames out of its packets. Knows neither
// content keys nor viewers.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "daemon/base/counters.h"
#include "daemon/base/datagram.h"
#include "daemon/base/ids.h"
#include "daemon/base/result.h"
#include "daemon/base/time.h"
#include "daemon/frames/assembler.h"
#include "daemon/frames/capture_clock.h"
#include "daemon/frames/keyframe.h"
#include "daemon/gate/gate.h"
#include "daemon/ingress/bitrate.h"
#include "daemon/ingress/rate_bound.h"
#include "daemon/ingress/reception.h"
#include "daemon/ingress/repair.h"
#include "daemon/peer/media_plan.h"
#include "daemon/peer/negotiation.h"
#include "daemon/peer/transport.h"
#include "daemon/wire/ipc_messages.h"

namespace latchkey::ingress {

struct CameraConfig {
  SessionId session;
  CameraId camera;
  Epoch epoch;
  std::uint32_t max_bitrate_kbit = 0;       // the most that the camera is told as REMB; 0: nothing is told
  frames::DepthLimits hold;                 // bounds of how long a hole may hold the line
  Duration unavailable_after = seconds{2};  // a picture that arrives as old as this is late
};

struct CameraCounters {
  std::uint64_t packets = 0;  // authentic RTP, retransmissions included
  std::uint64_t bytes = 0;    // of these on the wire
  std::uint64_t frames = 0;   // whole pictures, or whole packets of sound
  std::uint64_t pictures = 0;
  std::uint64_t too_fast = 0;  // frames dropped by the rate bound, and what depended on them
};

class CameraSession {
 public:
  // A receiver report at least this often (RFC 3550 6.2 in spirit; browsers steer by it), REMB with it.
  static constexpr Duration kReportInterval = milliseconds{500};
  // After BYE of every stream and this long without a packet the session is over. A BYE alone may be the end
  // of one source under a session that goes on.
  static constexpr Duration kByeSilence = seconds{2};
  // A publisher counts as live this long after an authentic packet, and this long after its offer.
  static constexpr Duration kLiveSilence = seconds{2};
  static constexpr Duration kLiveYouth = seconds{5};
  // A camera whose pictures have been late for so long is asked to come anew. Its clock may have stood still
  // without a report to tell; a session begins by what is on time then.
  static constexpr Duration kLatePatience = seconds{20};
  // So long after the rate bound dropped a frame the camera counts as too fast.
  static constexpr Duration kTooFastMemory = seconds{5};
  // The same for what came before, of an enrolled key.
  static constexpr Duration kReplayMemory = seconds{2};

  static Result<CameraSession> Make(const CameraConfig& config, peer::MediaPlan plan,
                                    peer::IceCredentials local, const peer::SessionPorts& ports, Instant now);
  // The same, but its keys stood in its offer (and our answer).
  static Result<CameraSession> MakeSdes(const CameraConfig& config, peer::MediaPlan plan, peer::SdesKeys keys,
                                        peer::IceCredentials local, const peer::SessionPorts& ports,
                                        Instant now);
  // Of a camera whose key was enrolled: it is there at once and sends when it likes. What its sources sent
  // below the floors came before.
  static CameraSession MakeEnrolled(const CameraConfig& config, peer::MediaPlan plan, ports::SrtpKey key,
                                    std::vector<ports::SourceFloor> floors, const peer::SessionPorts& ports,
                                    Instant now);
  CameraSession(CameraSession&&) noexcept = default;
  CameraSession& operator=(CameraSession&&) noexcept = default;

  // Inputs. Each names why a datagram went no further; whole frames wait in ready().
  peer::Transport::StunVerdict HandleStun(const wire::StunMessage& message, const ReceivedDatagram& datagram,
                                          Instant now, DatagramBatch& out);
  DropReason HandleDtls(const ReceivedDatagram& datagram, Instant now, DatagramBatch& out);
  DropReason HandleRtp(const ReceivedDatagram& datagram, Instant now);
  DropReason HandleRtcp(const ReceivedDatagram& datagram, Instant now);
  // After inputs and at NextDeadline(): reports, requests, timeouts.
  void HandleTimeout(Instant now, DatagramBatch& out);
  [[nodiscard]] std::optional<Instant> NextDeadline() const;

  // What the keeper has to compare before the key counts: once, when the handshake is over.
  [[nodiscard]] std::optional<wire::KeyShown> TakeShownKey();
  // The keeper vouched for a key. Another than the one that was shown ends the session (ended()).
  void AdmitKey(const gate::StreamKeyDigest& vouched, Instant now, DatagramBatch& out);

  // The SSRCs that it sends under, when they are others than at the last call (and were shown with the key).
  [[nodiscard]] std::optional<wire::SourcesSeen> TakeSources();

  // Of an enrolled key: what is to be on the disk before packets are believed, and that it is.
  [[nodiscard]] std::optional<wire::IndexWanted> TakeIndexWanted();
  void ReserveIndex(const wire::IndexReserved& reserved, Instant now);

  // Whole frames since the last call, in decoding order of each stream.
  [[nodiscard]] std::vector<frames::PlainFrame>& ready() { return ready_; }
  // Someone needs a keyframe; asked for with patience.
  void WantKeyframe(Instant now) { keyframe_.Want(now); }
  // The camera sends under another SSRC: a new epoch is wanted. Once for each change.
  [[nodiscard]] bool TakeEpochWanted();
  void BeginEpoch(Epoch epoch, Instant now);

  // Why the session is over, if it is.
  [[nodiscard]] std::optional<wire::SessionEndReason> ended(Instant now) const;
  // BYE and close_notify.
  void Close(DatagramBatch& out);

  [[nodiscard]] SessionId id() const { return config_.session; }
  [[nodiscard]] Epoch epoch() const { return config_.epoch; }
  [[nodiscard]] const peer::MediaPlan& plan() const { return plan_; }
  [[nodiscard]] peer::CameraMedia media() const;
  [[nodiscard]] peer::Transport& transport() { return transport_; }
  [[nodiscard]] const peer::Transport& transport() const { return transport_; }
  [[nodiscard]] bool IsLive(Instant now) const;
  [[nodiscard]] bool has_video() const { return plan_.Find(wire::StreamKind::kVideo) != nullptr; }
  // B-frames or the like: packets, but nothing that a browser shows.
  [[nodiscard]] bool unsupported() const;
  // Frames were dropped lately because it sends far more than it was told.
  [[nodiscard]] bool too_fast(Instant now) const {
    return too_fast_at_ && now - *too_fast_at_ < kTooFastMemory;
  }
  // Its key was enrolled: it has no ICE session and is found by its packets alone.
  [[nodiscard]] bool enrolled() const { return keying_ == wire::Keying::kEnrolled; }
  // Nothing is taken of it, because what comes under its enrolled key was sent before.
  [[nodiscard]] bool replayed(Instant now) const {
    const auto lately = [now](std::optional<Instant> at) { return at && now - *at < kReplayMemory; };
    return lately(replayed_at_) && !lately(last_packet_);
  }
  // What it sends arrives too late to be shown.
  [[nodiscard]] bool late() const { return late_for_.has_value(); }
  // What it was last told that it may send, in bit/s; 0: nothing.
  [[nodiscard]] std::uint64_t told() const { return told_; }
  [[nodiscard]] std::optional<Instant> last_packet() const { return last_packet_; }
  [[nodiscard]] const CameraCounters& counters() const { return counters_; }
  // Packets given up, of all streams.
  [[nodiscard]] std::uint64_t lost() const;
  // Loss of the last report interval, of 1000.
  [[nodiscard]] std::uint32_t loss_permille() const { return loss_permille_; }
  // Interarrival jitter of the pictures; of the sound where there are none.
  [[nodiscard]] Duration jitter() const;
  [[nodiscard]] std::uint64_t keyframe_requests() const { return keyframe_.sent(); }
  // How a stream is repaired. Nothing: the camera doesn't send this kind.
  [[nodiscard]] const Repair* repair(wire::StreamKind kind) const;
  [[nodiscard]] bool IsConsistent() const;

 private:
  struct Stream {
    Stream(frames::AssemblerConfig config, Repair repair_)
        : assembler(std::move(config)), repair(std::move(repair_)) {}
    frames::Assembler assembler;
    Repair repair;
    Reception reception;
    bool bye = false;
  };

  // Of each stream its SSRC and that of its RTX.
  using SourceList = std::array<std::optional<std::uint32_t>, 2 * peer::kMaxStreams>;
  static_assert(std::tuple_size_v<SourceList> <= wire::kMaxSources);

  // What its packets are opened with, and ours protected.
  struct Keys {
    ports::SrtpKey inbound;
    std::optional<ports::SrtpKey> outbound;  // none: nothing is sent to it
    ports::PublicKeyDigest peer{};           // of DTLS alone
  };

  CameraSession(const CameraConfig& config, peer::MediaPlan plan, peer::Transport transport,
                const peer::SessionPorts& ports, Instant now);
  void TakeKeys();
  [[nodiscard]] std::optional<Keys> KeysOfTransport();
  DropReason Take(const gate::AuthenticPacket& packet, std::size_t wire_size, Instant now);
  void TakeHeld(Instant now);
  [[nodiscard]] SourceList Sources() const;
  [[nodiscard]] static wire::SourceIds Listed(const SourceList& sources);
  // The stream whose age is the camera's.
  [[nodiscard]] bool Shows(wire::StreamKind kind) const {
    return kind == wire::StreamKind::kVideo || !has_video();
  }
  void OpenGate(Keys keys, const gate::StreamKeyDigest& vouched, Instant now);
  [[nodiscard]] Result<gate::StreamKey> Admitted(ports::SrtpKey key, const gate::StreamKeyDigest& vouched);
  [[nodiscard]] gate::Admission AdmissionOf(const ReceivedDatagram& datagram, Instant now) const;
  void Drain(Stream& stream, Instant now);
  [[nodiscard]] bool Passes(const frames::PlainFrame& frame, Instant now);
  void NoteAge(const frames::FrameHeader& header);
  void ReadRtcp(const gate::AuthenticRtcp& packet);
  void NoteBye(const wire::RtcpBlock& block);
  [[nodiscard]] std::optional<std::uint32_t> KeyframeSsrc() const;
  void SendReports(Instant now, DatagramBatch& out);
  void SendKeyframeRequest(DatagramBatch& out);
  void SendNack(std::size_t stream, const std::vector<std::uint16_t>& sequences, DatagramBatch& out);
  struct Reports {
    std::array<wire::ReportBlock, peer::kMaxStreams> blocks;
    std::size_t count = 0;
  };
  Reports MakeReports(Instant now);

  CameraConfig config_;
  peer::MediaPlan plan_;
  peer::Transport transport_;
  peer::SessionPorts ports_;
  wire::Keying keying_ = wire::Keying::kDtls;
  std::optional<Keys> brought_;             // by SDES, until there is a path
  std::vector<ports::SourceFloor> floors_;  // of an enrolled key
  std::optional<Keys> waiting_;             // for the keeper's word
  bool show_key_ = false;
  SourceList sources_{};  // that the keeper knows
  bool key_refused_ = false;
  std::optional<gate::Gate> gate_;
  std::unique_ptr<ports::SrtpSender> sender_;
  std::vector<Stream> streams_;  // in the order of the plan
  frames::CaptureClock clock_;
  Bitrate bitrate_;
  RateBound bound_;
  std::optional<Instant> too_fast_at_;
  std::optional<Duration> late_for_;  // frames have come late, without one that was not
  Instant late_last_;                 // arrival of the last of them
  bool too_late_ = false;
  bool awaits_keyframe_ = false;  // the rate bound broke the chain
  std::uint64_t told_ = 0;
  frames::KeyframeLimiter keyframe_;
  std::vector<frames::PlainFrame> ready_;
  CameraCounters counters_;
  Instant created_;
  std::optional<Instant> last_packet_;
  std::optional<Instant> replayed_at_;
  std::optional<Instant> next_report_;
  std::uint32_t loss_permille_ = 0;
  std::uint8_t fir_number_ = 0;
  bool epoch_wanted_ = false;
  bool setup_failed_ = false;  // keys were refused, or SRTP could not be set up
};

}  // namespace latchkey::ingress
