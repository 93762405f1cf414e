#include "daemon/peer/ice_client.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <vector>

#include "platform/crypto/openssl_crypto.h"
#include "tests/support/catch.h"
#include "tests/support/seeded_entropy.h"

namespace latchkey::peer {
namespace {

const SocketAddress kHub{*IpAddress::Parse("192.168.1.9"), 47000};
const SocketAddress kDead{*IpAddress::Parse("10.9.9.9"), 47000};
const SocketAddress kClient{*IpAddress::Parse("192.168.1.20"), 50000};

// A client and a hub over a path that loses and delays, under a virtual clock.
class Path {
 public:
  Path(std::uint64_t seed, double loss, std::vector<SocketAddress> candidates)
      : entropy_(seed),
        loss_(loss),
        hub_credentials_(MakeIceCredentials(entropy_)),
        client_credentials_(MakeIceCredentials(entropy_)),
        hub(hub_credentials_, crypto_, now),
        client(client_credentials_, hub_credentials_, std::move(candidates), crypto_, entropy_, now, config) {
  }

  // Lets time pass until `end`, or until `done` says so.
  template <class Done>
  void Run(Instant end, Done&& done) {
    while (!done()) {
      Transmit();
      const Instant next = std::min(NextEvent(), end);
      now = std::max(now, next);
      Deliver();
      if (now >= end) return;
    }
  }
  void Run(Duration span) {
    Run(now + span, [] { return false; });
  }
  bool RunUntil(IceClientState state, Duration limit) {
    Run(now + limit, [&] { return client.state() == state; });
    return client.state() == state;
  }

  platform::OpenSslCrypto crypto_;
  test::SeededEntropy entropy_;
  double loss_;
  Duration delay = milliseconds(3);
  bool forge = false;  // somebody else answers, who knows the transaction but not the password
  std::size_t sent = 0;
  Instant now{seconds(500)};
  IceClient::Config config;
  IceCredentials hub_credentials_;
  IceCredentials client_credentials_;
  IceLite hub;
  IceClient client;

 private:
  struct Flight {
    Instant due;
    bool to_hub = false;
    ByteVector bytes;
  };
  void Put(bool to_hub, ByteVector bytes) {
    if (entropy_.Uniform() >= loss_) flights_.push_back({now + delay, to_hub, std::move(bytes)});
  }
  void Transmit() {
    while (auto transmit = client.Poll(now)) {
      ++sent;
      if (transmit->to == kHub) Put(true, std::move(transmit->bytes));
    }
  }
  [[nodiscard]] Instant NextEvent() const {
    Instant next = client.NextDeadline().value_or(now + seconds(3600));
    for (const Flight& flight : flights_) next = std::min(next, flight.due);
    return next;
  }
  void Deliver() {
    std::vector<Flight> due;
    std::copy_if(flights_.begin(), flights_.end(), std::back_inserter(due),
                 [&](const Flight& f) { return f.due <= now; });
    std::erase_if(flights_, [&](const Flight& f) { return f.due <= now; });
    for (Flight& flight : due) {
      if (!flight.to_hub) {
        if (forge) flight.bytes = Forged(flight.bytes);
        (void)client.HandleDatagram(flight.bytes, kHub, now);
        continue;
      }
      const auto message = wire::ParseStun(flight.bytes);
      REQUIRE(message);
      auto outcome = hub.HandleBindingRequest(*message, kClient, kHub, now);
      CHECK(hub.IsConsistent());
      if (!outcome.reply.empty()) Put(false, std::move(outcome.reply));
    }
  }
  ByteVector Forged(const ByteVector& answer) {
    const auto message = wire::ParseStun(answer);
    REQUIRE(message);
    std::array<std::uint8_t, 128> buffer{};
    const ByteView bytes = wire::WriteStunSuccess(
        message->transaction, kClient, AsBytes("not the password at all"),
        [this](ByteView key, ByteView data) { return crypto_.HmacSha1(key, data); }, buffer);
    return {bytes.begin(), bytes.end()};
  }
  std::vector<Flight> flights_;
};

TEST_CASE("ice client: it connects to a lite hub in one round trip, nominated at once") {
  Path path(1, 0, {kHub});
  REQUIRE(path.RunUntil(IceClientState::kConnected, seconds(1)));
  CHECK(path.now == Instant(seconds(500)) + milliseconds(6));
  CHECK(path.client.selected() == kHub);
  CHECK(path.client.mapped() == kClient);
  CHECK(path.client.round_trip() == milliseconds(6));
  CHECK(path.hub.nominated());
  CHECK(path.hub.selected() == IcePair{kHub, kClient});
}

TEST_CASE("ice client: a dead candidate in front costs one pace, not a timeout") {
  Path path(2, 0, {kDead, kHub});
  REQUIRE(path.RunUntil(IceClientState::kConnected, seconds(1)));
  CHECK(path.now - Instant(seconds(500)) < milliseconds(60));
}

TEST_CASE("ice client: with half of all datagrams lost it still connects, whatever the seed") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    INFO("seed " << seed);
    Path path(seed, 0.5, {kDead, kHub});
    CHECK(path.RunUntil(IceClientState::kConnected, seconds(10)));
  }
}

