#include "daemon/keeper/questions.h"

#include "daemon/base/check.h"

namespace latchkey::keeper {

Question& Questions::Add(Question question) {
  LATCHKEY_CHECK(!full());
  const RequestId request = question.ticket.request;
  const auto [at, added] = questions_.emplace(request, std::move(question));
  LATCHKEY_CHECK(added);
  return at->second;
}

Question* Questions::Find(const wire::Ticket& ticket) {
  const auto at = questions_.find(ticket.request);
  return at != questions_.end() && at->second.ticket == ticket ? &at->second : nullptr;
}

std::vector<wire::Ticket> Questions::Pick(const std::function<bool(const Question&)>& which) const {
  std::vector<wire::Ticket> tickets;
  for (const auto& [request, question] : questions_) {
    if (which(question)) tickets.push_back(question.ticket);
  }
  return tickets;
}

std::optional<Instant> Questions::NextDeadline() const {
  std::optional<Instant> next;
  for (const auto& [request, question] : questions_) {
    const Instant deadline = DeadlineOf(question);
    if (!next || deadline < *next) next = deadline;
  }
  return next;
}

}  // namespace latchkey::keeper
