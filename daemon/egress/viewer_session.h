// One viewer's side of a lane: frames leave the sealed cache only through this session's own key, which its
// own grant unwrapped (invariant 1), under the hub's own numbering.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "daemon/access/grant.h"
#include "daemon/base/counters.h"
#include "daemon/base/datagram.h"
#include "daemon/base/ids.h"
#include "daemon/base/result.h"
#include "daemon/base/time.h"
#include "daemon/cache/jitter_cache.h"
#include "daemon/cache/sealed_frame.h"
#include "daemon/egress/keyframe_wish.h"
#include "daemon/egress/leg_estimate.h"
#include "daemon/egress/outbound_stream.h"
#include "daemon/egress/pacer.h"
#include "daemon/egress/resend_budget.h"
#include "daemon/gate/gate.h"
#include "daemon/peer/media_plan.h"
#include "daemon/peer/negotiation.h"
#include "daemon/peer/transport.h"
#include "daemon/wire/ipc_messages.h"
#include "daemon/wire/rtcp_feedback.h"

namespace latchkey::egress {

// What one turn of all viewers shares: the cache that they read, the buffer that each opens into, the batch.
struct Turn {
  const cache::JitterCache& cache;
  cache::OpenBuffer& buffer;
  DatagramBatch& out;
  // Batch size in bytes at which the turn ends; what is left goes out in the next.
  std::size_t batch_bytes = 0;
  Instant now;
  WallTime wall;
};

class ViewerSession {
 public:
  static constexpr Duration kReportInterval = seconds{1};
  // The first comes sooner: without it a player can't put sound and picture in step.
  static constexpr Duration kFirstReport = milliseconds{200};
  // A PLI that comes this soon after a keyframe went out was sent before that was seen.
  static constexpr Duration kKeyframeGrace = milliseconds{500};
  // Or by a player that was not ready yet when its run through the past began: what it lost before the first
  // packet that it took leaves no gap to ask about, so it asks for a keyframe. It gets so many packets of the
  // run's beginning again, once; what it has it knows by the numbers.
  static constexpr std::size_t kMaxRepeat = 512;
  // Packets made again in one turn, and how far ahead of the pacer they may run; what is asked for beyond is
  // ignored (the viewer asks again).
  static constexpr std::size_t kMaxResend = 128;
  static constexpr std::int64_t kResendDebt = 64;
  // Requests that come sooner after others were served wait and are served together: each go opens the frames
  // concerned. How much they draw in all is ResendBudget's to say.
  static constexpr Duration kResendInterval = milliseconds{5};
  // A packet that went again goes not once more within this, nor within half a round trip.
  static constexpr Duration kResendLeast = milliseconds{20};
  // A packet is made again for so long after it was first sent: later nobody waits for it any more.
  static constexpr Duration kResendAge = seconds{2};
  // A viewer whose leg carries less than the stream is this far behind at most: then it goes on at the newest
  // keyframe, or waits for the next.
  static constexpr Duration kMaxLag = milliseconds{800};
  // A frame goes out within this, however slow the leg: at the most that a camera may send, the smallest
  // cache holds a second.
  static constexpr Duration kMaxFrameTime = milliseconds{500};
  // A run through the past ends at the live edge within this, or is broken off: what it would show is old.
  static constexpr Duration kMaxRun = seconds{2};

  static Result<ViewerSession> Make(SessionId session, peer::MediaPlan plan, peer::IceCredentials local,
                                    Secret32 derived_key, access::Grant grant,
                                    const peer::SessionPorts& ports, Instant now);
  ViewerSession(ViewerSession&&) noexcept = default;
  ViewerSession& operator=(ViewerSession&&) noexcept = default;

