#include "daemon/lane/address_table.h"

namespace latchkey::lane {

void AddressTable::Learn(const AddressPair& pair, SessionId session) {
  owners_.insert_or_assign(pair, session);
}

std::optional<SessionId> AddressTable::Find(const AddressPair& pair) const {
  const auto it = owners_.find(pair);
  if (it == owners_.end()) return std::nullopt;
  return it->second;
}

void AddressTable::Forget(SessionId session) {
  Keep(session, [](const AddressPair&) { return false; });
}

bool AddressTable::IsConsistent(std::size_t most) const {
  std::unordered_map<SessionId, std::size_t> held;
  for (const auto& [pair, owner] : owners_) {
    if (owner.IsNull() || ++held[owner] > most) return false;
  }
  return true;
}

}  // namespace latchkey::lane
