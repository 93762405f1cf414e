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

void Guesses::Add(Debt& debt, Duration period, Instant now) {
  debt = std::max(debt, now) + period;
}

// One more may come when less than all that are allowed are unpaid.
Duration Guesses::WaitFor(Debt debt, int allowed, Duration period, Instant now) {
  return std::max(debt - now - period * (allowed - 1), Duration::zero());
}

std::optional<Duration> Guesses::Wait(const IpAddress& address, Instant now) const {
  const auto own = debts_.find(address);
  if (own == debts_.end() || own->second <= now) return std::nullopt;
  const Duration wait = std::max(WaitFor(own->second, kGuessesOfOne, kGuessPeriod, now),
                                 WaitFor(of_all_, kGuessesOfAll, kGuessPeriodOfAll, now));
  if (wait == Duration::zero()) return std::nullopt;
  return wait;
}

void Guesses::NoteWrong(const IpAddress& address, Instant now) {
  std::erase_if(debts_, [now](const auto& entry) { return entry.second <= now; });
  if (!debts_.contains(address) && debts_.size() >= kMaxAddresses) {
    debts_.erase(std::min_element(debts_.begin(), debts_.end(),
                                  [](const auto& a, const auto& b) { return a.second < b.second; }));
  }
  Add(debts_[address], kGuessPeriod, now);
  Add(of_all_, kGuessPeriodOfAll, now);
}

}  // namespace latchkey::front
