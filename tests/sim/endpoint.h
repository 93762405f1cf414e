// The other end of a lane's transport: an ICE client, scripted DTLS, SRTP. Sans-IO as all of the house.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "daemon/peer/client_sdp.h"
#include "daemon/peer/ice_client.h"
#include "tests/sim/machine.h"

namespace latchkey::sim {

class Endpoint {
 public:
  // Shorter than a browser's, so that what was cut off comes back soon: a lane's consent lives 15 s.
  static constexpr Duration kConsentLife = seconds(12);

  Endpoint(Machine& machine, const SocketAddress& address);

  // What the offer says of us.
  [[nodiscard]] peer::LocalTransport Local() const;
  // Reads the hub's answer and begins to connect. Throws Violation when the answer makes no sense.
  void Begin(std::string_view offer, std::string_view answer, Instant now);

  enum class Plain : std::uint8_t { kNothing, kRtp, kRtcp };
  struct Opened {
    Plain plain = Plain::kNothing;
    ByteView packet;  // within the datagram
  };
  // Opened in place. What does not open is counted and dropped.
  Opened Receive(MutableByteView datagram, const SocketAddress& from, Instant now);
  // At NextDeadline() and after inputs; fills outbox().
  void Work(Instant now);
  [[nodiscard]] Instant NextDeadline() const;
  void SendRtp(ByteView plain);
  void SendRtcp(ByteView plain);
  // A NAT forgot its mapping: from now on it is seen at `address`, and does not know.
  void Rebind(const SocketAddress& address) { address_ = address; }
  // Says goodbye, if there is anybody to tell.
  void Close();

  // To the hub, oldest first; the caller takes them.
  [[nodiscard]] std::vector<ByteVector>& outbox() { return outbox_; }
  [[nodiscard]] bool connected() const { return sender_ != nullptr && !over(); }
  // Nothing comes of this any more: consent or handshake was lost, or the hub said goodbye.
  [[nodiscard]] bool over() const;
  [[nodiscard]] const SocketAddress& address() const { return address_; }
  [[nodiscard]] const peer::MediaPlan& plan() const { return plan_; }
  [[nodiscard]] std::uint64_t rejected() const { return rejected_; }
  // Opens what the hub sends to us, before the network had it; null before the keys.
  [[nodiscard]] ports::SrtpReceiver* witness() { return witness_.get(); }

 private:
  Machine& machine_;
  SocketAddress address_;
  peer::IceCredentials credentials_;
  peer::MediaPlan plan_;
  std::optional<peer::IceClient> ice_;
  std::unique_ptr<ports::DtlsSession> dtls_;
  bool dtls_started_ = false;
  std::unique_ptr<ports::SrtpSender> sender_;
  std::unique_ptr<ports::SrtpReceiver> receiver_;
  std::unique_ptr<ports::SrtpReceiver> witness_;
  std::vector<ByteVector> outbox_;
  std::uint64_t rejected_ = 0;
};

}  // namespace latchkey::sim
