#include "daemon/lane/address_table.h"

#include "tests/support/catch.h"

namespace latchkey::lane {
namespace {

SessionId Session(std::uint8_t n) {
  SessionId::Bytes bytes{};
  bytes[0] = n;
  return SessionId(bytes);
}
AddressPair Pair(std::uint16_t port) {
  return {{IpAddress::V4({192, 0, 2, 1}), port}, {IpAddress::V4({192, 0, 2, 2}), 47000}};
}

TEST_CASE("address table: a pair belongs to the session that proved it last") {
  AddressTable table;
  CHECK_FALSE(table.Find(Pair(1)).has_value());
  table.Learn(Pair(1), Session(1));
  CHECK(table.Find(Pair(1)) == Session(1));
  table.Learn(Pair(1), Session(2));
  CHECK(table.Find(Pair(1)) == Session(2));
  CHECK(table.IsConsistent(1));
}

TEST_CASE("address table: the same remote address at another of ours is another pair") {
  AddressTable table;
  table.Learn(Pair(1), Session(1));
  AddressPair other = Pair(1);
  other.local.ip = IpAddress::V4({192, 0, 2, 3});
  CHECK_FALSE(table.Find(other).has_value());
}

TEST_CASE("address table: a session keeps what its agent still knows, and nobody else loses anything") {
  AddressTable table;
  for (std::uint16_t port = 1; port <= 4; ++port) table.Learn(Pair(port), Session(port == 4 ? 1 : 2));
  CHECK_FALSE(table.IsConsistent(2));
  table.Keep(Session(2), [](const AddressPair& pair) { return pair.remote.port == 2; });
  CHECK_FALSE(table.Find(Pair(1)).has_value());
  CHECK(table.Find(Pair(2)) == Session(2));
  CHECK_FALSE(table.Find(Pair(3)).has_value());
  CHECK(table.Find(Pair(4)) == Session(1));
  CHECK(table.IsConsistent(1));
}

TEST_CASE("address table: a session's pairs end with it") {
  AddressTable table;
  table.Learn(Pair(1), Session(1));
  table.Learn(Pair(2), Session(2));
  table.Forget(Session(1));
  CHECK_FALSE(table.Find(Pair(1)).has_value());
  CHECK(table.Find(Pair(2)) == Session(2));
}

}  // namespace
}  // namespace latchkey::lane