TEST_CASE("ice client: consent is kept for a minute under 20 % loss, on both sides") {
  Path path(5, 0.2, {kHub});
  REQUIRE(path.RunUntil(IceClientState::kConnected, seconds(5)));
  for (int second = 0; second < 60; ++second) {
    path.Run(seconds(1));
    REQUIRE(path.client.state() == IceClientState::kConnected);
    REQUIRE_FALSE(path.hub.ConsentExpired(path.now));
  }
  CHECK(path.sent < 60);  // a check each 5 s and a few retries, not a flood
}

TEST_CASE("ice client: nobody there fails after the timeout, and says so once") {
  Path path(6, 0, {kDead});
  CHECK_FALSE(path.RunUntil(IceClientState::kFailed, seconds(10) - milliseconds(1)));
  CHECK(path.RunUntil(IceClientState::kFailed, milliseconds(2)));
  CHECK_FALSE(path.client.NextDeadline());
  CHECK_FALSE(path.client.Poll(path.now));
}

TEST_CASE("ice client: without candidates it fails at the timeout") {
  Path path(6, 0, {});
  CHECK(path.RunUntil(IceClientState::kFailed, seconds(11)));
}

TEST_CASE("ice client: answers whose integrity is wrong are nobody's") {
  Path path(7, 0, {kHub});
  path.forge = true;
  CHECK_FALSE(path.RunUntil(IceClientState::kConnected, seconds(5)));
  CHECK_FALSE(path.client.selected());
}

TEST_CASE("ice client: an answer from another address, or to no check of ours, is dropped") {
  Path path(8, 0, {kHub});
  const auto check = path.client.Poll(path.now);
  REQUIRE(check);
  const auto message = wire::ParseStun(check->bytes);
  REQUIRE(message);
  const auto outcome = path.hub.HandleBindingRequest(*message, kClient, kHub, path.now);
  CHECK(path.client.HandleDatagram(outcome.reply, kDead, path.now) == DropReason::kStunUnauthenticated);
  CHECK(path.client.HandleDatagram(check->bytes, kHub, path.now) == DropReason::kStunMalformed);
  CHECK(path.client.HandleDatagram(ByteVector{1, 2, 3}, kHub, path.now) == DropReason::kStunMalformed);
  CHECK(path.client.state() == IceClientState::kChecking);
  CHECK(path.client.HandleDatagram(outcome.reply, kHub, path.now) == DropReason::kNone);
  CHECK(path.client.state() == IceClientState::kConnected);
  CHECK(path.client.HandleDatagram(outcome.reply, kHub, path.now) == DropReason::kStunUnauthenticated);
}

TEST_CASE("ice client: a hub that goes silent is noticed when consent ends") {
  Path path(9, 0, {kHub});
  REQUIRE(path.RunUntil(IceClientState::kConnected, seconds(1)));
  path.loss_ = 1;
  path.Run(seconds(29));
  CHECK(path.client.state() == IceClientState::kConnected);
  path.Run(seconds(8));
  CHECK(path.client.state() == IceClientState::kFailed);
  CHECK(path.client.selected() == kHub);
  CHECK(path.hub.ConsentExpired(path.now));
}

TEST_CASE("ice client: after a failure a restart with fresh credentials connects again") {
  Path path(10, 0, {kHub});
  REQUIRE(path.RunUntil(IceClientState::kConnected, seconds(1)));
  path.loss_ = 1;
  REQUIRE(path.RunUntil(IceClientState::kFailed, seconds(60)));
  path.loss_ = 0;
  const IceCredentials hub = MakeIceCredentials(path.entropy_);
  path.hub.Restart(hub);
  path.client.Restart(MakeIceCredentials(path.entropy_), hub, {kHub}, path.now);
  CHECK(path.RunUntil(IceClientState::kConnected, seconds(1)));
  CHECK_FALSE(path.hub.ConsentExpired(path.now));
  CHECK(path.hub.Owns(hub.ufrag));
}

}  // namespace
}  // namespace latchkey::peer
