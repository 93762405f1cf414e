// Questions to the keeper, their answers, and answers that are nobody's.
#include <nlohmann/json.hpp>

#include "daemon/access/grant.h"
#include "daemon/access/token.h"
#include "tests/unit/front/front_fixture.h"

namespace latchkey::front {
namespace {

using ports::HttpMethod;
using ports::HttpResponse;

Secret32 Token(char digit = 'a') {
  return std::move(*access::ParseToken(TokenText(digit)));
}

wire::Answered AnsweredFor(const wire::Ticket& ticket, SessionId session = *SessionId::FromHex(kSession)) {
  return {ticket, session, "tag1", "v=0\r\nanswer"};
}
wire::Refused RefusedFor(const wire::Ticket& ticket, std::uint16_t status) {
  return {ticket, status, "no", "do something else", 0};
}
wire::Granted GrantedFor(const wire::Ticket& ticket) {
  wire::Granted granted;
  granted.ticket = ticket;
  granted.session = *SessionId::FromHex(kSession);
  granted.grant = *GrantId::FromHex("11112222333344445555666677778888");
  granted.wrap.fill(7);
  return granted;
}

TEST_CASE("front: a publisher's question has its token, camera and offer, and its answer makes 201") {
  FrontFixture f;
  const auto exchange = f.Send(f.Offer("whip"));
  CHECK(f.replies.empty());
  const auto& question = f.Asked<wire::PublishRequest>();
  CHECK(question.camera.ToHex() == kCamera);
  CHECK(ConstantTimeEqual(question.token.Reveal(), Token().Reveal()));
  CHECK(question.ticket.principal == access::PrincipalOf(f.crypto, Token()));
  CHECK(question.offer.str() == "v=0\r\n");
  f.Hear(AnsweredFor(question.ticket));
  const Reply reply = f.OnlyReply();
  CHECK(reply.exchange == exchange);
  CHECK(reply.response.status == 201);
  CHECK(Header(reply.response, "Content-Type") == "application/sdp");
  CHECK(Header(reply.response, "Location") == "http://127.0.0.1:8480/session/" + std::string(kSession));
  CHECK(Header(reply.response, "ETag") == "\"tag1\"");
  CHECK(Header(reply.response, "Accept-Patch") == "application/trickle-ice-sdpfrag");
  CHECK(Header(reply.response, "Access-Control-Allow-Origin") == "*");
  CHECK(reply.response.body == "v=0\r\nanswer");
}

TEST_CASE("front: Location is built from the Host that the client used") {
  FrontFixture f;
  auto request = f.Offer("whip");
  request.host = "[::1]:8480";
  (void)f.Send(std::move(request));
  f.Hear(AnsweredFor(f.Asked<wire::PublishRequest>().ticket));
  CHECK(Header(f.OnlyReply().response, "Location").starts_with("http://[::1]:8480/session/"));
}

TEST_CASE(
    "front: a viewer's proof comes from the token of this request and the grant that the keeper named") {
  FrontFixture f;
  (void)f.Send(f.Offer("whep", TokenText('b')));
  const wire::Ticket ticket = f.Asked<wire::ViewRequest>().ticket;
  const wire::Granted granted = GrantedFor(ticket);
  f.Hear(granted);
  CHECK(f.replies.empty());
  const auto& proof = f.Asked<wire::ViewProof>();
  CHECK(proof.ticket == ticket);
  CHECK(proof.session == granted.session);
  CHECK(proof.wrap == granted.wrap);
  const Secret32 expected = access::DeriveViewerKey(f.crypto, Token('b'), granted.grant);
  CHECK(ConstantTimeEqual(proof.derived_key.Reveal(), expected.Reveal()));
  f.Hear(AnsweredFor(ticket));
  CHECK(f.OnlyReply().response.status == 201);
}

TEST_CASE("front: two viewers at once: each proof is of its own token, each answer goes to its own client") {
  FrontFixture f;
  const auto first = f.Send(f.Offer("whep", TokenText('1')));
  const wire::Ticket ticket1 = f.Asked<wire::ViewRequest>().ticket;
  const auto second = f.Send(f.Offer("whep", TokenText('2')));
  const wire::Ticket ticket2 = f.Asked<wire::ViewRequest>().ticket;
  const auto expect = [&f](char digit) {
    const Secret32 key = access::DeriveViewerKey(f.crypto, Token(digit), GrantedFor({}).grant);
    return ConstantTimeEqual(f.Asked<wire::ViewProof>().derived_key.Reveal(), key.Reveal());
  };
  f.Hear(GrantedFor(ticket2));
  CHECK(expect('2'));
  f.Hear(GrantedFor(ticket1));
  CHECK(expect('1'));
  f.Hear(AnsweredFor(ticket1));
  CHECK(f.OnlyReply().exchange == first);
  f.Hear(AnsweredFor(ticket2));
  CHECK(f.OnlyReply().exchange == second);
}

TEST_CASE(
    "front: a reply with an unknown request or another principal is dropped and counted (invariant 10)") {
  FrontFixture f;
  (void)f.Send(f.Offer("whep", TokenText('1')));
  const wire::Ticket mine = f.Asked<wire::ViewRequest>().ticket;
  (void)f.Send(f.Offer("whep", TokenText('2')));
  const wire::Ticket theirs = f.Asked<wire::ViewRequest>().ticket;
  const wire::Ticket mixed{mine.request, theirs.principal};
  const wire::Ticket unknown{*RequestId::FromHex(kCamera), mine.principal};
  for (const wire::Ticket& wrong : {mixed, unknown}) {
    f.Hear(GrantedFor(wrong));
    f.Hear(AnsweredFor(wrong));
    f.Hear(RefusedFor(wrong, 404));
    f.Hear(wire::Done{wrong, 200, ""});
    wire::CameraList list;
    list.ticket = wrong;
    f.Hear(std::move(list));
  }
  CHECK(f.replies.empty());
  CHECK(f.asked.size() == 2);
  CHECK(f.front.counters().replies_foreign == 5);
  CHECK(f.front.counters().replies_unknown == 5);
  f.Hear(GrantedFor(mine));
  CHECK(f.asked.size() == 3);
}

TEST_CASE("front: a cancelled request's reply reaches nobody, not even the next request of the same client") {
  FrontFixture f;
  const auto gone = f.Send(f.Offer("whep"));
  const wire::Ticket old = f.Asked<wire::ViewRequest>().ticket;
  f.front.HandleGone(gone);
  f.Collect();
  CHECK(f.Asked<wire::Cancel>().ticket == old);
  (void)f.Send(f.Offer("whep"));
  const wire::Ticket next = f.Asked<wire::ViewRequest>().ticket;
  CHECK_FALSE(next.request == old.request);
  f.Hear(AnsweredFor(old));
  f.Hear(GrantedFor(old));
  CHECK(f.replies.empty());
  CHECK(f.front.counters().replies_unknown == 2);
  f.front.HandleGone(gone);
  f.Collect();
  CHECK(f.asked.size() == 3);
}

TEST_CASE("front: an answer without a grant, for another session, or given twice is not believed") {
  FrontFixture f;
  (void)f.Send(f.Offer("whep"));
  const wire::Ticket ticket = f.Asked<wire::ViewRequest>().ticket;
  f.Hear(AnsweredFor(ticket));
  CHECK(f.replies.empty());
  f.Hear(GrantedFor(ticket));
  f.Hear(GrantedFor(ticket));
  CHECK(f.asked.size() == 2);
  f.Hear(AnsweredFor(ticket, *SessionId::FromHex(kCamera)));
  CHECK(f.replies.empty());
  CHECK(f.front.counters().replies_unexpected == 3);
  f.Hear(AnsweredFor(ticket));
  CHECK(f.OnlyReply().response.status == 201);
  f.Hear(AnsweredFor(ticket));
  CHECK(f.replies.empty());
  CHECK(f.front.counters().replies_unknown == 1);
}

TEST_CASE("front: a grant for a publisher, or any reply of the wrong kind, changes nothing") {
  FrontFixture f;
  (void)f.Send(f.Offer("whip"));
  const wire::Ticket ticket = f.Asked<wire::PublishRequest>().ticket;
  f.Hear(GrantedFor(ticket));
  f.Hear(wire::Done{ticket, 200, ""});
  wire::CameraList list;
  list.ticket = ticket;
  f.Hear(std::move(list));
  wire::Metrics metrics;
  metrics.ticket = ticket;
  f.Hear(std::move(metrics));
  f.Hear(wire::FrontConfig{});
  f.Hear(wire::Shutdown{});
  CHECK(f.replies.empty());
  CHECK(f.asked.size() == 1);
  CHECK(f.front.counters().replies_unexpected == 6);
}

TEST_CASE(
    "front: a keeper that keeps silent for 5 s means no: 503, cancelled, and its late answer is nobody's") {
  FrontFixture f;
  (void)f.Send(f.Offer("whep"));
  const wire::Ticket ticket = f.Asked<wire::ViewRequest>().ticket;
  REQUIRE(f.front.NextDeadline() == f.now + seconds{5});
  f.front.HandleTime(f.now + seconds{5} - milliseconds{1});
  f.Collect();
  CHECK(f.replies.empty());
  f.front.HandleTime(f.now + seconds{5});
  f.Collect();
  const HttpResponse response = f.OnlyReply().response;
  CHECK(response.status == 503);
  CHECK(nlohmann::json::parse(response.body).at("title") == "currently unavailable");
  CHECK(Header(response, "Retry-After") == "1");
  CHECK(f.Asked<wire::Cancel>().ticket == ticket);
  CHECK_FALSE(f.front.NextDeadline());
  f.Hear(AnsweredFor(ticket));
  CHECK(f.replies.empty());
}

TEST_CASE("front: what keeper and lane refuse arrives as it is, as problem+json") {
  FrontFixture f;
  const std::vector<std::uint16_t> statuses{400, 401, 403, 404, 406, 409, 412, 422, 428, 429, 500, 503};
  for (const std::uint16_t status : statuses) {
    (void)f.Send(f.Offer("whip"));
    wire::Refused refused = RefusedFor(f.Asked<wire::PublishRequest>().ticket, status);
    refused.retry_after_s = status == 503 ? 3 : 0;
    f.Hear(std::move(refused));
    const HttpResponse response = f.OnlyReply().response;
    CHECK(response.status == status);
    CHECK(Header(response, "Content-Type") == "application/problem+json");
    CHECK(nlohmann::json::parse(response.body).at("detail") == "do something else");
    CHECK(Header(response, "WWW-Authenticate").empty() == (status != 401));
    CHECK(Header(response, "Retry-After") == (status == 503 ? "3" : status == 429 ? "1" : ""));
  }
  (void)f.Send(f.Offer("whip"));
  f.Hear(RefusedFor(f.Asked<wire::PublishRequest>().ticket, 200));
  CHECK(f.OnlyReply().response.status == 500);
}

TEST_CASE("front: trickle is 204, a restart 200 with the new tag, DELETE 200") {
  FrontFixture f;
  (void)f.Send(f.Patch());
  CHECK(f.Asked<wire::PatchRequest>().session.ToHex() == kSession);
  CHECK(f.Asked<wire::PatchRequest>().fragment.str() == "a=ice-ufrag:x\r\n");
  f.Hear(wire::Done{f.Asked<wire::PatchRequest>().ticket, 204, "tag1"});
  CHECK(f.OnlyReply().response.status == 204);
  (void)f.Send(f.Patch());
  f.Hear(AnsweredFor(f.Asked<wire::PatchRequest>().ticket));
  const HttpResponse restarted = f.OnlyReply().response;
  CHECK(restarted.status == 200);
  CHECK(Header(restarted, "Content-Type") == "application/trickle-ice-sdpfrag");
  CHECK(Header(restarted, "ETag") == "\"tag1\"");
  CHECK(Header(restarted, "Location").empty());
  (void)f.Send(f.Request(HttpMethod::kDelete, "/session/" + std::string(kSession)));
  CHECK(ConstantTimeEqual(f.Asked<wire::DeleteRequest>().token.Reveal(), Token().Reveal()));
  f.Hear(wire::Done{f.Asked<wire::DeleteRequest>().ticket, 200, ""});
  const HttpResponse deleted = f.OnlyReply().response;
  CHECK(deleted.status == 200);
  CHECK(Header(deleted, "ETag").empty());
}

TEST_CASE("front: the list of cameras is asked for anew each time, and is JSON even for a broken name") {
  FrontFixture f;
  (void)f.Send(f.Request(HttpMethod::kGet, "/api/v1/cameras"));
  wire::CameraList list;
  list.ticket = f.Asked<wire::ListRequest>().ticket;
  wire::CameraView camera;
  camera.id = *CameraId::FromHex(kCamera);
  camera.name = "caf\xff<b>";
  camera.state = wire::CameraState::kUnavailable;
  camera.reason = wire::UnavailableReason::kCameraOffline;
  camera.picture_age_ms = 0xffffffff;
  REQUIRE(list.cameras.TryPush(camera));
  f.Hear(std::move(list));
  const auto json = nlohmann::json::parse(f.OnlyReply().response.body);
  const auto& first = json.at("cameras").at(0);
  CHECK(first.at("id") == kCamera);
  CHECK(first.at("state") == "unavailable");
  CHECK(first.at("reason") == "camera_offline");
  CHECK(first.at("picture_age_ms").is_null());
  CHECK(first.at("whep") == "/whep/" + std::string(kCamera));
  (void)f.Send(f.Request(HttpMethod::kGet, "/api/v1/cameras"));
  CHECK(f.asked.size() == 2);
}

TEST_CASE("front: at most 256 requests wait; one more is 503, and there is room again when one has left") {
  FrontFixture f;
  ports::HttpExchange last;
  for (std::size_t i = 0; i < Questions::kMax; ++i) last = f.Send(f.Offer("whip"));
  CHECK(f.replies.empty());
  const HttpResponse response = f.Answer(f.Offer("whip"));
  CHECK(response.status == 503);
  CHECK_FALSE(Header(response, "Retry-After").empty());
  CHECK(f.front.counters().refused_full == 1);
  f.front.HandleGone(last);
  f.Collect();
  (void)f.Send(f.Offer("whip"));
  CHECK(f.replies.empty());
}

}  // namespace
}  // namespace latchkey::front
