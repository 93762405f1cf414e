#include "daemon/front/front.h"

#include <algorithm>
#include <utility>

#include "daemon/access/token.h"
#include "daemon/base/check.h"
#include "daemon/front/bearer.h"
#include "daemon/front/headers.h"
#include "daemon/front/pages.h"
#include "daemon/front/problem.h"
#include "daemon/front/whip.h"

namespace latchkey::front {
namespace {

using ports::HttpMethod;
using ports::HttpResponse;

HttpResponse NotFound() {
  return Problem(
      404, "not found",
      "There is nothing at this path. Ids are 32 lower-case hexadecimal digits; see /openapi.json.");
}

HttpResponse WrongHost() {
  return Problem(400, "unknown host",
                 "The Host header names another machine or port: use the address that latchkeyd printed.");
}

HttpResponse NotAllowed(Endpoint endpoint) {
  const std::string allow(AllowedMethods(endpoint));
  HttpResponse response = Problem(405, "method not allowed", "Allowed here: " + allow + ".");
  response.headers.emplace_back("Allow", allow);
  return response;
}

HttpResponse Busy() {
  return Problem(503, kUnavailableTitle, "Too many requests wait at this moment: come back in a second.");
}

HttpResponse IdCameTwice() {
  return Problem(503, kUnavailableTitle,
                 "The hub drew an id that is in use: try again, and if it goes on restart the hub.");
}

HttpResponse UpgradeNeeded() {
  HttpResponse response = Problem(426, "upgrade required", "This path speaks WebSocket: ask for an upgrade.");
  response.headers.emplace_back("Upgrade", "websocket");
  return response;
}

}  // namespace

struct Front::Asker {
  ports::HttpExchange exchange;
  ports::HttpRequest& request;
  Route route;
  std::string origin;
  Instant now;

