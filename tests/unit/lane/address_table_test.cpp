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
  CHECK(table.IsConsistent());
}

TEST_CASE("address table: the same remote address at another of ours is another pair") {
  AddressTable table;
  table.Learn(Pair(1), Session(1));
  AddressPair other = Pair(1);
  other.local.ip = IpAddress::V4({192, 0, 2, 3});
  CHECK_FALSE(table.Find(other).has_value());
}

TEST_CASE("address table: a session at its limit loses its own oldest pair and nobody else's") {
  AddressTable table;
  table.Learn(Pair(1), Session(1));
  for (std::uint16_t i = 0; i <= AddressTable::kPairsPerSession; ++i) {
    table.Learn(Pair(static_cast<std::uint16_t>(100 + i)), Session(2));
  }
  CHECK(table.size() == AddressTable::kPairsPerSession + 1);
  CHECK(table.Find(Pair(1)) == Session(1));
  CHECK_FALSE(table.Find(Pair(100)).has_value());
  CHECK(table.Find(Pair(101)) == Session(2));
  CHECK(table.IsConsistent());
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
