// Questions to the keeper that wait for their answer (invariant 10).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "daemon/base/ids.h"
#include "daemon/base/secret.h"
#include "daemon/base/time.h"
#include "daemon/front/guesses.h"
#include "daemon/front/router.h"
#include "daemon/ports/http.h"
#include "daemon/wire/ipc_messages.h"

namespace latchkey::front {

enum class QuestionKind : std::uint8_t { kPublish, kView, kPatch, kDelete, kList, kMetrics };

struct Question {
  ports::HttpExchange exchange;
  wire::Ticket ticket;
  QuestionKind kind = QuestionKind::kList;
  Endpoint endpoint = Endpoint::kNone;
  std::string origin;  // of this hub as the client calls it, for Location
  Guesser guesser;     // whose token it is, should it be wrong
  // kView until the proof was made from it; wiped then, or with the question.
  std::optional<Secret32> token;
  std::optional<SessionId> session;  // kView: named by Granted, repeated by Answered
  Instant deadline{};
};

// Bounded: when it is full() the caller refuses.
class Questions {
 public:
  static constexpr std::size_t kMax = 256;

  [[nodiscard]] bool full() const { return by_request_.size() >= kMax; }
  [[nodiscard]] std::size_t size() const { return by_request_.size(); }
  // The request id is fresh and there is room: both are the caller's to see to.
  Question& Add(Question question);

  enum class Match : std::uint8_t { kFound, kUnknown, kForeign };
  struct Found {
    Match match = Match::kUnknown;
    Question* question = nullptr;  // kFound
  };
  // A ticket matches when request and principal are both those that were sent.
  [[nodiscard]] Found Find(const wire::Ticket& ticket);
  // The question leaves the table and is the caller's.
  [[nodiscard]] Question Take(const wire::Ticket& ticket);
  [[nodiscard]] std::optional<Question> TakeByExchange(ports::HttpExchange exchange);
  // One whose deadline has come, if there is any.
  [[nodiscard]] std::optional<Question> TakeExpired(Instant now);
  [[nodiscard]] std::optional<Instant> NextDeadline() const;
  [[nodiscard]] bool IsConsistent() const;

 private:
  std::unordered_map<RequestId, Question> by_request_;
  std::unordered_map<std::uint64_t, RequestId> by_exchange_;
};

}  // namespace latchkey::front
