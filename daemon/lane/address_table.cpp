#include "daemon/lane/address_table.h"

namespace latchkey::lane {

void AddressTable::Learn(const AddressPair& pair, SessionId session) {
  const auto known = owners_.find(pair);
  if (known != owners_.end()) {
    // The same proof again, as every few seconds: nothing to do.
    if (known->second.session == session) return;
    owners_.erase(known);
  }
  std::size_t held = 0;
  auto oldest = owners_.end();
  for (auto it = owners_.begin(); it != owners_.end(); ++it) {
    if (it->second.session != session) continue;
    ++held;
    if (oldest == owners_.end() || it->second.learnt < oldest->second.learnt) oldest = it;
  }
  if (held >= kPairsPerSession) owners_.erase(oldest);
  owners_.emplace(pair, Owner{session, ++clock_});
}

std::optional<SessionId> AddressTable::Find(const AddressPair& pair) const {
  const auto it = owners_.find(pair);
  if (it == owners_.end()) return std::nullopt;
  return it->second.session;
}

void AddressTable::Forget(SessionId session) {
  std::erase_if(owners_, [&](const auto& entry) { return entry.second.session == session; });
}

bool AddressTable::IsConsistent() const {
  std::unordered_map<SessionId, std::size_t> held;
  for (const auto& [pair, owner] : owners_) {
    if (owner.session.IsNull() || ++held[owner.session] > kPairsPerSession) return false;
  }
  return true;
}

}  // namespace latchkey::lane
