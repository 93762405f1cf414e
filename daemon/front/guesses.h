// Wrong tokens, by where they came from: whoever guesses waits, and nobody else does. A token has 256 random
// bits, so this is not what keeps it secret: it keeps guessing from costing the hub anything, and lets it be
// seen.
#pragma once

#include <cstddef>
#include <map>
#include <optional>

#include "daemon/base/address.h"
#include "daemon/base/time.h"

namespace latchkey::front {

// Wrong tokens in a row that an address may send; then one more after each so long.
constexpr int kGuessesOfOne = 10;
constexpr Duration kGuessPeriod = seconds{10};
// The same of all addresses together. Only those wait for it that have guessed themselves.
constexpr int kGuessesOfAll = 60;
constexpr Duration kGuessPeriodOfAll = seconds{1};

// Whose guess it is: an address; of IPv6 its first 64 bits, all of which may be one machine's. On the hub's
// own link the whole of it, because there all machines of the home share those bits. One that changes its
// address there for each guess needs a connection, a TLS handshake and a neighbour of its own for each, and
// is recorded.
[[nodiscard]] IpAddress GuesserOf(const IpAddress& peer, const IpAddress& local);

class Guesses {
 public:
  // Addresses that are remembered; of more, the one that has waited longest is forgotten.
  static constexpr std::size_t kMaxAddresses = 256;

  // How long this address has to wait before its next token is looked at; nothing: not at all. Never for an
  // address that sent no wrong one lately.
  [[nodiscard]] std::optional<Duration> Wait(const IpAddress& address, Instant now) const;
  // A token that it sent was wrong.
  void NoteWrong(const IpAddress& address, Instant now);

  [[nodiscard]] std::size_t size() const { return debts_.size(); }
  [[nodiscard]] bool IsConsistent() const { return debts_.size() <= kMaxAddresses; }

 private:
  // A guess is paid off in a period; until when all of them are.
  using Debt = Instant;
  static void Add(Debt& debt, Duration period, Instant now);
  static Duration WaitFor(Debt debt, int allowed, Duration period, Instant now);

  std::map<IpAddress, Debt> debts_;
  Debt of_all_{};
};

}  // namespace latchkey::front
