// What pages see: the cameras of one token's grants, and who else watches them, pushed at each change and
// once a second.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "daemon/keeper/books.h"

namespace latchkey::keeper {

// Pages at once, of everybody and of one token; one more is refused with 503.
constexpr std::size_t kMaxSubscriptions = 256;
constexpr std::size_t kMaxSubscriptionsPerToken = 32;
// Lists go out at most this often; what changes sooner goes with the next one.
constexpr Duration kPushSpacing = milliseconds(50);
constexpr Duration kPushPeriod = seconds(1);
// A lane that said nothing for so long has no fresh picture (invariant 2).
constexpr Duration kStatusFresh = seconds(2);

class PageDesk {
 public:
  explicit PageDesk(Books& books) : books_(books) {}

  void Subscribe(const wire::Ticket& ticket, const ports::TokenDigest& digest, Instant now, WallTime wall);
  void Unsubscribe(const wire::Ticket& ticket);
  void List(const wire::Ticket& ticket, const ports::TokenDigest& digest, Instant now, WallTime wall);
  // The front is gone, and all pages with it.
  void Clear() { subscriptions_.clear(); }
  [[nodiscard]] bool Knows(const RequestId& request) const { return subscriptions_.contains(request); }
  [[nodiscard]] std::size_t size() const { return subscriptions_.size(); }

  // Sends what is due. A token that is no longer good ends its subscription with 401.
  void Push(Instant now, WallTime wall);
  [[nodiscard]] std::optional<Instant> NextPush() const;

  // One camera as everyone with a grant sees it.
  [[nodiscard]] wire::CameraView View(const ports::CameraRecord& camera, Instant now) const;

 private:
  struct Subscription {
    wire::Ticket ticket;
    ports::TokenDigest digest{};  // asked anew at each push (invariant 4)
  };
  // Who has a session with which camera.
  using Watched = std::map<CameraId, std::set<ViewerId>>;
  [[nodiscard]] Watched WhoWatches() const;
  // Names those of them who are not `asker`.
  void NameOthers(wire::CameraView& view, const Watched& watched, ViewerId asker) const;
  // False: refused.
  bool SendList(const wire::Ticket& ticket, const ports::TokenDigest& digest, const Watched& watched,
                Instant now, WallTime wall);

  Books& books_;
  std::unordered_map<RequestId, Subscription> subscriptions_;
  Instant last_push_{};
};

}  // namespace latchkey::keeper
