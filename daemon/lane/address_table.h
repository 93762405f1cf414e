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
  // A browser on a machine with many interfaces proves up to a dozen pairs. At the limit the session's
  // own oldest proof goes, so nobody can push another session out.
  static constexpr std::size_t kPairsPerSession = 16;

  // `session` proved `pair` (RFC 8445 7.3): the latest proof wins.
  void Learn(const AddressPair& pair, SessionId session);
  [[nodiscard]] std::optional<SessionId> Find(const AddressPair& pair) const;
  void Forget(SessionId session);
  void Clear() { owners_.clear(); }

  [[nodiscard]] std::size_t size() const { return owners_.size(); }
  // No session holds more than its share.
  [[nodiscard]] bool IsConsistent() const;

 private:
  struct Owner {
    SessionId session;
    std::uint64_t learnt = 0;
  };
  std::unordered_map<AddressPair, Owner, AddressPairHash> owners_;
  std::uint64_t clock_ = 0;
};

}  // namespace latchkey::lane
