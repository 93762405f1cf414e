// The pages' WebSockets.
#include <nlohmann/json.hpp>

#include "daemon/access/token.h"
#include "tests/unit/front/front_fixture.h"

namespace latchkey::front {
namespace {

using ports::HttpMethod;
using ports::WebSocketId;

constexpr WebSocketId kPage{1};
constexpr WebSocketId kOther{2};

class PageFixture : public FrontFixture {
 public:
  IpAddress peer = IpAddress::V4({127, 0, 0, 1});
  void Open(WebSocketId socket = kPage) {
    front.HandleSocketOpen(socket, peer, IpAddress::V4({127, 0, 0, 1}), now);
    Collect();
  }
  void Say(const std::string& text, WebSocketId socket = kPage) {
    front.HandleSocketText(socket, text, now);
    Collect();
  }
  wire::Ticket Subscribe(WebSocketId socket = kPage, char digit = 'a') {
    Open(socket);
    Say(R"({"token":")" + TokenText(digit) + R"("})", socket);
    return Asked<wire::Subscribe>().ticket;
  }
  wire::CameraList List(const wire::Ticket& ticket) {
    wire::CameraList list;
    list.ticket = ticket;
    wire::CameraView camera;
    camera.id = *CameraId::FromHex(kCamera);
    camera.name = "Nursery";
    camera.state = wire::CameraState::kLive;
    REQUIRE(camera.watched_by.TryPush("Anna's phone"));
    camera.watched_by_more = 2;
    REQUIRE(list.cameras.TryPush(camera));
    return list;
  }
};

TEST_CASE(
    "events: a page's first message is its token; then it gets each list, the newest replacing older ones") {
  PageFixture f;
  const wire::Ticket ticket = f.Subscribe();
  CHECK(ticket.principal == access::PrincipalOf(f.crypto, *access::ParseToken(TokenText())));
  f.Hear(f.List(ticket));
  f.Hear(f.List(ticket));
  REQUIRE(f.texts.size() == 2);
  CHECK(f.texts[0].socket == kPage);
  CHECK(f.texts[0].supersedes);
  const auto json = nlohmann::json::parse(f.texts[0].text);
  CHECK(json.at("type") == "cameras");
  CHECK(json.at("cameras").at(0).at("name") == "Nursery");
  CHECK(json.at("cameras").at(0).at("watched_by") == nlohmann::json{"Anna's phone"});
  CHECK(json.at("cameras").at(0).at("watched_by_more") == 2);
  CHECK(f.ends.empty());
}

TEST_CASE("events: a page's kept head goes to the keeper as it is, and the newest comes with each list") {
  PageFixture f;
  f.Open();
  const std::string head(wire::HeadText::kMax, 'h');
  f.Say(R"({"token":")" + TokenText() + R"(","head":")" + head + R"("})");
  const auto& asked = f.Asked<wire::Subscribe>();
  CHECK(asked.head.str() == head);
  auto list = f.List(asked.ticket);
  list.head = "newest";
  f.Hear(std::move(list));
  CHECK(nlohmann::json::parse(f.texts.at(0).text).at("head") == "newest");
  // What is no head is none: an older page must not be locked out by what its browser has kept.
  f.Open(kOther);
  f.Say(R"({"token":")" + TokenText() + R"(","head":")" + head + R"(h"})", kOther);
  CHECK(f.Asked<wire::Subscribe>().head.str().empty());
  // And anything else is no first message.
  f.Open(WebSocketId{9});
  f.Say(R"({"token":")" + TokenText() + R"(","heat":"x"})", WebSocketId{9});
  CHECK_FALSE(f.ends.empty());
}

TEST_CASE("events: a list goes to the page whose ticket it has, and to no other") {
  PageFixture f;
  const wire::Ticket mine = f.Subscribe(kPage, 'a');
  const wire::Ticket theirs = f.Subscribe(kOther, 'b');
  f.Hear(f.List(theirs));
  REQUIRE(f.texts.size() == 1);
  CHECK(f.texts[0].socket == kOther);
  f.Hear(f.List({mine.request, theirs.principal}));
  f.Hear(wire::Refused{{theirs.request, mine.principal}, 401, "no", "no", 0});
  CHECK(f.texts.size() == 1);
  CHECK(f.ends.empty());
  CHECK(f.front.counters().replies_foreign == 2);
}

TEST_CASE("events: a page that closed is unsubscribed, and its late list reaches nobody") {
  PageFixture f;
  const wire::Ticket ticket = f.Subscribe();
  f.front.HandleSocketClosed(kPage);
  f.Collect();
  CHECK(f.Asked<wire::Unsubscribe>().ticket == ticket);
  f.Hear(f.List(ticket));
  CHECK(f.texts.empty());
  CHECK(f.front.counters().replies_unknown == 1);
}

TEST_CASE("events: a token that is none, or that the keeper does not know, closes with 4401 and words") {
  PageFixture f;
  f.Open();
  f.Say(R"({"token":"lk_short"})");
  REQUIRE(f.ends.size() == 1);
  CHECK(f.ends[0].code == 4401);
  CHECK(f.asked.empty());
  CHECK(nlohmann::json::parse(f.texts.at(0).text).at("status") == 401);
  const wire::Ticket ticket = f.Subscribe(kOther);
  f.Hear(wire::Refused{ticket, 401, "token not known", "ask for another", 0});
  REQUIRE(f.ends.size() == 2);
  CHECK(f.ends[1].code == 4401);
  CHECK(nlohmann::json::parse(f.texts.at(1).text).at("detail") == "ask for another");
}

TEST_CASE("events: any other refusal closes with 4503: the page comes back") {
  PageFixture f;
  f.Hear(wire::Refused{f.Subscribe(), 503, "currently unavailable", "wait", 1});
  REQUIRE(f.ends.size() == 1);
  CHECK(f.ends[0].code == 4503);
}

TEST_CASE("events: a page without a token for 5 s is closed, one that the keeper ignores as well") {
  PageFixture f;
  f.Open();
  const wire::Ticket ticket = f.Subscribe(kOther);
  f.front.HandleTime(f.now + seconds{5} - milliseconds{1});
  f.Collect();
  CHECK(f.ends.empty());
  f.front.HandleTime(f.now + seconds{5});
  f.Collect();
  REQUIRE(f.ends.size() == 2);
  CHECK(f.ends[0].code + f.ends[1].code == 4408 + 4503);
  CHECK(f.Asked<wire::Unsubscribe>().ticket == ticket);
  CHECK_FALSE(f.front.NextDeadline());
}

TEST_CASE("events: once a list came, silence of the keeper closes nothing") {
  PageFixture f;
  f.Hear(f.List(f.Subscribe()));
  CHECK_FALSE(f.front.NextDeadline());
}

TEST_CASE("events: a ping is answered; anything else, or a second token, closes with 1008") {
  PageFixture f;
  (void)f.Subscribe();
  f.Say(R"({"type":"ping"})");
  REQUIRE(f.texts.size() == 1);
  CHECK(f.texts[0].text == R"({"type":"pong"})");
  f.Say(R"({"token":")" + TokenText() + R"("})");
  REQUIRE(f.ends.size() == 1);
  CHECK(f.ends[0].code == 1008);
  std::uint64_t next = 10;
  for (const std::string text : {"", "{", "[]", "1", R"({"token":1})", R"({"type":"PING"})",
                                 R"({"a":{"b":[]}})", R"({"type":"ping","token":"x"})"}) {
    const WebSocketId socket{next++};
    f.Open(socket);
    f.Say(text, socket);
    INFO(text);
    CHECK(f.ends.back().socket == socket);
    CHECK(f.ends.back().code == 1008);
  }
  f.Open(WebSocketId{next});
  f.Say(R"({"type":")" + std::string(600, 'x') + R"("})", WebSocketId{next});
  CHECK(f.ends.back().code == 1008);
}

TEST_CASE("events: only /events is a WebSocket, and only for the hub's own page or a program") {
  PageFixture f;
  const auto refusal = [&f](const std::string& path, const std::string& origin) {
    auto request = f.Request(HttpMethod::kGet, path);
    request.origin = origin;
    const auto response = f.front.HandleUpgrade(request);
    return response ? response->status : 0;
  };
  CHECK(refusal("/events", "") == 0);
  CHECK(refusal("/events", "http://127.0.0.1:8480") == 0);
  CHECK(refusal("/events", "http://localhost:8480") == 403);
  CHECK(refusal("/events", "https://127.0.0.1:8480") == 403);
  CHECK(refusal("/events", "http://example.org") == 403);
  CHECK(refusal("/events", "null") == 403);
  CHECK(refusal("/", "") == 404);
  CHECK(f.Answer(f.Request(HttpMethod::kGet, "/events")).status == 426);
}

TEST_CASE("events: at most 128 pages; the next upgrade is 503") {
  PageFixture f;
  for (std::uint64_t i = 1; i <= Pages::kMax; ++i) f.Open(WebSocketId{i});
  const auto response = f.front.HandleUpgrade(f.Request(HttpMethod::kGet, "/events"));
  REQUIRE(response);
  CHECK(response->status == 503);
  f.Open(WebSocketId{1000});
  REQUIRE(f.ends.size() == 1);
  CHECK(f.ends[0].socket == WebSocketId{1000});
}

}  // namespace
}  // namespace latchkey::front
