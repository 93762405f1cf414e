// One WebRTC transport of a client, without sockets: ICE towards the hub, DTLS over it, SRTP out of that.
// Datagrams and time in; datagrams to send, and plain RTP and RTCP, out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/counters.h"
#include "daemon/base/datagram.h"
#include "daemon/peer/ice_client.h"
#include "daemon/peer/media_plan.h"
#include "daemon/peer/transport.h"
#include "daemon/ports/crypto.h"
#include "daemon/ports/dtls.h"
#include "daemon/ports/entropy.h"
#include "daemon/ports/srtp.h"
#include "daemon/wire/stun.h"

namespace latchkey::media {

using peer::SessionPorts;

enum class TransportState : std::uint8_t {
  kConnecting,  // ICE or DTLS under way
  kConnected,   // media flows
  kFailed,      // see failure()
  kClosed       // the hub said goodbye (DTLS close_notify)
};

class PeerTransport {
 public:
  // From the answer to the first key; later it has failed.
  static constexpr Duration kConnectLimit = seconds{15};

  // More often and shorter than RFC 7675's 5 s and 30 s: a lane that was restarted no longer knows us, and
  // the sooner that shows, the sooner the session is made anew.
  static constexpr Duration kConsentInterval = milliseconds{800};
  static constexpr Duration kConsentLife = milliseconds{2500};

  struct Consent {
    Duration interval = kConsentInterval;
    Duration life = kConsentLife;
  };

  explicit PeerTransport(SessionPorts ports) : PeerTransport(ports, Consent{}) {}
  PeerTransport(SessionPorts ports, const Consent& consent);

  // For the offer. `candidates`: where our socket is reached, may be empty.
  [[nodiscard]] peer::LocalTransport Local(std::vector<SocketAddress> candidates) const;
  // The answer's transport: from now on there is something to send.
  Status Begin(const peer::TransportPlan& plan, Instant now);
  // The same without DTLS.
  Status BeginKeyed(const peer::TransportPlan& plan, const peer::SdesKeys& keys, Instant now);

  enum class Plain : std::uint8_t { kNothing, kRtp, kRtcp };
  // One datagram. kRtp or kRtcp: opened in place, `size` bytes of it are the plain packet.
  struct Opened {
    Plain plain = Plain::kNothing;
    std::size_t size = 0;
  };
  Opened HandleDatagram(const SocketAddress& from, MutableByteView datagram, Instant now);
  void HandleTimeout(Instant now);
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  // Appends what ICE and DTLS have to send.
  void Drain(Instant now, DatagramBatch& out);
  // Appends one plain packet, protected. Dropped unless connected.
  void SendRtp(ByteView packet, DatagramBatch& out);
  void SendRtcp(ByteView compound, DatagramBatch& out);
  // Says goodbye; Drain() has it.
  void Close();

  [[nodiscard]] TransportState state() const { return state_; }
  // For a person; when kFailed.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] std::optional<Duration> round_trip() const;
  [[nodiscard]] const DropCounters& drops() const { return drops_; }

 private:
  void Fail(std::string why);
  void BeginIce(const peer::TransportPlan& plan, Instant now);
  Status TakeKeys(const ports::SrtpKey& inbound, const ports::SrtpKey& outbound);
  void CheckDtls(Instant now);
  void AnswerCheck(const wire::StunMessage& check, const SocketAddress& from);
  void Send(ByteView packet, bool rtp, DatagramBatch& out);

  SessionPorts ports_;
  Consent consent_;
  peer::IceCredentials credentials_;
  std::optional<peer::IceClient> ice_;
  // Answers to checks of the server's own, should it not be lite; at most kMaxAnswers wait, more are dropped.
  static constexpr std::size_t kMaxAnswers = 16;
  std::vector<peer::IceClient::Transmit> answers_;
  std::unique_ptr<ports::DtlsSession> dtls_;  // null: the keys came by SDES
  bool dtls_started_ = false;
  std::unique_ptr<ports::SrtpReceiver> receiver_;
  std::unique_ptr<ports::SrtpSender> sender_;
  TransportState state_ = TransportState::kConnecting;
  std::string failure_;
  Instant give_up_at_;
  DropCounters drops_;
};

}  // namespace latchkey::media
