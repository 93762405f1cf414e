// The gate: the one place where a datagram becomes an authentic packet (DESIGN section 4, (d) to (g)).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "daemon/base/counters.h"
#include "daemon/base/datagram.h"
#include "daemon/base/result.h"
#include "daemon/base/seq.h"
#include "daemon/base/time.h"
#include "daemon/gate/authentic_packet.h"
#include "daemon/gate/index_ledger.h"
#include "daemon/gate/stream_key.h"
#include "daemon/ports/srtp.h"
#include "daemon/wire/codec.h"

namespace latchkey::gate {

// One video and one audio stream, with room for a second of each. An answer that agrees more is our bug.
constexpr std::size_t kMaxStreams = 4;

// What offer and answer agreed for one m-line: one codec under one payload type, and perhaps its RTX.
struct AgreedStream {
  wire::Codec codec = wire::Codec::kH264;
  std::uint8_t payload_type = 0;
  std::optional<std::uint8_t> rtx_payload_type;
  // Declared in the offer (a=ssrc, a=ssrc-group:FID). Nothing: pinned at the first authentic packet.
  std::optional<std::uint32_t> ssrc;
  std::optional<std::uint32_t> rtx_ssrc;
};

// What the session knows at this moment of the path and of the camera.
struct Admission {
  // The nominated pair: where the peer is, and our address that it reached.
  SocketAddress peer;
  SocketAddress local;
  bool consent_fresh = false;  // an authenticated check within the consent time (RFC 7675: 15 s here)
  bool suspended = true;       // of the epoch
};

// The stream's SSRC is another one for good: the pinned one is silent. The lane begins a new epoch with an
// empty cache and then calls BeginEpoch(); until then the new SSRC's packets stay kWrongSsrc.
struct SsrcChanged {
  std::size_t stream = 0;
  std::uint32_t from = 0;
  std::uint32_t to = 0;
};

struct RtpVerdict {
  std::optional<AuthenticPacket> packet;  // present exactly when reason is kNone and it isn't held
  DropReason reason = DropReason::kNone;
  std::optional<SsrcChanged> changed;  // beside kWrongSsrc, or held; once for each change
  bool held = false;  // of an enrolled key: authentic, and kept until TakeHeld() may hand it out
};
struct RtcpVerdict {
  std::optional<AuthenticRtcp> packet;  // present exactly when reason is kNone
  DropReason reason = DropReason::kNone;
};

// Of one peer's session. With no agreed streams it is a viewer's: RTCP alone, RTP is kWrongDirection.
//
// A datagram passes these in order, and the first that fails names the reason. None before 5 changes state,
// allocates, or answers:
//   1 size               kEmpty, kTooLong
//   2 header as it must  kRtpMalformed, kRtcpMalformed
//   3 peer, consent  (d) kUnknownPeer, kConsentExpired
//   4 suspension     (g) kSuspended; of RTCP, the SSRC that stands in the clear (f) kWrongSsrc
//   5 unprotects, no replay (e)   kSrtpAuthentication, kSrtpReplay, kSrtpRecorded
//   6 of RTP, payload type and SSRC (f)   kWrongPayloadType, kWrongSsrc, kWrongDirection
//   7 roll-over bounded     (e)   kSrtpRollover
//
// Under a key that outlives sessions (Resume) there is one more between 5 and 6: the packet's index has to be
// reserved on the disk (IndexLedger). Until it is, and while the epoch of another SSRC is being begun,
// packets are held, because such a sender repeats nothing and is asked for nothing: kIndexUnreserved at the
// limit.
class Gate {
 public:
  // An SSRC replaces the pinned one only after that long without a packet of the pinned one, so two senders
  // under one key can't make a lane change epochs at their leisure.
  static constexpr Duration kSsrcSilence = milliseconds(200);
  // SSRCs that streams had before, RTX included. What is protected under them was sent before the change,
  // however late it comes: they are never taken again. At the limit the session is exhausted().
  static constexpr std::size_t kMaxLeft = 32;
  // Roll-overs of one SSRC under one key, far below SRTP's 2^48 packets and far above what 24 h can need. At
  // the limit the stream ends as kSrtpRollover; a new session has a new key. An enrolled key has none to
  // come: there SRTP's own bound holds, kSrtpMaxIndex.
  static constexpr std::int64_t kMaxRollovers = 1 << 14;
  // RTP header and the shortest tag, 16 bytes or 10.
  static constexpr std::size_t kMinRtp = 12 + 10;
  // First RTCP header, SRTCP index and the shortest tag.
  static constexpr std::size_t kMinRtcp = 8 + 4 + 10;
  // Packets that are held, and for how long: a disk answers in milliseconds, an epoch begins after
  // kSsrcSilence. At the limit what comes is dropped; what is older goes.
  static constexpr std::size_t kMaxHeld = 512;
  static constexpr Duration kHeldLife = seconds(2);

