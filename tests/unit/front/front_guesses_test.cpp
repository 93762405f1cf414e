// Wrong tokens: who sent too many waits, nobody else does, and each is told to the keeper.
#include <nlohmann/json.hpp>

#include "daemon/front/guesses.h"
#include "tests/unit/front/front_fixture.h"

namespace latchkey::front {
namespace {

using ports::HttpMethod;

IpAddress Ip(const char* text) {
  return *IpAddress::Parse(text);
}

class GuessFixture : public FrontFixture {
 public:
  // Another one each time.
  std::string NextToken() {
    const std::string number = std::to_string(++tokens_);
    return "lk_" + std::string(64 - number.size(), '0') + number;
  }
  // Asks from this address with a token of its own; the keeper answers with `status`, if it is asked at all.
  // What the client gets.
  ports::HttpResponse From(const char* peer, std::uint16_t status, const char* local = "127.0.0.1",
                           const char* origin = "") {
    return With(NextToken(), peer, status, local, origin);
  }
  ports::HttpResponse With(const std::string& token, const char* peer, std::uint16_t status,
                           const char* local = "127.0.0.1", const char* origin = "") {
    auto request = Request(HttpMethod::kGet, "/api/v1/cameras", token);
    request.peer.ip = Ip(peer);
    request.local.ip = Ip(local);
    request.origin = origin;
    const auto questions = asked.size();
    (void)Send(std::move(request));
    if (asked.size() == questions) return OnlyReply().response;
    const wire::Ticket ticket = Asked<wire::ListRequest>().ticket;
    if (status == 200) {
      wire::CameraList list;
      list.ticket = ticket;
      Hear(std::move(list));
    } else {
      Hear(wire::Refused{ticket, status, "no", "no", 0});
    }
    return OnlyReply().response;
  }
  std::vector<std::string> Told() const {
    std::vector<std::string> addresses;
    for (const auto& message : asked) {
      if (const auto* told = std::get_if<wire::TokenGuessed>(&message))
        addresses.push_back(told->address.str());
    }
    return addresses;
  }

