// The other end of a lane, for tests: a real ICE client, real DTLS and SRTP, over datagrams in memory.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/datagram.h"
#include "daemon/peer/client_sdp.h"
#include "daemon/peer/ice_client.h"
#include "daemon/peer/media_plan.h"
#include "daemon/wire/rtcp.h"
#include "platform/crypto/dtls.h"
#include "platform/crypto/openssl_crypto.h"
#include "platform/crypto/srtp.h"
#include "tests/support/seeded_entropy.h"

namespace latchkey::lane::test {

// What one endpoint is made of. The certificate is its own.
struct PeerTools {
  explicit PeerTools(std::uint64_t seed);
  latchkey::test::SeededEntropy entropy;
  platform::OpenSslCrypto crypto;
  platform::LibSrtpFactory srtp;
  std::unique_ptr<platform::OpenSslDtlsFactory> dtls;
};

// Transport of a camera or a viewer: from offer and answer to keys.
class Peer {
 public:
  Peer(PeerTools& tools, const SocketAddress& address);

  // What the offer says of us.
  [[nodiscard]] peer::LocalTransport Local() const;
  // Reads the hub's answer and begins to connect.
  void Begin(std::string_view offer, std::string_view answer, Instant now);
  // Without ICE and DTLS: sends to `hub` under this key.
  void Enrol(const ports::SrtpKey& key, peer::MediaPlan plan, const SocketAddress& hub);
  void Receive(ByteView datagram, const SocketAddress& from, Instant now);
  void Work(Instant now);
  [[nodiscard]] std::optional<Instant> NextDeadline() const;

  [[nodiscard]] bool connected() const { return sender_ != nullptr; }
  [[nodiscard]] const SocketAddress& address() const { return address_; }
  [[nodiscard]] const SocketAddress& hub() const { return hub_; }
  [[nodiscard]] const peer::MediaPlan& plan() const { return plan_; }
  [[nodiscard]] bool closed() const { return dtls_ && dtls_->state() == ports::DtlsState::kClosed; }

  void SendRtp(ByteView plain);
  void SendRtcp(ByteView plain);
  void SendRaw(ByteView bytes) { out.push_back({bytes.begin(), bytes.end()}); }
  // Says goodbye; nothing more is sent or taken.
  void Close();

  std::deque<ByteVector> out;             // to the hub
  std::vector<ByteVector> rtp;            // received, opened
  std::vector<ByteVector> rtcp;           // received, opened
  std::vector<Instant> rtp_at;            // beside rtp
  std::vector<ByteVector> protected_rtp;  // beside rtp: as it was on the wire
  std::size_t rejected = 0;               // did not open
  bool mute = false;                      // answers and sends nothing any more
  bool no_dtls = false;                   // never begins the handshake
  PeerTools* certificate = nullptr;       // shown instead of the one that the offer names
  std::vector<wire::SdesCrypto> sdes;     // lines of the offer, instead of DTLS

 private:
  PeerTools& tools_;
  SocketAddress address_;
  SocketAddress hub_;
  peer::IceCredentials credentials_;
  peer::MediaPlan plan_;
  std::optional<peer::IceClient> ice_;
  std::unique_ptr<ports::DtlsSession> dtls_;
  std::unique_ptr<ports::SrtpSender> sender_;
  std::unique_ptr<ports::SrtpReceiver> receiver_;
  bool dtls_started_ = false;
};

// Camera pictures that say whose they are: `mark` and number in the first bytes of the slice, and behind them
// what follows from both.
constexpr std::uint8_t FillingOf(std::uint32_t mark, std::uint32_t number) {
  return static_cast<std::uint8_t>(0x40U | ((mark * 13U + number * 5U) & 0x3fU));
}
struct Picture {
  std::uint32_t mark = 0;
  std::uint32_t number = 0;
  bool keyframe = false;
  friend bool operator==(const Picture&, const Picture&) = default;
};

class Camera {
 public:
  Camera(PeerTools& tools, const SocketAddress& address, std::uint32_t mark,
         wire::Codec codec = wire::Codec::kH264);
  Peer peer;
  [[nodiscard]] std::string Offer();
  // One picture; `bytes` of slice data.
  void SendPicture(bool keyframe, std::size_t bytes, Instant now);
  void ChangeSsrc() { ++ssrc_; }
  void BeginNumbersAt(std::uint16_t sequence) { sequence_ = sequence; }
  // As a camera of that mark does.
  void SendUnderSsrcOf(std::uint32_t other) { ssrc_ = 0x1000 + other; }
  // Keyframe requests (PLI, FIR) since the last call.
  std::size_t TakeKeyframeRequests();

  std::uint32_t mark;
  std::uint32_t pictures = 0;
  std::optional<wire::Codec> sound;  // offered, and a packet of it sent with each picture

 private:
  void SendSound(Instant now);
  void SendPayload(ByteView payload, bool marker, std::uint32_t timestamp);
  wire::Codec codec_;
  std::uint32_t ssrc_;
  std::uint16_t sequence_ = 65500;
  std::uint16_t sound_sequence_ = 7;
};

class ViewerEnd {
 public:
  ViewerEnd(PeerTools& tools, const SocketAddress& address) : peer(tools, address) {}
  Peer peer;
  std::string Offer(bool only_h264 = false);
  // A keyframe of the pictures is asked for (RFC 4585 6.3.1).
  void SendPli();
  // Whole pictures received, in order; CHECKs contiguous sequence numbers and rising time.
  [[nodiscard]] std::vector<Picture> Pictures() const;
  // Packets of sound received.
  [[nodiscard]] std::size_t Sounds() const;
  [[nodiscard]] const peer::StreamPlan& video() const { return *peer.plan().Find(wire::StreamKind::kVideo); }
};

}  // namespace latchkey::lane::test
