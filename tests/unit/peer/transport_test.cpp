// Who gets as far as DTLS. The rest of a transport is tested as part of a lane.
#include "daemon/peer/transport.h"

#include <array>
#include <memory>

#include "platform/crypto/dtls.h"
#include "platform/crypto/srtp.h"
#include "tests/unit/peer/ice_lite_fixture.h"

namespace latchkey::peer {
namespace {

class TransportTest : public IceLiteTest {
 protected:
  TransportTest() {
    auto hub = platform::OpenSslDtlsFactory::Create(entropy_);
    auto peer = platform::OpenSslDtlsFactory::Create(entropy_);
    REQUIRE((hub && peer));
    hub_ = std::move(*hub);
    peer_ = std::move(*peer);
    TransportPlan plan;
    plan.remote_fingerprint = peer_->LocalFingerprint();
    auto transport = Transport::Make(plan, local_, {crypto_, entropy_, *hub_, srtp_}, now_);
    REQUIRE(transport);
    transport_.emplace(std::move(*transport));
    auto session = peer_->Make(ports::DtlsRole::kClient, hub_->LocalFingerprint());
    REQUIRE(session);
    (*session)->Start(now_);
    const auto hello = (*session)->PollDatagram();
    REQUIRE(hello);
    hello_.assign(hello->begin(), hello->end());
  }
  DropReason Hello(const SocketAddress& from, const SocketAddress& to = kHub) {
    ByteVector bytes = hello_;
    return transport_->HandleDtls({from, to, bytes}, now_, out_);
  }

  platform::LibSrtpFactory srtp_;
  std::unique_ptr<platform::OpenSslDtlsFactory> hub_;
  std::unique_ptr<platform::OpenSslDtlsFactory> peer_;
  std::optional<Transport> transport_;
  ByteVector hello_;
  DatagramBatch out_;
};

TEST_CASE_METHOD(TransportTest,
                 "transport: a ClientHello from a pair that no check proved is dropped unread") {
  CHECK(Hello(kPeer) == DropReason::kUnknownPeer);
  CHECK(out_.empty());
  ByteVector check = Bytes(Check());
  const auto message = wire::ParseStun(check);
  REQUIRE(message);
  CHECK(transport_->HandleStun(*message, {kPeer, kHub, check}, now_, out_).reason == DropReason::kNone);
  out_.Clear();
  CHECK(Hello(kElsewhere) == DropReason::kUnknownPeer);
  CHECK(Hello(kPeer, kElsewhere) == DropReason::kUnknownPeer);
  CHECK(out_.empty());
  CHECK(Hello(kPeer) == DropReason::kNone);
  CHECK_FALSE(out_.empty());
  CHECK(out_.entries().front().to == kPeer);
}

}  // namespace
}  // namespace latchkey::peer
