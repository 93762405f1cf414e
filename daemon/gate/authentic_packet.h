// What came through the gate. The types are the proof: only Gate makes one, so whoever is handed one need
// not ask again. Views into the datagram's buffer: valid until it is reused, never kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "daemon/base/bytes.h"
#include "daemon/base/seq.h"
#include "daemon/base/time.h"
#include "daemon/wire/codec.h"
#include "daemon/wire/rtcp.h"
#include "daemon/wire/rtp.h"

namespace latchkey::gate {

// An RTP packet that unprotected under the session's key and belongs to an agreed stream. RTX (RFC 4588) is
// undone: header and payload are the original packet's.
class AuthenticPacket {
 public:
  // As the camera numbered the original: payload type, sequence and SSRC of the stream also for RTX.
  [[nodiscard]] const wire::RtpHeader& header() const { return header_; }
  // Without padding. Empty: padding alone, which fills a sequence number and means nothing.
  [[nodiscard]] ByteView payload() const { return payload_; }
  // Place of the stream in the GatePlan.
  [[nodiscard]] std::size_t stream() const { return stream_; }
  [[nodiscard]] wire::StreamKind kind() const { return kind_; }
  [[nodiscard]] wire::Codec codec() const { return codec_; }
  // Of the original; without meaning when is_probe().
  [[nodiscard]] ExtendedSequence sequence() const { return sequence_; }
  [[nodiscard]] Instant arrived() const { return arrived_; }
  // Came as RTX.
  [[nodiscard]] bool is_retransmission() const { return retransmission_; }
  // An RTX packet that repeats nothing (bandwidth probe): only its extensions count.
  [[nodiscard]] bool is_probe() const { return probe_; }
  // The packet as it was on the wire: what receiver reports and transport-wide feedback count.
  [[nodiscard]] const wire::RtpPacket& on_wire() const { return on_wire_; }

 private:
  friend class Gate;
  AuthenticPacket() = default;

  wire::RtpHeader header_;
  ByteView payload_;
  std::size_t stream_ = 0;
  wire::StreamKind kind_ = wire::StreamKind::kVideo;
  wire::Codec codec_ = wire::Codec::kH264;
  ExtendedSequence sequence_;
  Instant arrived_;
  bool retransmission_ = false;
  bool probe_ = false;
  wire::RtpPacket on_wire_;
};

// An RTCP compound that unprotected under the session's key, well-formed from end to end.
class AuthenticRtcp {
 public:
  [[nodiscard]] const wire::RtcpCompound& compound() const { return compound_; }
  // Sender of the first block.
  [[nodiscard]] std::uint32_t sender_ssrc() const { return sender_ssrc_; }
  [[nodiscard]] Instant arrived() const { return arrived_; }

 private:
  friend class Gate;
  AuthenticRtcp(wire::RtcpCompound compound, std::uint32_t sender_ssrc, Instant arrived)
      : compound_(compound), sender_ssrc_(sender_ssrc), arrived_(arrived) {}

  wire::RtcpCompound compound_;
  std::uint32_t sender_ssrc_;
  Instant arrived_;
};

}  // namespace latchkey::gate