  // Inputs; each names why a datagram went no further.
  peer::Transport::StunVerdict HandleStun(const wire::StunMessage& message, const ReceivedDatagram& datagram,
                                          Instant now, DatagramBatch& out);
  DropReason HandleDtls(const ReceivedDatagram& datagram, Instant now, DatagramBatch& out);
  // A viewer sends no media: refused at its gate as kWrongDirection.
  DropReason HandleRtp(const ReceivedDatagram& datagram, Instant now);
  // Requests wait for the next Pump().
  DropReason HandleRtcp(const ReceivedDatagram& datagram, Instant now);
  void HandleTimeout(Instant now, WallTime wall, DatagramBatch& out);
  [[nodiscard]] std::optional<Instant> NextDeadline() const;

  enum class PumpOutcome : std::uint8_t {
    kIdle,       // nothing is left to send, or not yet: NextDeadline() says when
    kMore,       // the batch is full, more could go at once
    kOpenFailed  // a sealed frame did not open: stop everything (failed_frame())
  };
  // Sends what this viewer may have now. `arrivals` gets `whole` of each live frame that left with this call.
  PumpOutcome Pump(const Turn& turn, std::vector<Instant>& arrivals);
  // Nothing may be pumped for now: no wake-up for pacing is needed, and a run doesn't age meanwhile.
  void Hold(Instant now) {
    ForgetWakeUps();
    if (!held_since_) held_since_ = now;
  }
  [[nodiscard]] FrameNumber failed_frame() const { return position_.number; }

  // The grant for a wrap that opened: of the epoch running or about to run. Its camera is the lane's.
  void Renew(access::Grant grant);
  // Another epoch began: nothing is sent until a grant for it comes.
  void DropKey();
  // True when the camera's present media goes to this viewer: codecs and profiles as it negotiated.
  [[nodiscard]] bool Accepts(const peer::CameraMedia& media) const;
  // A keyframe is needed and none is in the cache, or the viewer says so. Once for each need, with patience.
  [[nodiscard]] bool TakeKeyframeWanted(Instant now) { return keyframe_wish_.Take(now); }

  // BYE and close_notify.
  void Close(DatagramBatch& out);
  // Why the session is over, if it is. kGrantLost: the last wrap's time is over.
  [[nodiscard]] std::optional<wire::SessionEndReason> ended(WallTime wall) const;

  [[nodiscard]] SessionId id() const { return session_; }
  [[nodiscard]] const Secret32& derived_key() const { return derived_key_; }
  [[nodiscard]] const peer::MediaPlan& plan() const { return plan_; }
  [[nodiscard]] peer::Transport& transport() { return transport_; }
  [[nodiscard]] const peer::Transport& transport() const { return transport_; }
  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  [[nodiscard]] std::uint64_t packets() const;
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  // Interarrival jitter at the viewer, of its last report on pictures (RFC 3550 6.4.1).
  [[nodiscard]] Duration jitter() const { return jitter_; }
  // Frames passed over because the leg carries less than the stream.
  [[nodiscard]] std::uint64_t skipped() const { return skipped_; }
  [[nodiscard]] std::uint64_t resent() const { return resent_; }
  [[nodiscard]] const LegEstimate& leg() const { return estimate_; }
  [[nodiscard]] bool IsConsistent() const;

 private:
  // Where this viewer is in the cache.
  struct Position {
    Epoch epoch;                   // 0: nowhere
    FrameNumber number;            // the next frame
    std::uint16_t record = 0;      // of it, already begun if not 0
    std::uint32_t timestamp = 0;   // of the frame begun
    FrameNumber live_from;         // up to here it is a run through the past
    Instant begun;                 // when its first packet left
    Instant run_since;             // when that began, later by what it was held
    bool awaits_keyframe = false;  // pictures are passed over until one comes
  };
  enum class Step : std::uint8_t { kSent, kPaused, kBatchFull, kOpenFailed };

