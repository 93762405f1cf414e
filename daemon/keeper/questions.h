// Questions under way, by ticket. A reply finds its question here or finds nothing (invariant 10).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <variant>
#include <vector>

#include "daemon/base/ids.h"
#include "daemon/base/secret.h"
#include "daemon/base/time.h"
#include "daemon/ports/store.h"
#include "daemon/wire/ipc_messages.h"

namespace latchkey::keeper {

// At once, of all clients together; one more is refused with 503.
constexpr std::size_t kMaxQuestions = 256;
// From the question to its answer. Then the client gets 503, and what was begun is undone.
constexpr Duration kQuestionDeadline = seconds(5);
// A lane that has not answered an offer for so long will not: it is ended.
constexpr Duration kLaneAnswerLimit = seconds(30);

// A camera's offer, on its way through the lane.
struct PublishAsked {
  ports::TokenDigest token{};
  Epoch epoch;
  Secret32 content_key;
};

enum class ViewStage : std::uint8_t { kParsing, kAwaitingProof, kAdmitting };

// A viewer's offer.
struct ViewAsked {
  ViewStage stage = ViewStage::kParsing;
  ViewerId viewer;
  GrantId grant;
  Secret32 own_key;  // derived from the token of the request; wraps, and is gone with the question
  std::array<std::uint8_t, 32> fingerprint{};
  wire::WrapBytes wrap{};
  Epoch epoch;  // of `wrap`
};

struct PatchAsked {};

struct Question {
  wire::Ticket ticket;
  CameraId camera;
  SessionId session;
  Instant asked{};
  // Nobody waits any more. Kept for a publisher alone, because the lane's answer still begins its epoch.
  bool abandoned = false;
  std::variant<PublishAsked, ViewAsked, PatchAsked> what;
};

class Questions {
 public:
  [[nodiscard]] bool full() const { return questions_.size() >= kMaxQuestions; }
  [[nodiscard]] std::size_t size() const { return questions_.size(); }
  [[nodiscard]] bool Knows(const RequestId& request) const { return questions_.contains(request); }

  // The caller has asked full() and Knows().
  Question& Add(Question question);
  // Only with the principal that asked; nullptr otherwise. Lives until the next Add or Remove.
  Question* Find(const wire::Ticket& ticket);
  void Remove(const wire::Ticket& ticket) { questions_.erase(ticket.request); }

  // Tickets of those that `which` picks, to be handled one by one.
  [[nodiscard]] std::vector<wire::Ticket> Pick(const std::function<bool(const Question&)>& which) const;
  // The next moment at which one is overdue.
  [[nodiscard]] std::optional<Instant> NextDeadline() const;
  static Instant DeadlineOf(const Question& q) {
    return q.asked + (q.abandoned ? kLaneAnswerLimit : kQuestionDeadline);
  }

 private:
  std::unordered_map<RequestId, Question> questions_;
};

}  // namespace latchkey::keeper
