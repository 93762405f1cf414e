// The pages' WebSockets (/events). A page says {"token":"lk_..."} first, and the head of the audit log that
// it kept ("head") if it has one; then it gets the cameras of that token's grants after each change.
// {"type":"ping"} is answered {"type":"pong"}.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "daemon/base/ids.h"
#include "daemon/base/secret.h"
#include "daemon/base/time.h"
#include "daemon/front/guesses.h"
#include "daemon/ports/http.h"
#include "daemon/wire/ipc_messages.h"

namespace latchkey::front {

// Close codes of ours (RFC 6455 7.4.2: 4000-4999 are the application's).
constexpr std::uint16_t kCloseUnauthorised = 4401;  // no such token: coming back with it is useless
constexpr std::uint16_t kCloseNoToken = 4408;       // the first message did not come in time
constexpr std::uint16_t kCloseUnavailable = 4503;   // the keeper kept silent: come back
constexpr std::uint16_t kClosePolicy = 1008;        // anything that isn't understood

// What a page said.
struct PageMessage {
  enum class Kind : std::uint8_t { kToken, kPing, kUnknown };
  Kind kind = Kind::kUnknown;
  std::optional<Secret32> token;  // kToken; nothing when it isn't one
  std::string head{};             // kToken; empty when there is none
};
[[nodiscard]] PageMessage ParsePageMessage(std::string_view text);

// {"type":"refused", status, title, detail}.
[[nodiscard]] std::string RefusedEvent(const wire::Refused& refused);
[[nodiscard]] std::string PongEvent();

struct Page {
  ports::WebSocketId socket;
  Guesser guesser;                     // whose token it is, should it be wrong
  std::optional<wire::Ticket> ticket;  // once it has subscribed
  // Until the token came, then until the keeper's first answer; nothing while all is well.
  std::optional<Instant> deadline;
};

// Bounded: when it is full() the caller refuses.
class Pages {
 public:
  static constexpr std::size_t kMax = 128;

  [[nodiscard]] bool full() const { return by_socket_.size() >= kMax; }
  [[nodiscard]] std::size_t size() const { return by_socket_.size(); }
  void Add(ports::WebSocketId socket, const Guesser& guesser, Instant deadline);
  [[nodiscard]] Page* Find(ports::WebSocketId socket);
  void Subscribe(Page& page, const wire::Ticket& ticket, Instant deadline);

  // As Questions::Find: request and principal both.
  struct Found {
    bool known = false;    // that request id is a page's
    Page* page = nullptr;  // and the principal is that page's
  };
  [[nodiscard]] Found FindByTicket(const wire::Ticket& ticket);
  // Forgets it; answers its ticket when it had subscribed.
  std::optional<wire::Ticket> Remove(ports::WebSocketId socket);
  [[nodiscard]] std::optional<Page> FindExpired(Instant now) const;
  [[nodiscard]] std::optional<Instant> NextDeadline() const;
  [[nodiscard]] bool IsConsistent() const;

 private:
  std::unordered_map<std::uint64_t, Page> by_socket_;
  std::unordered_map<RequestId, std::uint64_t> by_request_;
};

}  // namespace latchkey::front