  // At most kMaxStreams streams, payload types all different (CHECKed: the answer is ours). Declared SSRCs,
  // which are the offer's, must differ too: kInvalid. kSystem when SRTP can't be set up.
  static Result<Gate> Make(StreamKey key, std::span<const AgreedStream> streams, ports::SrtpFactory& srtp);
  // The same for an enrolled key, whose packets below the floors came before.
  static Result<Gate> Resume(StreamKey key, std::span<const AgreedStream> streams,
                             std::span<const ports::SourceFloor> floors, ports::SrtpFactory& srtp);

  Gate(Gate&&) noexcept = default;
  Gate& operator=(Gate&&) noexcept = default;

  // Opens the datagram in place. Which of the two is the demultiplexer's to say (RFC 5761 4).
  RtpVerdict AdmitRtp(const ReceivedDatagram& datagram, const Admission& admission, Instant now);
  RtcpVerdict AdmitRtcp(const ReceivedDatagram& datagram, const Admission& admission, Instant now);

  // Of an enrolled key: what is to be reserved on the disk, and that it is. One wish for each source.
  [[nodiscard]] std::optional<IndexWish> TakeIndexWish();
  void ReserveIndex(const IndexWish& reserved);
  // The oldest held packet that may pass now. Its views are valid until the next call of this.
  [[nodiscard]] std::optional<AuthenticPacket> TakeHeld(Instant now);

  // A new epoch stands: streams whose change was reported are pinned to the new SSRC and counted afresh.
  void BeginEpoch();

  // The stream to which an SSRC belongs now, RTX not included.
  [[nodiscard]] std::optional<std::size_t> StreamOfSsrc(std::uint32_t ssrc) const;
  // Declared or pinned, if yet known; where PLI and NACK go.
  [[nodiscard]] std::optional<std::uint32_t> SsrcOfStream(std::size_t stream) const;
  [[nodiscard]] std::size_t stream_count() const { return stream_count_; }
  // Precondition: stream < stream_count().
  [[nodiscard]] const AgreedStream& agreed(std::size_t stream) const;
  // The peer used up the SSRCs that one key may name: its session is to end, and to begin anew.
  [[nodiscard]] bool exhausted() const { return receiver_->exhausted() || left_.size() >= kMaxLeft; }
  [[nodiscard]] const DropCounters& drops() const { return drops_; }
  [[nodiscard]] bool IsConsistent() const;

 private:
  struct Stream {
    AgreedStream agreed;  // its SSRCs are what is declared or pinned now
    Unwrapper<std::uint16_t> sequence;
    std::optional<std::int64_t> first_sequence;
    // Another SSRC under this stream's payload type, and since when without a packet of the pinned one.
    std::optional<std::uint32_t> rival;
    Instant rival_since;
    bool change_reported = false;
  };
  struct Match {
    std::size_t stream = 0;
    bool rtx = false;
  };

  // Authentic, and not yet believed.
  struct Held {
    ByteVector plain;
    ports::SrtpIndex index = 0;
    Instant arrived;
  };

  Gate(std::unique_ptr<ports::SrtpReceiver> receiver, std::span<const AgreedStream> streams);
  static Status CheckStreams(std::span<const AgreedStream> streams);

  RtpVerdict Hold(ByteView plain, ports::SrtpIndex index, Instant now, std::optional<SsrcChanged> changed);
  [[nodiscard]] bool MayPass(const Held& held) const;
  // Of another SSRC than its stream's, which may become the stream's.
  [[nodiscard]] bool AwaitsEpoch(const wire::RtpHeader& header) const;
  RtpVerdict Refuse(DropReason reason, std::optional<SsrcChanged> changed = std::nullopt);
  RtcpVerdict RefuseRtcp(DropReason reason);
  [[nodiscard]] std::optional<Match> FindPayloadType(std::uint8_t payload_type) const;
  [[nodiscard]] bool IsOwned(std::uint32_t ssrc) const;
  [[nodiscard]] bool WasLeft(std::uint32_t ssrc) const;
  [[nodiscard]] bool AnySsrcKnown() const;
  // `index`: of an enrolled key.
  RtpVerdict Belongs(const wire::RtpPacket& packet, std::optional<ports::SrtpIndex> index, Instant now);
  bool TakeMediaSsrc(Stream& stream, std::uint32_t ssrc);
  bool TakeRtxSsrc(Stream& stream, std::uint32_t ssrc);
  static std::optional<std::uint32_t> NoteRival(Stream& stream, std::uint32_t ssrc, Instant now);
  RtpVerdict Number(const wire::RtpPacket& packet, Match match, std::optional<ports::SrtpIndex> index,
                    Instant now);

  std::unique_ptr<ports::SrtpReceiver> receiver_;
  std::array<Stream, kMaxStreams> streams_{};
  std::size_t stream_count_ = 0;
  std::vector<std::uint32_t> left_;
  std::optional<IndexLedger> ledger_;  // of an enrolled key
  std::deque<Held> held_;              // in the order of arrival
  ByteVector handed_out_;              // what TakeHeld() shows
  DropCounters drops_;
};

}  // namespace latchkey::gate
