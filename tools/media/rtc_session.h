// One WebRTC session of a tool: a camera that publishes, or a viewer that receives. Offer out, answer in,
// then datagrams, frames and time in; datagrams, frames and wishes out. Owns no socket and no clock.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/datagram.h"
#include "daemon/wire/rtcp.h"
#include "daemon/wire/sdes.h"
#include "tools/media/peer_transport.h"
#include "tools/media/receive_stream.h"
#include "tools/media/send_stream.h"

namespace latchkey::media {

struct PublishMedia {
  wire::Codec video = wire::Codec::kH264;
  wire::H264ProfileLevel h264_profile = wire::kWebProfileLevel;
  bool audio = false;  // Opus
  bool sdes = false;   // keys by SDES instead of DTLS
};

// Figures of a session at one moment.
struct SessionFigures {
  SendStreamCounters sent;          // video
  ReceiveCounters received;         // video
  std::uint64_t audio_packets = 0;  // either way
  std::uint64_t nack_messages = 0;  // sent (viewer)
  std::uint64_t plis_sent = 0;
  std::optional<Duration> round_trip;  // of media's reports, else of ICE
  double reported_loss = 0;            // camera: by the hub's last report, 0..1
  std::uint64_t remb_bps = 0;          // camera: the hub's last estimate; 0: none
  std::uint64_t dropped = 0;           // datagrams refused for any reason
};

class RtcSession {
 public:
  // Reports go at this interval (RFC 3550's rules would ask for about 5 s; WebRTC peers all send more often).
  static constexpr Duration kReportInterval = seconds{1};

  using Consent = PeerTransport::Consent;

  // A camera's or a viewer's session.
  RtcSession(SessionPorts ports, const PublishMedia& media, const Consent& consent = {});
  explicit RtcSession(SessionPorts ports, const Consent& consent = {});

  // The offer, with `candidates` of our socket (may be empty).
  std::string MakeOffer(std::vector<SocketAddress> candidates);
  Status HandleAnswer(std::string_view answer, Instant now);
  // For a server that offers: `ours` is what it was answered, made of MakeOffer() with payload types of its.
  Status HandleOffer(std::string_view ours, std::string_view offer, Instant now);

  void HandleDatagram(const SocketAddress& from, MutableByteView datagram, Instant now, WallTime wall);
  void HandleTimeout(Instant now, WallTime wall);
  [[nodiscard]] std::optional<Instant> NextTimeout() const;
  // Appends what there is to send; to be called after each of the others.
  void Drain(Instant now, DatagramBatch& out);

  // Camera: one frame. Dropped until connected, and video until the first keyframe after that.
  void SendFrame(const MediaFrame& frame, Instant now);
  // Camera: true once after the hub asked for a keyframe, or when the session has just come up.
  [[nodiscard]] bool TakeKeyframeRequest() { return std::exchange(keyframe_wanted_, false); }

  struct Frame {
    wire::Codec codec = wire::Codec::kH264;
    ReceivedFrame frame;
  };
  // Viewer: whole frames, video in decoding order.
  [[nodiscard]] std::optional<Frame> PollFrame();
  // Viewer: asks for a keyframe now.
  void RequestKeyframe();

  // Says BYE and closes DTLS.
  void Close();

  [[nodiscard]] TransportState state() const { return transport_.state(); }
  [[nodiscard]] const std::string& failure() const { return transport_.failure(); }
  [[nodiscard]] SessionFigures Figures() const;
  // The codecs agreed on.
  [[nodiscard]] const peer::MediaPlan* plan() const { return plan_ ? &*plan_ : nullptr; }

 private:
  static constexpr std::size_t kKinds = wire::kStreamKindCount;
  static std::size_t Index(wire::StreamKind kind) { return static_cast<std::size_t>(kind); }

  void MakeSdes();
  void MakeSenders();
  void HandleRtp(ByteView packet, Instant now);
  void HandleRtcp(ByteView compound, Instant now, WallTime wall);
  void HandleRtcpBlock(const wire::RtcpBlock& block, Instant now, WallTime wall);
  void HandleReports(const wire::ReportBlockList& blocks, WallTime wall);
  void SendReports(Instant now, WallTime wall);
  void SendNacks(Instant now);
  ReceiveStream* StreamFor(const wire::RtpHeader& header, bool& is_rtx);
  // Appends a compound that begins with an empty report and our name, then what `write` adds.
  template <class Write>
  void SendFeedback(std::uint32_t local_ssrc, Write&& write);
  void Flush(std::vector<ByteVector>& packets);

  SessionPorts ports_;
  PeerTransport transport_;
  std::optional<PublishMedia> publish_;  // nothing: a viewer
  std::array<std::uint32_t, kKinds> local_ssrc_{};
  std::uint32_t local_rtx_ssrc_ = 0;
  std::string cname_;
  std::string offer_;
  std::vector<wire::SdesCrypto> sdes_;  // that the offer has, if it has any
  std::optional<peer::MediaPlan> plan_;
  std::array<std::optional<SendStream>, kKinds> senders_;
  std::array<std::optional<ReceiveStream>, kKinds> receivers_;
  DatagramBatch out_;
  bool was_connected_ = false;
  bool keyframe_wanted_ = false;
  bool need_keyframe_first_ = true;
  std::optional<Instant> next_report_;
  std::uint8_t fir_number_ = 0;
  std::uint64_t nack_messages_ = 0;
  std::uint64_t plis_sent_ = 0;
  std::uint64_t remb_bps_ = 0;
};

}  // namespace latchkey::media
