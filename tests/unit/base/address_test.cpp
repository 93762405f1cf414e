#include "daemon/base/address.h"

#include "tests/support/catch.h"

namespace latchkey {
namespace {

TEST_CASE("address: literals are parsed, names are not") {
  CHECK(IpAddress::Parse("192.0.2.1")->ToString() == "192.0.2.1");
  CHECK(IpAddress::Parse("2001:db8::1")->ToString() == "2001:db8::1");
  CHECK_FALSE(IpAddress::Parse("camera.local"));
  CHECK_FALSE(IpAddress::Parse("[::1]"));
  CHECK_FALSE(IpAddress::Parse("192.0.2.256"));
  CHECK_FALSE(IpAddress::Parse(""));
}

TEST_CASE("address: a mapped address is the IPv4 one, so a peer has one spelling") {
  CHECK(*IpAddress::Parse("::ffff:192.0.2.1") == *IpAddress::Parse("192.0.2.1"));
}

TEST_CASE("address: only what a LAN peer can have is of local scope") {
  for (const auto* text : {"127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
                           "169.254.3.4", "::1", "fe80::1", "fd00::2"}) {
    INFO(text);
    CHECK(IpAddress::Parse(text)->IsLocalScope());
  }
  for (const auto* text : {"192.0.2.1", "172.32.0.1", "8.8.8.8", "2001:db8::1"}) {
    INFO(text);
    CHECK_FALSE(IpAddress::Parse(text)->IsLocalScope());
  }
}

TEST_CASE("address: the port tells two sockets apart") {
  const auto ip = *IpAddress::Parse("2001:db8::1");
  CHECK(SocketAddress{ip, 1} != SocketAddress{ip, 2});
  CHECK(SocketAddress{ip, 7}.ToString() == "[2001:db8::1]:7");
}

}  // namespace
}  // namespace latchkey