 private:
  int tokens_ = 0;
};

}  // namespace

TEST_CASE(
    "guesses: an address may guess ten times, then once in ten seconds; the right token waits as well") {
  GuessFixture f;
  for (int i = 0; i < kGuessesOfOne; ++i) CHECK(f.From("192.0.2.9", 401).status == 401);
  const auto questions = f.asked.size();
  const auto held = f.From("192.0.2.9", 200);
  CHECK(held.status == 429);
  CHECK(Header(held, "Retry-After") == "10");
  CHECK(Header(held, "Content-Type") == "application/problem+json");
  CHECK(Header(held, "Cache-Control") == "no-store");
  CHECK(f.asked.size() == questions);
  f.now += kGuessPeriod - milliseconds(1);
  CHECK(Header(f.From("192.0.2.9", 200), "Retry-After") == "1");
  f.now += milliseconds(1);
  CHECK(f.From("192.0.2.9", 401).status == 401);
  CHECK(f.From("192.0.2.9", 401).status == 429);
  f.now += kGuessPeriod;
  CHECK(f.From("192.0.2.9", 200).status == 200);
  // A right one costs nothing.
  CHECK(f.From("192.0.2.9", 200).status == 200);
  f.now += kGuessPeriod * kGuessesOfOne;
  for (int i = 0; i < kGuessesOfOne; ++i) CHECK(f.From("192.0.2.9", 401).status == 401);
  CHECK(f.front.counters().held_off == 3);
}

TEST_CASE("guesses: nobody at another address waits, however many guess") {
  GuessFixture f;
  int asked = 0;
  for (int guesser = 1; guesser <= 200; ++guesser) {
    const std::string address = "192.0.2." + std::to_string(guesser);
    for (int i = 0; i < 20; ++i) asked += f.From(address.c_str(), 401).status == 401 ? 1 : 0;
    CHECK(f.From("198.51.100.7", 200).status == 200);
    CHECK(f.From("127.0.0.1", 200).status == 200);
  }
  // Once all that are allowed together are used up, each gets one try and no more.
  CHECK(asked == kGuessesOfAll + 200 - kGuessesOfAll / kGuessesOfOne);
  f.now += kGuessPeriodOfAll * 300;
  CHECK(f.From("192.0.2.1", 401).status == 401);
}

TEST_CASE(
    "guesses: one that changes its address within a network of its own is one, on the hub's link each is") {
  GuessFixture f;
  for (int i = 0; i < kGuessesOfOne; ++i) {
    CHECK(f.From(("2001:db8:1:1::" + std::to_string(i)).c_str(), 401, "2001:db8:2:2::1").status == 401);
    CHECK(f.From(("2001:db8:2:2::" + std::to_string(i + 2)).c_str(), 401, "2001:db8:2:2::1").status == 401);
    CHECK(f.From(("fe80::" + std::to_string(i + 2)).c_str(), 401, "fe80::1").status == 401);
  }
  CHECK(f.From("2001:db8:1:1::99", 200, "2001:db8:2:2::1").status == 429);
  CHECK(f.From("2001:db8:1:2::99", 200, "2001:db8:2:2::1").status == 200);
  CHECK(f.From("2001:db8:2:2::99", 200, "2001:db8:2:2::1").status == 200);
  CHECK(f.From("fe80::99", 200, "fe80::1").status == 200);
  CHECK(f.Told().front() == "2001:db8:1:1::");
  CHECK(f.Told().back() == "fe80::11");
  // An IPv4 address is one, however it is spelt.
  CHECK(GuesserOf(Ip("::ffff:192.0.2.9"), Ip("192.0.2.1")) == Ip("192.0.2.9"));
  CHECK(GuesserOf(Ip("::1"), Ip("::1")) == Ip("::1"));
}

TEST_CASE(
    "guesses: each that the keeper refused is told to it; one without a token, or with none that it could "
    "be, is not") {
  GuessFixture f;
  (void)f.From("192.0.2.9", 401);
  (void)f.From("192.0.2.9", 403);
  (void)f.From("192.0.2.9", 503);
  for (const char* authorization : {"", "Basic abc", "Bearer lk_0"}) {
    auto request = f.Request(HttpMethod::kGet, "/api/v1/cameras");
    request.authorization = authorization;
    CHECK(f.Answer(std::move(request)).status == 401);
  }
  CHECK(f.Told() == std::vector<std::string>{"192.0.2.9"});
}

TEST_CASE("guesses: every way to show a token is held off, and none without one") {
  GuessFixture f;
  for (int i = 0; i < kGuessesOfOne; ++i) (void)f.From("127.0.0.1", 401);
  const auto questions = f.asked.size();
  for (auto request :
       {f.Offer("whip"), f.Offer("whep"), f.Patch(), f.Request(HttpMethod::kGet, "/api/v1/cameras"),
        f.Request(HttpMethod::kDelete, "/session/" + std::string(kSession))}) {
    CHECK(f.Answer(std::move(request)).status == 429);
  }
  CHECK(f.asked.size() == questions);
  for (const char* path : {"/", "/healthz", "/openapi.json"})
    CHECK(f.Answer(f.Request(HttpMethod::kGet, path, "")).status == 200);
  CHECK(f.Answer(f.Request(HttpMethod::kGet, "/api/v1/cameras", "")).status == 401);
}

TEST_CASE("guesses: a page that showed too many wrong tokens is told to come back, and is not asked about") {
  GuessFixture f;
  std::uint64_t number = 0;
  const auto page = [&](const char* peer) {
    const ports::WebSocketId socket{++number};
    f.front.HandleSocketOpen(socket, Ip(peer), Ip("192.0.2.1"), f.now);
    f.front.HandleSocketText(socket, R"({"token":")" + f.NextToken() + R"("})", f.now);
    f.Collect();
    return socket;
  };
  for (int i = 0; i < kGuessesOfOne; ++i) {
    page("192.0.2.9");
    f.Hear(wire::Refused{f.Asked<wire::Subscribe>().ticket, 401, "no", "no", 0});
  }
  CHECK(f.Told() == std::vector<std::string>(kGuessesOfOne, "192.0.2.9"));
  const auto questions = f.asked.size();
  f.texts.clear();
  f.ends.clear();
  page("192.0.2.9");
  CHECK(f.asked.size() == questions);
  REQUIRE(f.texts.size() == 1);
  CHECK(nlohmann::json::parse(f.texts[0].text).at("status") == 429);
  CHECK(nlohmann::json::parse(f.texts[0].text).at("retry_after_s") == 10);
  REQUIRE(f.ends.size() == 1);
  CHECK(f.ends[0].code == kCloseUnavailable);
  page("192.0.2.8");
  CHECK(f.asked.size() == questions + 1);
}

TEST_CASE("guesses: a page whose token was good until it was replaced has not guessed") {
  GuessFixture f;
  f.front.HandleSocketOpen(ports::WebSocketId{1}, Ip("192.0.2.9"), Ip("192.0.2.1"), f.now);
  f.front.HandleSocketText(ports::WebSocketId{1}, R"({"token":")" + TokenText() + R"("})", f.now);
  f.Collect();
  const wire::Ticket ticket = f.Asked<wire::Subscribe>().ticket;
  wire::CameraList list;
  list.ticket = ticket;
  f.Hear(std::move(list));
  f.Hear(wire::Refused{ticket, 401, "no", "no", 0});
  CHECK(f.Told().empty());
}

TEST_CASE("guesses: a page of another origin makes nothing else at its address wait") {
  GuessFixture f;
  for (int i = 0; i < 100; ++i) {
    const std::string origin = "https://" + std::to_string(i % 3) + ".example";
    (void)f.From("192.0.2.9", 401, "127.0.0.1", origin.c_str());
  }
  CHECK(f.From("192.0.2.9", 200, "127.0.0.1", "https://9.example").status == 429);
  CHECK(f.From("192.0.2.9", 200, "127.0.0.1", "http://127.0.0.1:8480").status == 200);
  CHECK(f.From("192.0.2.9", 200).status == 200);
}

TEST_CASE("guesses: an old token that is tried again and again is one guess") {
  GuessFixture f;
  const std::string old = f.NextToken();
  for (int i = 0; i < 100; ++i) CHECK(f.With(old, "192.0.2.9", 401).status == 401);
  CHECK(f.Told().size() == 1);
  // Each is asked about all the same.
  CHECK(f.With(old, "192.0.2.9", 200).status == 200);
  CHECK(f.From("192.0.2.9", 200).status == 200);
  for (int i = 1; i < kGuessesOfOne; ++i) CHECK(f.From("192.0.2.9", 401).status == 401);
  CHECK(f.With(old, "192.0.2.9", 401).status == 429);
}

TEST_CASE("guesses: whatever is sent at once, it is paid off in ten periods, and what others owe is theirs") {
  Guesses guesses;
  Instant now{hours(1)};
  const Guesser one{Ip("192.0.2.9")};
  for (std::uint8_t i = 0; i < 200; ++i) guesses.NoteWrong(one, PrincipalId({i}), now);
  REQUIRE(guesses.IsConsistent());
  CHECK(guesses.Wait(one, now) == kGuessPeriod);
  now += kGuessPeriod * kGuessesOfOne;
  CHECK_FALSE(guesses.Wait(one, now));
  // It owes half a second of its ten; all of them together have just used up what they may.
  guesses.NoteWrong(one, PrincipalId({1}), now);
  now += kGuessPeriod - milliseconds(500);
  for (std::uint8_t i = 0; i < 200; ++i) guesses.NoteWrong({Ip("192.0.2.8")}, PrincipalId({i}), now);
  CHECK(guesses.Wait(one, now) == milliseconds(500));
}

TEST_CASE("guesses: more addresses than are remembered forget the one that is nearest to its end") {
  Guesses guesses;
  const Instant now{hours(1)};
  for (int i = 0; i < kGuessesOfOne; ++i)
    guesses.NoteWrong({Ip("192.0.2.9")}, PrincipalId({static_cast<std::uint8_t>(i)}), now);
  for (int i = 0; i < 1000; ++i) {
    guesses.NoteWrong(
        {IpAddress::V4({10, 0, static_cast<std::uint8_t>(i / 250), static_cast<std::uint8_t>(i % 250)})},
        PrincipalId({1}), now);
    REQUIRE(guesses.IsConsistent());
  }
  CHECK(guesses.size() == Guesses::kMaxGuessers);
  CHECK(guesses.Wait({Ip("192.0.2.9")}, now) >= kGuessPeriod);
  CHECK_FALSE(guesses.Wait({Ip("10.9.9.9")}, now));
  guesses.NoteWrong({Ip("192.0.2.9")}, PrincipalId({1}), now + hours(1));
  CHECK(guesses.size() == 1);
}

}  // namespace latchkey::front
