#include "daemon/front/guesses.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace latchkey::front {

IpAddress GuesserOf(const IpAddress& peer, const IpAddress& local) {
  constexpr std::ptrdiff_t kNetwork = 8;
  const auto& bytes = peer.bytes();
  if (peer.is_v4() || peer.IsLinkLocal() || peer.IsLoopback()) return peer;
  if (!local.is_v4() && std::equal(bytes.begin(), bytes.begin() + kNetwork, local.bytes().begin()))
    return peer;
  std::array<std::uint8_t, 16> network{};
  std::copy_n(bytes.begin(), kNetwork, network.begin());
  return IpAddress::V6(network);
}

void Guesses::Add(Debt& debt, int allowed, Duration period, Instant now) {
  debt = std::min(std::max(debt, now) + period, now + period * allowed);
}

// One more may come when less than all that are allowed are unpaid.
Duration Guesses::WaitFor(Debt debt, int allowed, Duration period, Instant now) {
  return std::max(debt - now - period * (allowed - 1), Duration::zero());
}

std::optional<Duration> Guesses::Wait(const Guesser& guesser, Instant now) const {
  const auto own = debts_.find(guesser);
  if (own == debts_.end() || own->second.debt <= now) return std::nullopt;
  const Duration wait = std::max(WaitFor(own->second.debt, kGuessesOfOne, kGuessPeriod, now),
                                 WaitFor(of_all_, kGuessesOfAll, kGuessPeriodOfAll, now));
  if (wait == Duration::zero()) return std::nullopt;
  // When its own is paid it waits for nobody's.
  return std::min(wait, own->second.debt - now);
}

bool Guesses::NoteWrong(const Guesser& guesser, const PrincipalId& token, Instant now) {
  std::erase_if(debts_, [now](const auto& entry) { return entry.second.debt <= now; });
  if (!debts_.contains(guesser) && debts_.size() >= kMaxGuessers) {
    debts_.erase(std::min_element(debts_.begin(), debts_.end(), [](const auto& a, const auto& b) {
      return a.second.debt < b.second.debt;
    }));
  }
  Own& own = debts_[guesser];
  if (std::find(own.wrong.begin(), own.wrong.end(), token) != own.wrong.end()) return false;
  own.wrong.push_back(token);
  if (own.wrong.size() > kGuessesOfOne) own.wrong.pop_front();
  Add(own.debt, kGuessesOfOne, kGuessPeriod, now);
  Add(of_all_, kGuessesOfAll, kGuessPeriodOfAll, now);
  return true;
}

bool Guesses::IsConsistent() const {
  return debts_.size() <= kMaxGuessers && std::all_of(debts_.begin(), debts_.end(), [](const auto& entry) {
           return entry.second.wrong.size() <= kGuessesOfOne;
         });
}

}  // namespace latchkey::front