  [[nodiscard]] Guesser guesser() const {
    return {GuesserOf(request.peer.ip, request.local.ip),
            !request.origin.empty() && request.origin != origin};
  }
};

Front::Front(FrontOptions options, ports::Crypto& crypto, ports::Entropy& entropy)
    : hosts_(std::move(options.names), options.port, options.secure, options.local_addresses),
      crypto_(crypto),
      entropy_(entropy) {}

void Front::HandleHttp(ports::HttpExchange exchange, ports::HttpRequest request, Instant now) {
  ++counters_.requests;
  Asker asker{exchange, request, FindRoute(request.path), {}, now};
  const auto origin = hosts_.Origin(request.host, request.local.ip);
  const Endpoint endpoint = asker.route.endpoint;
  if (!origin) {
    ++counters_.foreign_hosts;
    Answer(exchange, Endpoint::kNone, WrongHost());
  } else if (endpoint == Endpoint::kNone) {
    Answer(exchange, endpoint, NotFound());
  } else if (!IsAllowed(endpoint, request.method)) {
    Answer(exchange, endpoint, NotAllowed(endpoint));
  } else {
    asker.origin = *origin;
    switch (endpoint) {
      case Endpoint::kWhip:
      case Endpoint::kWhep: HandlePost(asker); break;
      case Endpoint::kSession: HandleSession(asker); break;
      case Endpoint::kPage: HandlePage(asker); break;
      case Endpoint::kEvents: Answer(exchange, endpoint, UpgradeNeeded()); break;
      case Endpoint::kCameras: HandleCameras(asker); break;
      case Endpoint::kOpenApi: Answer(exchange, endpoint, JsonResponse(std::string(OpenApiText()))); break;
      case Endpoint::kMetrics: HandleMetrics(asker); break;
      case Endpoint::kHealth:
        Answer(exchange, endpoint, TextResponse("text/plain; charset=utf-8", "ok\n"));
        break;
      case Endpoint::kNone:
      case Endpoint::kCount: LATCHKEY_CHECK(false);
    }
  }
  WipeText(request.authorization);
}

void Front::HandlePost(Asker& asker) {
  ports::HttpRequest& request = asker.request;
  const Endpoint endpoint = asker.route.endpoint;
  if (request.method != HttpMethod::kPost)
    return Answer(asker.exchange, endpoint, DescribeEndpoint(endpoint));
  auto token = Authenticate(asker);
  if (!token) return;
  if (auto refusal = RefuseBody(request)) return Answer(asker.exchange, endpoint, std::move(*refusal));
  const PrincipalId principal = access::PrincipalOf(crypto_, *token);
  const bool view = endpoint == Endpoint::kWhep;
  const auto ticket = Ask(asker, view ? QuestionKind::kView : QuestionKind::kPublish, principal);
  if (!ticket) return;
  if (view) {
    questions_.Find(*ticket).question->token = token->Duplicate();
    Send(wire::ViewRequest{*ticket, asker.route.camera, std::move(*token), wire::SdpText(request.body)});
  } else {
    Send(wire::PublishRequest{*ticket, asker.route.camera, std::move(*token), wire::SdpText(request.body)});
  }
}

void Front::HandleSession(Asker& asker) {
  ports::HttpRequest& request = asker.request;
  const Endpoint endpoint = asker.route.endpoint;
  const bool patch = request.method == HttpMethod::kPatch;
  if (!patch && request.method != HttpMethod::kDelete) {
    return Answer(asker.exchange, endpoint, DescribeEndpoint(endpoint));
  }
  auto token = Authenticate(asker);
  if (!token) return;
  if (patch) {
    if (auto refusal = RefuseBody(request)) return Answer(asker.exchange, endpoint, std::move(*refusal));
  }
  const PrincipalId principal = access::PrincipalOf(crypto_, *token);
  const auto ticket = Ask(asker, patch ? QuestionKind::kPatch : QuestionKind::kDelete, principal);
  if (!ticket) return;
  if (patch) {
    Send(wire::PatchRequest{*ticket, asker.route.session, std::move(*token),
                            wire::ShortText(request.if_match), wire::SdpText(request.body)});
  } else {
    Send(wire::DeleteRequest{*ticket, asker.route.session, std::move(*token)});
  }
}

void Front::HandlePage(const Asker& asker) {
  const PageFile& page = *asker.route.page;
  HttpResponse response = TextResponse(page.content_type, std::string(page.bytes));
  response.headers.emplace_back("Content-Security-Policy", PagePolicy(asker.origin));
  response.headers.emplace_back("Permissions-Policy",
                                "camera=(), microphone=(), geolocation=(), display-capture=()");
  Answer(asker.exchange, Endpoint::kPage, std::move(response));
}

void Front::HandleCameras(Asker& asker) {
  auto token = Authenticate(asker);
  if (!token) return;
  const auto ticket = Ask(asker, QuestionKind::kList, access::PrincipalOf(crypto_, *token));
  if (ticket) Send(wire::ListRequest{*ticket, std::move(*token)});
}

void Front::HandleMetrics(const Asker& asker) {
  // Figures without names, but of nobody else's concern: for the machine itself.
  if (!asker.request.peer.ip.IsLoopback()) {
    return Answer(asker.exchange, Endpoint::kMetrics,
                  Problem(403, "forbidden", "Metrics are for this machine alone: ask over 127.0.0.1."));
  }
  if (const auto ticket = Ask(asker, QuestionKind::kMetrics, PrincipalId()))
    Send(wire::MetricsRequest{*ticket});
}

std::optional<Secret32> Front::Authenticate(const Asker& asker) {
  auto token = ParseBearer(asker.request.authorization);
  if (token) {
    const auto wait = HoldOff(asker.guesser(), asker.now);
    if (!wait) return token;
    Answer(asker.exchange, asker.route.endpoint, Problem(429, kGuessedTitle, kGuessedDetail, *wait));
    return std::nullopt;
  }
  ++counters_.unauthorised;
  const std::string_view title = asker.request.authorization.empty() ? "token missing" : "token not valid";
  Answer(asker.exchange, asker.route.endpoint,
         Problem(401, title, "Send the token that latchkeyctl printed: Authorization: Bearer lk_..."));
  return std::nullopt;
}

std::optional<wire::Ticket> Front::DrawTicket(PrincipalId principal) {
  const wire::Ticket ticket{entropy_.MakeId<RequestId>(), principal};
  const bool in_use =
      questions_.Find(ticket).match != Questions::Match::kUnknown || pages_.FindByTicket(ticket).known;
  return in_use ? std::nullopt : std::optional(ticket);
}

std::optional<wire::Ticket> Front::Ask(const Asker& asker, QuestionKind kind, PrincipalId principal) {
  if (questions_.full()) {
    ++counters_.refused_full;
    Answer(asker.exchange, asker.route.endpoint, Busy());
    return std::nullopt;
  }
  const auto ticket = DrawTicket(principal);
  if (!ticket) {
    Answer(asker.exchange, asker.route.endpoint, IdCameTwice());
    return std::nullopt;
  }
  Question question;
  question.exchange = asker.exchange;
  question.ticket = *ticket;
  question.kind = kind;
  question.endpoint = asker.route.endpoint;
  question.origin = asker.origin;
  question.guesser = asker.guesser();
  question.deadline = asker.now + kKeeperPatience;
  return questions_.Add(std::move(question)).ticket;
}

std::optional<std::uint16_t> Front::HoldOff(const Guesser& guesser, Instant now) {
  const auto wait = guesses_.Wait(guesser, now);
  if (!wait) return std::nullopt;
  ++counters_.held_off;
  return static_cast<std::uint16_t>((*wait + seconds(1) - Duration(1)) / seconds(1));
}

void Front::NoteWrongToken(const Guesser& guesser, const PrincipalId& token) {
  ++counters_.unauthorised;
  if (guesses_.NoteWrong(guesser, token, heard_at_)) Send(wire::TokenGuessed{guesser.address.ToString()});
}

void Front::HandleGone(ports::HttpExchange exchange) {
  if (const auto question = questions_.TakeByExchange(exchange)) Send(wire::Cancel{question->ticket});
}

HttpResponse Front::HandleFault(ports::HttpFault fault) {
  ++counters_.requests;
  HttpResponse response = ProblemOf(fault);
  // What was asked for isn't known yet: readable by any page, for there is nothing in it.
  Dress(response, Endpoint::kWhip);
  return response;
}

void Front::HandleTime(Instant now) {
  while (const auto question = questions_.TakeExpired(now)) {
    ++counters_.keeper_timeouts;
    Send(wire::Cancel{question->ticket});
    Answer(question->exchange, question->endpoint,
           Problem(503, kUnavailableTitle, "The hub's keeper does not answer: try again in a moment."));
  }
  while (const auto page = pages_.FindExpired(now)) {
    if (page->ticket) ++counters_.keeper_timeouts;
    EndPage(page->socket, page->ticket ? kCloseUnavailable : kCloseNoToken,
            page->ticket ? "currently unavailable" : "no token came");
  }
}

std::optional<Instant> Front::NextDeadline() const {
  const auto question = questions_.NextDeadline();
  const auto page = pages_.NextDeadline();
  if (!question || !page) return question ? question : page;
  return std::min(*question, *page);
}

std::vector<FrontEffect> Front::TakeEffects() {
  return std::exchange(effects_, {});
}

void Front::Finish(const wire::Ticket& ticket, HttpResponse response) {
  const Question question = questions_.Take(ticket);
  Answer(question.exchange, question.endpoint, std::move(response));
}

void Front::Answer(ports::HttpExchange exchange, Endpoint endpoint, HttpResponse response) {
  Dress(response, endpoint);
  effects_.emplace_back(Reply{exchange, std::move(response)});
}

void Front::Dress(HttpResponse& response, Endpoint endpoint) const {
  const bool cross_origin = IsCrossOrigin(endpoint);
  AddSafetyHeaders(response, cross_origin);
  if (cross_origin) AddCorsHeaders(response, AllowedMethods(endpoint));
}

}  // namespace latchkey::front
