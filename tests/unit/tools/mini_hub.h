// Just enough of a hub for the tools' sessions: answers a camera and a viewer with the real negotiation,
// ICE-lite, DTLS and SRTP, and passes the camera's packets on to the viewer. All in memory, under a clock of
// the test's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "daemon/base/datagram.h"
#include "daemon/peer/negotiation.h"
#include "daemon/peer/transport.h"
#include "daemon/wire/rtp.h"
#include "platform/crypto/dtls.h"
#include "platform/crypto/openssl_crypto.h"
#include "platform/crypto/srtp.h"
#include "tests/support/seeded_entropy.h"
#include "tools/media/rtc_session.h"

namespace latchkey::media::test {

struct Tools {
  explicit Tools(std::uint64_t seed) : entropy(seed), dtls(*platform::OpenSslDtlsFactory::Create(entropy)) {}
  [[nodiscard]] SessionPorts ports() { return {crypto, entropy, *dtls, srtp}; }
  latchkey::test::SeededEntropy entropy;
  platform::OpenSslCrypto crypto;
  platform::LibSrtpFactory srtp;
  std::unique_ptr<platform::OpenSslDtlsFactory> dtls;
};

// The hub's end of one session.
struct HubEnd {
  SocketAddress remote;  // the tool's socket
  peer::MediaPlan plan;
  std::optional<peer::Transport> transport;
  std::unique_ptr<ports::SrtpReceiver> receiver;
  std::unique_ptr<ports::SrtpSender> sender;
  DatagramBatch out;
  bool silent = false;                      // hears and says nothing any more
  std::optional<SocketAddress> sends_from;  // instead of the hub's address
};

class MiniHub {
 public:
  MiniHub(SessionPorts ports, SessionPorts client_ports, const PublishMedia& media);

  // Offer, answer. `change` may spoil the answer's text.
  using Change = std::function<std::string(std::string)>;
  Status AnswerCamera(const Change& change = {});
  Status AnswerViewer(const Change& change = {});
  // Lets `d` pass in milliseconds, with everything delivered.
  void Advance(Duration d);
  // A plain RTP packet of the camera's, to the viewer under the hub's names.
  void Forward(const wire::RtpPacket& packet);

  RtcSession camera;
  RtcSession viewer;
  HubEnd camera_end;
  HubEnd viewer_end;
  // Decides for each packet that would go to the viewer; false: lost.
  std::function<bool(std::uint16_t sequence, bool again)> passes;
  std::vector<RtcSession::Frame> seen;  // by the viewer
  std::uint64_t reports_of_camera = 0;
  std::uint64_t reports_of_viewer = 0;
  std::uint64_t plis_of_viewer = 0;
  Instant now{seconds{100}};
  WallTime wall = FromUnixSeconds(1'800'000'000);

 private:
  Status Begin(HubEnd& end, RtcSession& session, peer::MediaPlan plan,
               const peer::IceCredentials& credentials, const std::string& answer);
  void Exchange(HubEnd& end, RtcSession& session);
  void FromTool(HubEnd& end, ByteView datagram);
  void HandleMedia(HubEnd& end, ByteVector bytes);
  void HandleRtcp(HubEnd& end, ByteView plain);
  void SendRtp(HubEnd& end, ByteView plain);
  void SendPliToCamera();

  SessionPorts ports_;
  std::map<std::uint16_t, ByteVector> sent_;  // to the viewer, plain
};

}  // namespace latchkey::media::test
