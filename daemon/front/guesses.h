// Wrong tokens, by where they came from: whoever guesses waits, and nobody else does. A token has 256 random
// bits, so this is not what keeps it secret: it keeps guessing from costing the hub anything, and lets it be
// seen.
#pragma once

#include <compare>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>

#include "daemon/base/address.h"
#include "daemon/base/ids.h"
#include "daemon/base/time.h"

namespace latchkey::front {

// Different wrong tokens in a row that a guesser may send; then one more after each so long. What it sends at
// once, before the first of them is answered, is counted when it is: then it waits for ten such periods at
// most.
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

// Pages of other origins are apart from everything else at their address: one that is open in a browser must
// not be able to make the household's own page wait.
struct Guesser {
  IpAddress address;  // of GuesserOf()
  bool foreign = false;
  friend auto operator<=>(const Guesser&, const Guesser&) = default;
};

class Guesses {
 public:
  // Guessers that are remembered; of more, the one that is nearest to its end is forgotten.
  static constexpr std::size_t kMaxGuessers = 256;

  // How long it has to wait before its next token is looked at, up to kGuessPeriod * kGuessesOfOne; nothing:
  // not at all. Never for one that sent no wrong one lately.
  [[nodiscard]] std::optional<Duration> Wait(const Guesser& guesser, Instant now) const;
  // A token that it sent was wrong. False: it is the same as lately, as of a page or camera that was left
  // with an old one and tries again, which finds nothing out.
  bool NoteWrong(const Guesser& guesser, const PrincipalId& token, Instant now);

  [[nodiscard]] std::size_t size() const { return debts_.size(); }
  [[nodiscard]] bool IsConsistent() const;

 private:
  // A guess is paid off in a period; until when all of them are.
  using Debt = Instant;
  struct Own {
    Debt debt{};
    std::deque<PrincipalId> wrong;  // the newest, at most kGuessesOfOne
  };
  static void Add(Debt& debt, int allowed, Duration period, Instant now);
  static Duration WaitFor(Debt debt, int allowed, Duration period, Instant now);

  std::map<Guesser, Own> debts_;
  Debt of_all_{};
};

}  // namespace latchkey::front
