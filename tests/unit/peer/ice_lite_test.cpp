#include <algorithm>
#include <cctype>
#include <type_traits>

#include "tests/unit/peer/ice_lite_fixture.h"

namespace latchkey::peer {
namespace {

static_assert(std::is_nothrow_move_constructible_v<IceLite> && std::is_move_assignable_v<IceLite>);

TEST_CASE("ice: credentials are long enough, of ice-chars, and never the same") {
  test::SeededEntropy entropy(1);
  const IceCredentials a = MakeIceCredentials(entropy);
  const IceCredentials b = MakeIceCredentials(entropy);
  CHECK(a.ufrag.size() == 8);
  CHECK(a.password.size() == 24);
  CHECK(a.ufrag != b.ufrag);
  CHECK(a.password != b.password);
  const auto ice_char = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '+' || c == '/';
  };
  CHECK(std::all_of(a.ufrag.begin(), a.ufrag.end(), ice_char));
  CHECK(std::all_of(a.password.begin(), a.password.end(), ice_char));
}

TEST_CASE_METHOD(IceLiteTest, "ice: an authentic check is answered and makes a valid pair") {
  const Request request = Check();
  const auto outcome = Send(request);
  CheckAnswered(outcome, request, kPeer);
  CHECK(ice_.IsValid({kHub, kPeer}));
  CHECK(ice_.selected() == IcePair{kHub, kPeer});
  CHECK_FALSE(ice_.nominated());
  CHECK_FALSE(ice_.TakesMediaFrom({kHub, kPeer}, now_));
}

TEST_CASE_METHOD(IceLiteTest, "ice: nothing is answered or remembered before the integrity verifies") {
  Request wrong_password = Check(true);
  wrong_password.password = "not the password at all";
  Request unsigned_one = Check(true);
  unsigned_one.sign = false;
  Request another_session = Check(true);
  another_session.username = "otherone:peer";
  Request prefix = Check(true);
  prefix.username = local_.ufrag.substr(0, 7) + ":peer";
  Request longer = Check(true);
  longer.username = local_.ufrag + "x:peer";
  Request no_colon = Check(true);
  no_colon.username = local_.ufrag;
  const Instant deadline = ice_.ConsentDeadline();
  now_ += seconds(3);
  for (const Request& request : {wrong_password, unsigned_one, another_session, prefix, longer, no_colon}) {
    INFO(request.username << " " << request.password);
    const auto outcome = Send(request);
    CHECK(outcome.reason == DropReason::kStunUnauthenticated);
    CHECK(outcome.reply.empty());
    CHECK_FALSE(ice_.IsValid({kHub, kPeer}));
    CHECK_FALSE(ice_.selected());
    CHECK(ice_.ConsentDeadline() == deadline);
  }
}

TEST_CASE_METHOD(IceLiteTest, "ice: only the whole fragment, letter by letter, is a session's own") {
  CHECK(ice_.Owns(local_.ufrag));
  for (std::size_t i = 0; i < local_.ufrag.size(); ++i) {
    CHECK_FALSE(ice_.Owns(local_.ufrag.substr(0, i)));
    std::string other = local_.ufrag;
    other[i] = static_cast<char>(other[i] ^ 0x20);  // a letter's other case, or another character
    CHECK_FALSE(ice_.Owns(other));
  }
  CHECK_FALSE(ice_.Owns(local_.ufrag + "x"));
}

TEST_CASE_METHOD(IceLiteTest, "ice: one flipped bit in a check is enough to be nobody") {
  const ByteVector good = Bytes(Check(true));
  // The last 8 bytes are FINGERPRINT, a checksum behind the integrity (RFC 8489 14.7): nothing is believed of
  // it.
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < (good.size() - 8) * 8; ++i) {
    ByteVector bad = good;
    bad[i / 8] ^= static_cast<std::uint8_t>(1U << (i % 8));
    const auto message = wire::ParseStun(bad);
    if (message && ice_.HandleBindingRequest(*message, kPeer, kHub, now_).reason == DropReason::kNone)
      ++accepted;
  }
  CHECK(accepted == 0);
  CHECK_FALSE(ice_.selected());
}

