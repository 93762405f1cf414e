// The half of Front that hears the keeper and the pages' WebSockets.
#include <utility>

#include "daemon/access/token.h"
#include "daemon/front/front.h"
#include "daemon/front/headers.h"
#include "daemon/front/problem.h"
#include "daemon/front/whep.h"
#include "daemon/front/whip.h"

namespace latchkey::front {

std::optional<ports::HttpResponse> Front::HandleUpgrade(const ports::HttpRequest& request) {
  ++counters_.requests;
  std::optional<ports::HttpResponse> refusal;
  const auto origin = hosts_.Origin(request.host, request.local.ip);
  const Endpoint endpoint = FindRoute(request.path).endpoint;
  if (!origin) {
    ++counters_.foreign_hosts;
    refusal =
        Problem(400, "unknown host",
                "The Host header names another machine or port: use the address that latchkeyd printed.");
  } else if (endpoint != Endpoint::kEvents) {
    refusal = Problem(404, "not found", "The WebSocket is at /events.");
  } else if (!request.origin.empty() && request.origin != *origin) {
    // A page of somebody else's; programs send no Origin.
    refusal = Problem(403, "foreign page", "Only the hub's own page may open this WebSocket.");
  } else if (pages_.full()) {
    ++counters_.refused_full;
    refusal = Problem(503, kUnavailableTitle, "Too many pages are open: close one, then try again.");
  }
  if (refusal) Dress(*refusal, Endpoint::kEvents);
  return refusal;
}

void Front::HandleSocketOpen(ports::WebSocketId socket, const IpAddress& peer, const IpAddress& local,
                             Instant now) {
  // Two upgrades may have been let in for the last place.
  if (pages_.full()) {
    effects_.emplace_back(SocketEnd{socket, kCloseUnavailable, "too many pages"});
    return;
  }
  pages_.Add(socket, {GuesserOf(peer, local)}, now + kPagePatience);
}

void Front::HandleSocketText(ports::WebSocketId socket, std::string_view text, Instant now) {
  Page* const page = pages_.Find(socket);
  if (page == nullptr) return;
  PageMessage message = ParsePageMessage(text);
  switch (message.kind) {
    case PageMessage::Kind::kPing: effects_.emplace_back(SocketText{socket, PongEvent(), false}); return;
    case PageMessage::Kind::kToken: break;
    case PageMessage::Kind::kUnknown: EndPage(socket, kClosePolicy, "not understood"); return;
  }
  if (page->ticket) {
    EndPage(socket, kClosePolicy, "one token a connection");
  } else if (!message.token) {
    ++counters_.unauthorised;
    wire::Refused refused;
    refused.http_status = 401;
    refused.title = "token not valid";
    refused.detail = "A token is lk_ and 64 hexadecimal digits: copy it whole.";
    effects_.emplace_back(SocketText{socket, RefusedEvent(refused), false});
    EndPage(socket, kCloseUnauthorised, "token not valid");
  } else if (const auto wait = HoldOff(page->guesser, now)) {
    wire::Refused refused;
    refused.http_status = 429;
    refused.title = kGuessedTitle;
    refused.detail = kGuessedDetail;
    refused.retry_after_s = *wait;
    effects_.emplace_back(SocketText{socket, RefusedEvent(refused), false});
    EndPage(socket, kCloseUnavailable, kGuessedTitle);
  } else {
    const auto ticket = DrawTicket(access::PrincipalOf(crypto_, *message.token));
    if (!ticket) return EndPage(socket, kCloseUnavailable, "an id came twice");
    pages_.Subscribe(*page, *ticket, now + kKeeperPatience);
    Send(wire::Subscribe{*ticket, std::move(*message.token), message.head});
  }
}

void Front::HandleSocketClosed(ports::WebSocketId socket) {
  if (const auto ticket = pages_.Remove(socket)) Send(wire::Unsubscribe{*ticket});
}

void Front::EndPage(ports::WebSocketId socket, std::uint16_t code, std::string_view reason) {
  HandleSocketClosed(socket);
  effects_.emplace_back(SocketEnd{socket, code, std::string(reason)});
}

void Front::HandleKeeper(wire::KeeperToFront message, Instant now) {
  heard_at_ = now;
  std::visit([this](auto&& m) { On(std::forward<decltype(m)>(m)); }, std::move(message));
}

Question* Front::Match(const wire::Ticket& ticket) {
  const Questions::Found found = questions_.Find(ticket);
  if (found.match == Questions::Match::kUnknown) ++counters_.replies_unknown;
  if (found.match == Questions::Match::kForeign) ++counters_.replies_foreign;
  return found.question;
}

void Front::On(wire::Answered message) {
  Question* const question = Match(message.ticket);
  if (question == nullptr) return;
  const bool publish = question->kind == QuestionKind::kPublish;
  // A viewer's answer is believed only for the session whose grant this request proved.
  const bool view = question->kind == QuestionKind::kView && question->session == message.session;
  if (publish || view) {
    Finish(message.ticket, Created(message, question->origin));
  } else if (question->kind == QuestionKind::kPatch) {
    Finish(message.ticket, Restarted(message));
  } else {
    ++counters_.replies_unexpected;
  }
}

void Front::On(const wire::Refused& message) {
  if (const Pages::Found found = pages_.FindByTicket(message.ticket); found.known) {
    if (found.page == nullptr) {
      ++counters_.replies_foreign;
      return;
    }
    const ports::WebSocketId socket = found.page->socket;
    const bool unauthorised = message.http_status == 401;
    // One that was good until now is no guess.
    if (unauthorised && found.page->deadline) NoteWrongToken(found.page->guesser, message.ticket.principal);
    effects_.emplace_back(SocketText{socket, RefusedEvent(message), false});
    EndPage(socket, unauthorised ? kCloseUnauthorised : kCloseUnavailable, message.title.str());
    return;
  }
  const Question* const question = Match(message.ticket);
  if (question == nullptr) return;
  if (message.http_status == 401) NoteWrongToken(question->guesser, message.ticket.principal);
  Finish(message.ticket, RefusedBy(message));
}

void Front::On(const wire::Granted& message) {
  Question* const question = Match(message.ticket);
  if (question == nullptr) return;
  if (question->kind != QuestionKind::kView || !question->token || question->session) {
    ++counters_.replies_unexpected;
    return;
  }
  question->session = message.session;
  Secret32 token = std::move(*question->token);
  question->token.reset();
  Send(ProveView(crypto_, std::move(token), message));
}

void Front::On(const wire::Done& message) {
  Question* const question = Match(message.ticket);
  if (question == nullptr) return;
  if (question->kind != QuestionKind::kPatch && question->kind != QuestionKind::kDelete) {
    ++counters_.replies_unexpected;
    return;
  }
  Finish(message.ticket, Finished(message));
}

void Front::On(const wire::CameraList& message) {
  if (const Pages::Found found = pages_.FindByTicket(message.ticket); found.known) {
    if (found.page == nullptr) {
      ++counters_.replies_foreign;
    } else {
      found.page->deadline.reset();
      effects_.emplace_back(SocketText{found.page->socket, CamerasEvent(message), true});
    }
    return;
  }
  Question* const question = Match(message.ticket);
  if (question == nullptr) return;
  if (question->kind != QuestionKind::kList) {
    ++counters_.replies_unexpected;
    return;
  }
  Finish(message.ticket, JsonResponse(CamerasJson(message)));
}

void Front::On(const wire::Metrics& message) {
  Question* const question = Match(message.ticket);
  if (question == nullptr) return;
  if (question->kind != QuestionKind::kMetrics) {
    ++counters_.replies_unexpected;
    return;
  }
  std::string text = message.text.str() + MetricsText(counters_, questions_.size(), pages_.size());
  Finish(message.ticket, TextResponse("text/plain; version=0.0.4; charset=utf-8", std::move(text)));
}

// The program's own, before there is a Front and after.
void Front::On(const wire::FrontConfig&) {
  ++counters_.replies_unexpected;
}
void Front::On(const wire::Shutdown&) {
  ++counters_.replies_unexpected;
}

}  // namespace latchkey::front
