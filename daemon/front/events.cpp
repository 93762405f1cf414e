#include "daemon/front/events.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/access/token.h"
#include "daemon/base/check.h"
#include "daemon/front/json_text.h"

namespace latchkey::front {
namespace {

using Json = nlohmann::ordered_json;

// The longest message that means anything.
constexpr std::size_t kMaxPageMessage = 1024;

}  // namespace

PageMessage ParsePageMessage(std::string_view text) {
  PageMessage message;
  if (text.size() > kMaxPageMessage) return message;
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return message;
  const auto head = json.find("head");
  if (json.size() != (head == json.end() ? 1U : 2U)) return message;
  if (const auto token = json.find("token"); token != json.end() && token->is_string()) {
    // What is no head is none: an older page's storage must not lock it out.
    if (head != json.end() && head->is_string() &&
        head->get_ref<std::string&>().size() <= wire::HeadText::kMax)
      message.head = head->get<std::string>();
    message.kind = PageMessage::Kind::kToken;
    auto& said = token->get_ref<std::string&>();
    message.token = access::ParseToken(said);
    WipeText(said);
  } else if (const auto type = json.find("type");
             head == json.end() && type != json.end() && *type == "ping") {
    message.kind = PageMessage::Kind::kPing;
  }
  return message;
}

std::string RefusedEvent(const wire::Refused& refused) {
  return JsonText({{"type", "refused"},
                   {"status", refused.http_status},
                   {"title", refused.title.str()},
                   {"detail", refused.detail.str()},
                   {"retry_after_s", refused.retry_after_s}});
}

std::string PongEvent() {
  return R"({"type":"pong"})";
}

void Pages::Add(ports::WebSocketId socket, const Guesser& guesser, Instant deadline) {
  LATCHKEY_CHECK(!full());
  LATCHKEY_CHECK(by_socket_.emplace(socket.value, Page{socket, guesser, std::nullopt, deadline}).second);
}

Page* Pages::Find(ports::WebSocketId socket) {
  const auto place = by_socket_.find(socket.value);
  return place == by_socket_.end() ? nullptr : &place->second;
}

void Pages::Subscribe(Page& page, const wire::Ticket& ticket, Instant deadline) {
  LATCHKEY_CHECK(!page.ticket);
  page.ticket = ticket;
  page.deadline = deadline;
  LATCHKEY_CHECK(by_request_.emplace(ticket.request, page.socket.value).second);
}

Pages::Found Pages::FindByTicket(const wire::Ticket& ticket) {
  const auto place = by_request_.find(ticket.request);
  if (place == by_request_.end()) return {};
  Page& page = by_socket_.at(place->second);
  return {true, page.ticket == ticket ? &page : nullptr};
}

std::optional<wire::Ticket> Pages::Remove(ports::WebSocketId socket) {
  const auto place = by_socket_.find(socket.value);
  if (place == by_socket_.end()) return std::nullopt;
  const std::optional<wire::Ticket> ticket = place->second.ticket;
  if (ticket) by_request_.erase(ticket->request);
  by_socket_.erase(place);
  return ticket;
}

std::optional<Page> Pages::FindExpired(Instant now) const {
  for (const auto& [socket, page] : by_socket_) {
    if (page.deadline && *page.deadline <= now) return page;
  }
  return std::nullopt;
}

std::optional<Instant> Pages::NextDeadline() const {
  std::optional<Instant> next;
  for (const auto& [socket, page] : by_socket_) {
    if (page.deadline) next = next ? std::min(*next, *page.deadline) : *page.deadline;
  }
  return next;
}

bool Pages::IsConsistent() const {
  if (by_socket_.size() > kMax || by_request_.size() > by_socket_.size()) return false;
  return std::all_of(by_request_.begin(), by_request_.end(), [this](const auto& entry) {
    const auto place = by_socket_.find(entry.second);
    return place != by_socket_.end() && place->second.ticket && place->second.ticket->request == entry.first;
  });
}

}  // namespace latchkey::front