  ViewerSession(SessionId session, peer::MediaPlan plan, peer::Transport transport, Secret32 derived_key,
                access::Grant grant, const peer::SessionPorts& ports);
  void OpenGate(Instant now);
  [[nodiscard]] OutboundStream* StreamFor(const frames::FrameHeader& header);
  [[nodiscard]] bool MaySend(const Turn& turn) const;
  bool FindPosition(const Turn& turn);
  PumpOutcome SendWhatMayLeave(const Turn& turn, std::vector<Instant>& arrivals);
  Step SendFrame(const cache::SealedFrame& frame, OutboundStream& stream, const Leg& leg, const Turn& turn);
  Step ServeNacks(const Leg& leg, const Turn& turn);
  void WantStartAgain();
  Step RepeatStart(const Leg& leg, const Turn& turn);
  [[nodiscard]] bool IsDue(const SentHistory::Entry& entry, Instant now) const;
  void ReadRtcp(const gate::AuthenticRtcp& packet);
  void NoteNack(const wire::Nack& nack);
  void NoteKeyframeRequest(std::uint32_t ssrc, Instant now);
  void SendReports(Instant now, WallTime wall, DatagramBatch& out);
  [[nodiscard]] bool catching_up() const { return position_.number < position_.live_from; }
  // Packets a second.
  [[nodiscard]] std::int64_t rate() const;
  [[nodiscard]] Instant LastCall(const cache::SealedFrame& frame, const Turn& turn) const;
  Step Pause(std::int64_t pace, Instant last_call, Instant now);
  void ForgetWakeUps() {
    paused_until_.reset();
    resend_due_.reset();
  }
  void KeepUp(const Turn& turn);
  // What is in the cache already is a run through the past.
  void RunToLive(const Turn& turn);
  [[nodiscard]] bool PassesOver(const frames::FrameHeader& header, Instant now);

  struct ResendRequest {
    std::size_t stream = 0;
    std::uint16_t sequence = 0;
    friend auto operator<=>(const ResendRequest&, const ResendRequest&) = default;
  };
  // The frame that was opened last for packets that go again; number 0: none.
  struct Reopened {
    FrameNumber number;
    cache::OpenKey::Opened opened;
  };
  // False: its frame, which is kept, did not open.
  bool SendAgain(const ResendRequest& request, const SentHistory::Entry& entry, Reopened& last,
                 const Leg& leg, const Turn& turn);
  // Packets of one stream, from `first` on.
  struct PacketRange {
    std::size_t stream = 0;
    std::uint16_t first = 0;
    std::uint16_t count = 0;
  };

  SessionId session_;
  peer::MediaPlan plan_;
  peer::Transport transport_;
  Secret32 derived_key_;
  peer::SessionPorts ports_;
  std::optional<cache::OpenKey> key_;
  WallTime not_after_;  // of the last wrap: without another the session ends then
  std::optional<gate::Gate> gate_;
  std::unique_ptr<ports::SrtpSender> sender_;
  std::vector<OutboundStream> streams_;                  // in the order of the plan
  std::array<bool, wire::kStreamKindCount> anchored_{};  // the stream's last frame was of this position's run
  Position position_;
  Pacer pacer_;
  LegEstimate estimate_;
  std::vector<ResendRequest> resends_;
  ResendBudget resend_budget_;
  std::optional<PacketRange> run_start_;  // of pictures, as long as it may be asked for
  std::optional<PacketRange> repeat_;     // goes again, before anything new
  std::optional<Instant> held_since_;
  std::optional<Instant> paused_until_;
  std::optional<Instant> resend_due_;  // requests wait for it
  Instant resend_from_{};              // requests are served again from then on
  std::optional<Instant> next_report_;
  std::optional<Instant> keyframe_sent_;
  KeyframeWish keyframe_wish_;
  bool setup_failed_ = false;
  std::uint64_t frames_ = 0;
  Duration jitter_{};  // as the viewer reports it
  std::uint64_t lost_ = 0;
  std::uint64_t skipped_ = 0;
  std::uint64_t resent_ = 0;
};

}  // namespace latchkey::egress