TEST_CASE_METHOD(IceLiteTest, "ice: responses and indications are no requests") {
  std::array<std::uint8_t, 128> buffer{};
  const Request request = Check();
  for (const auto type : {StunClass::kSuccess, StunClass::kError, StunClass::kIndication}) {
    wire::StunWriter writer(type, request.transaction, buffer);
    writer.Username(request.username);
    writer.Sign(AsBytes(request.password), hmac_);
    const auto message = wire::ParseStun(writer.Finish());
    REQUIRE(message);
    CHECK_FALSE(IceLocalFragment(*message));
    const auto outcome = ice_.HandleBindingRequest(*message, kPeer, kHub, now_);
    CHECK(outcome.reason == DropReason::kStunMalformed);
    CHECK(outcome.reply.empty());
  }
}

TEST_CASE_METHOD(IceLiteTest, "ice: USE-CANDIDATE nominates, and the last nomination counts") {
  Send(Check());
  Send(Check(), kElsewhere);
  CHECK(ice_.selected() == IcePair{kHub, kPeer});
  Send(Check(true), kElsewhere);
  CHECK(ice_.nominated());
  CHECK(ice_.selected() == IcePair{kHub, kElsewhere});
  CHECK(ice_.TakesMediaFrom({kHub, kElsewhere}, now_));
  CHECK_FALSE(ice_.TakesMediaFrom({kHub, kPeer}, now_));
  Send(Check(true));
  CHECK(ice_.selected() == IcePair{kHub, kPeer});
  Send(Check(), kElsewhere);
  CHECK(ice_.selected() == IcePair{kHub, kPeer});
}

TEST_CASE_METHOD(IceLiteTest, "ice: FFmpeg's checks without priority and role are accepted") {
  Request request = Check(true);
  request.bare = true;
  CheckAnswered(Send(request), request, kPeer);
  CHECK(ice_.nominated());
}

TEST_CASE_METHOD(IceLiteTest, "ice: before a nomination DTLS goes back where it came from") {
  Send(Check());
  Send(Check(), kElsewhere);
  ice_.NoteDtls({kHub, kElsewhere});
  CHECK(ice_.selected() == IcePair{kHub, kElsewhere});
  ice_.NoteDtls({kHub, {kPeer.ip, 1}});  // not valid: no effect
  CHECK(ice_.selected() == IcePair{kHub, kElsewhere});
  Send(Check(true));
  CHECK(ice_.selected() == IcePair{kHub, kPeer});
}

TEST_CASE_METHOD(IceLiteTest,
                 "ice: a peer that believes itself controlled is told to switch, and nothing else happens") {
  Request request = Check(true);
  request.controlled = true;
  const auto outcome = Send(request);
  const auto reply = wire::ParseStun(outcome.reply);
  REQUIRE(reply);
  CHECK(reply->message_class == StunClass::kError);
  CHECK(reply->error_code == 487);
  CHECK_FALSE(ice_.selected());
}

TEST_CASE_METHOD(IceLiteTest, "ice: a recorded check sent from elsewhere moves nothing and gets no reply") {
  const Request request = Check(true);
  Send(request);
  now_ += seconds(5);
  const auto outcome = Send(request, kElsewhere);
  CHECK(outcome.reason == DropReason::kDuplicate);
  CHECK_FALSE(ice_.IsValid({kHub, kElsewhere}));
  CHECK(ice_.selected() == IcePair{kHub, kPeer});
}

TEST_CASE_METHOD(IceLiteTest, "ice: a retransmitted check is answered again but keeps no consent alive") {
  const Request request = Check(true);
  Send(request);
  const Instant deadline = ice_.ConsentDeadline();
  now_ += seconds(5);
  CheckAnswered(Send(request), request, kPeer);
  CHECK(ice_.ConsentDeadline() == deadline);
}

TEST_CASE_METHOD(IceLiteTest, "ice: consent ends 15 s after the last authentic check, not sooner") {
  Send(Check(true));
  now_ += seconds(14);
  Send(Check());
  now_ += seconds(15) - Duration(1);
  CHECK_FALSE(ice_.ConsentExpired(now_));
  CHECK(ice_.TakesMediaFrom({kHub, kPeer}, now_));
  now_ += Duration(1);
  CHECK(ice_.ConsentExpired(now_));
  CHECK_FALSE(ice_.TakesMediaFrom({kHub, kPeer}, now_));
}

