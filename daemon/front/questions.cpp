#include "daemon/front/questions.h"

#include <algorithm>
#include <utility>

#include "daemon/base/check.h"

namespace latchkey::front {

Question& Questions::Add(Question question) {
  LATCHKEY_CHECK(!full());
  const RequestId request = question.ticket.request;
  const bool new_exchange = by_exchange_.emplace(question.exchange.value, request).second;
  const auto [place, new_request] = by_request_.emplace(request, std::move(question));
  LATCHKEY_CHECK(new_exchange && new_request);
  return place->second;
}

Questions::Found Questions::Find(const wire::Ticket& ticket) {
  const auto place = by_request_.find(ticket.request);
  if (place == by_request_.end()) return {Match::kUnknown, nullptr};
  if (!(place->second.ticket == ticket)) return {Match::kForeign, nullptr};
  return {Match::kFound, &place->second};
}

Question Questions::Take(const wire::Ticket& ticket) {
  const auto place = by_request_.find(ticket.request);
  LATCHKEY_CHECK(place != by_request_.end());
  Question question = std::move(place->second);
  by_request_.erase(place);
  LATCHKEY_CHECK(by_exchange_.erase(question.exchange.value) == 1);
  return question;
}

std::optional<Question> Questions::TakeByExchange(ports::HttpExchange exchange) {
  const auto place = by_exchange_.find(exchange.value);
  if (place == by_exchange_.end()) return std::nullopt;
  return Take(by_request_.at(place->second).ticket);
}

std::optional<Question> Questions::TakeExpired(Instant now) {
  for (const auto& [request, question] : by_request_) {
    if (question.deadline <= now) return Take(question.ticket);
  }
  return std::nullopt;
}

std::optional<Instant> Questions::NextDeadline() const {
  std::optional<Instant> next;
  for (const auto& [request, question] : by_request_) {
    next = next ? std::min(*next, question.deadline) : question.deadline;
  }
  return next;
}

bool Questions::IsConsistent() const {
  if (by_request_.size() != by_exchange_.size() || by_request_.size() > kMax) return false;
  return std::all_of(by_exchange_.begin(), by_exchange_.end(), [this](const auto& entry) {
    const auto place = by_request_.find(entry.second);
    return place != by_request_.end() && place->second.exchange.value == entry.first;
  });
}

}  // namespace latchkey::front
