// An ICE-lite agent and a peer that writes its own checks. Private to the tests of daemon/peer.
#pragma once

#include <array>
#include <functional>
#include <string>

#include "daemon/peer/ice_lite.h"
#include "platform/crypto/openssl_crypto.h"
#include "tests/support/catch.h"
#include "tests/support/seeded_entropy.h"

namespace latchkey::peer {

using wire::StunClass;
using wire::StunTransactionId;

inline const SocketAddress kHub{*IpAddress::Parse("192.168.1.9"), 47000};
inline const SocketAddress kPeer{*IpAddress::Parse("192.168.1.20"), 50000};
inline const SocketAddress kElsewhere{*IpAddress::Parse("192.168.1.66"), 666};

struct Request {
  std::string username;
  std::string password;
  StunTransactionId transaction;
  bool use_candidate = false;
  bool controlled = false;
  bool bare = false;  // FFmpeg 8.0: neither PRIORITY nor a role
  bool sign = true;
};

class IceLiteTest {
 protected:
  IceLiteTest() : local_(MakeIceCredentials(entropy_)), ice_(local_, crypto_, now_) {}

  Request Check(bool use_candidate = false) {
    Request request;
    request.username = local_.ufrag + ":peer";
    request.password = local_.password;
    request.use_candidate = use_candidate;
    entropy_.Fill(request.transaction.bytes);
    return request;
  }
  ByteVector Bytes(const Request& request) {
    std::array<std::uint8_t, 512> buffer{};
    wire::StunWriter writer(StunClass::kRequest, request.transaction, buffer);
    writer.Username(request.username);
    if (!request.bare) {
      writer.Priority(1);
      request.controlled ? writer.IceControlled(1) : writer.IceControlling(1);
    }
    if (request.use_candidate) writer.UseCandidate();
    if (request.sign) writer.Sign(AsBytes(request.password), hmac_);
    const ByteView bytes = writer.Finish();
    return {bytes.begin(), bytes.end()};
  }
  IceLite::Outcome Send(const Request& request, const SocketAddress& from = kPeer,
                        const SocketAddress& to = kHub) {
    const ByteVector bytes = Bytes(request);
    const auto message = wire::ParseStun(bytes);
    REQUIRE(message);
    auto outcome = ice_.HandleBindingRequest(*message, from, to, now_);
    CHECK(ice_.IsConsistent());
    CHECK(outcome.reply.empty() == (outcome.reason != DropReason::kNone));
    return outcome;
  }
  // The reply is a success for `from`, signed with `password`.
  void CheckAnswered(const IceLite::Outcome& outcome, const Request& request, const SocketAddress& from) {
    CHECK(outcome.reason == DropReason::kNone);
    const auto reply = wire::ParseStun(outcome.reply);
    REQUIRE(reply);
    CHECK(reply->message_class == StunClass::kSuccess);
    CHECK(reply->transaction == request.transaction);
    CHECK(reply->mapped_address == from);
    CHECK(wire::StunIntegrityVerifies(*reply, AsBytes(request.password), hmac_));
  }

  test::SeededEntropy entropy_{11};
  platform::OpenSslCrypto crypto_;
  std::function<wire::StunDigest(ByteView, ByteView)> hmac_ = [this](ByteView key, ByteView data) {
    return crypto_.HmacSha1(key, data);
  };
  Instant now_{seconds(1000)};
  IceCredentials local_;
  IceLite ice_;
};

}  // namespace latchkey::peer