TEST_CASE_METHOD(IceLiteTest, "ice: checks from elsewhere are no consent of the place that media goes to") {
  // A lite agent never asks back, so a peer may nominate an address that is not its own.
  Send(Check(true), kElsewhere);
  const Instant deadline = ice_.ConsentDeadline();
  for (int i = 0; i < 5; ++i) {
    now_ += seconds(4);
    if (ice_.ConsentExpired(now_)) break;
    Send(Check());
    CHECK(ice_.ConsentDeadline() == deadline);
  }
  CHECK(ice_.ConsentExpired(now_));
}

TEST_CASE_METHOD(IceLiteTest, "ice: a peer whose media ended is not kept by checks, which may be recorded") {
  Send(Check(true));
  ice_.NoteAuthenticMedia({kHub, kPeer}, now_);
  const Instant last_media = now_;
  while (now_ < last_media + kMediaLife - seconds(5)) {
    now_ += seconds(5);
    Send(Check(true));
  }
  CHECK(ice_.ConsentDeadline() == last_media + kMediaLife);
  ice_.NoteAuthenticMedia({kHub, kPeer}, now_);
  CHECK(ice_.ConsentDeadline() == now_ + kConsentLife);
}

TEST_CASE_METHOD(IceLiteTest, "ice: a peer that never checks expires as well") {
  CHECK_FALSE(ice_.ConsentExpired(now_ + seconds(14)));
  CHECK(ice_.ConsentExpired(now_ + seconds(15)));
}

TEST_CASE_METHOD(IceLiteTest,
                 "ice: authentic media on the nominated pair is as good as a check, elsewhere it is not") {
  Send(Check(true));
  Send(Check(), kElsewhere);
  now_ += seconds(10);
  const Instant before = ice_.ConsentDeadline();
  ice_.NoteAuthenticMedia({kHub, kElsewhere}, now_);
  CHECK(ice_.ConsentDeadline() == before);
  ice_.NoteAuthenticMedia({kHub, kPeer}, now_);
  CHECK(ice_.ConsentDeadline() == now_ + kConsentLife);
  now_ += seconds(20);
  ice_.NoteAuthenticMedia({kHub, kPeer}, now_);  // too late: consent does not rise from the dead
  CHECK(ice_.ConsentExpired(now_));
}

TEST_CASE_METHOD(IceLiteTest, "ice: the pair table is bounded and keeps the nominated pair") {
  Send(Check(true));
  for (std::uint16_t port = 1; port <= 100; ++port) {
    now_ += milliseconds(1);
    Send(Check(), {kElsewhere.ip, port});
  }
  CHECK(ice_.selected() == IcePair{kHub, kPeer});
  CHECK(ice_.IsValid({kHub, {kElsewhere.ip, 100}}));
  std::size_t valid = 0;
  for (std::uint16_t port = 1; port <= 100; ++port)
    valid += ice_.IsValid({kHub, {kElsewhere.ip, port}}) ? 1U : 0U;
  CHECK(valid == kMaxPairs - 1);
}

TEST_CASE_METHOD(IceLiteTest, "ice: any order of checks, restarts and media leaves the agent consistent") {
  const std::uint64_t seed = 20200126;
  INFO("seed " << seed);
  test::SeededEntropy random(seed);
  for (int step = 0; step < 3000; ++step) {
    const std::uint32_t what = random.U32() % 16;
    now_ += milliseconds(random.U32() % 400);
    const SocketAddress from{kPeer.ip, static_cast<std::uint16_t>(1 + random.U32() % 24)};
    if (what < 12) {
      Request request = Check(what < 4);
      request.controlled = what == 11;
      if (what == 10) request.password = "wrong wrong wrong wrong wr";
      Send(request, from);
    } else if (what == 12) {
      const IceCredentials fresh = MakeIceCredentials(random);
      ice_.Restart(fresh);
      if (random.U32() % 2 == 0) local_ = fresh;
    } else if (what == 13) {
      ice_.NoteDtls({kHub, from});
    } else {
      ice_.NoteAuthenticMedia({kHub, from}, now_);
    }
    REQUIRE(ice_.IsConsistent());
  }
}

}  // namespace
}  // namespace latchkey::peer
