// Who is behind a 5-tuple, by proof: filled by authenticated connectivity checks alone.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>

#include "daemon/base/address.h"
#include "daemon/base/ids.h"

namespace latchkey::lane {

// A remote address and the local one that it reached; the protocol is UDP and the port the lane's own.
struct AddressPair {
  SocketAddress remote;
  SocketAddress local;
  friend bool operator==(const AddressPair&, const AddressPair&) = default;
};

struct AddressPairHash {
  std::size_t operator()(const AddressPair& pair) const noexcept {
    // The lane's few local addresses add next to nothing to the spread.
    return std::hash<SocketAddress>{}(pair.remote) * 31U + std::hash<SocketAddress>{}(pair.local);
  }
};

class AddressTable {
 public:
  // `session` proved `pair` (RFC 8445 7.3): the latest proof wins. Whether another session holds it is the
  // caller's to ask before.
  void Learn(const AddressPair& pair, SessionId session);
  // Of the session's pairs only those stay that `is_valid(pair)` says its own agent still knows: that bounds
  // them, and a session never loses its path.
  template <class IsValid>
  void Keep(SessionId session, IsValid is_valid) {
    std::erase_if(owners_,
                  [&](const auto& entry) { return entry.second == session && !is_valid(entry.first); });
  }
  [[nodiscard]] std::optional<SessionId> Find(const AddressPair& pair) const;
  void Forget(SessionId session);
  void Clear() { owners_.clear(); }

  [[nodiscard]] std::size_t size() const { return owners_.size(); }
  // Every pair is somebody's, and nobody has more than `most`.
  [[nodiscard]] bool IsConsistent(std::size_t most) const;

 private:
  std::unordered_map<AddressPair, SessionId, AddressPairHash> owners_;
};

}  // namespace latchkey::lane
