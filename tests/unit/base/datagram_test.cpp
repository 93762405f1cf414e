#include "daemon/base/datagram.h"

#include "tests/support/catch.h"

namespace latchkey {
namespace {

TEST_CASE(
    "datagram batch: one that could not be protected is not sent, and its neighbours stay as they were") {
  const SocketAddress to{IpAddress::V4({192, 0, 2, 1}), 9};
  DatagramBatch batch;
  batch.Append(to, {}, 100)[0] = 1;
  batch.TrimLast(40);
  batch.Append(to, {}, 100)[0] = 2;
  // What SrtpSender::Protect...() returns for it (ports/srtp.h).
  batch.TrimLast(0);
  CHECK(batch.size() == 1);
  CHECK(batch.bytes() == 40);
  batch.Append(to, {}, 10)[0] = 3;
  REQUIRE(batch.size() == 2);
  CHECK(batch.BytesOf(batch.entries()[0])[0] == 1);
  CHECK(batch.BytesOf(batch.entries()[1])[0] == 3);
}

}  // namespace
}  // namespace latchkey
