// What the hub calls itself, and when its certificate is made anew.
#include "daemon/keeper/http_identity.h"

#include "tests/support/catch.h"

namespace latchkey::keeper {
namespace {

using Names = std::vector<std::string>;
const WallTime kNow = FromUnixSeconds(1'800'000'000);

}  // namespace

TEST_CASE(
    "identity: on loopback the hub is loopback alone, on the LAN its machine and what its owner calls it") {
  Config::Http http;
  const Names loopback{"127.0.0.1", "localhost", "::1"};
  CHECK(HubNames(http, true, "hub") == loopback);
  const auto lan = [&](std::string_view machine) {
    const Names all = HubNames(http, false, machine);
    return Names(all.begin() + 3, all.end());
  };
  CHECK(lan("Hub") == Names{"latchkey.local", "hub", "hub.local"});
  CHECK(lan("hub.home.arpa") == Names{"latchkey.local", "hub.home.arpa"});
  CHECK(lan("") == Names{"latchkey.local"});
  CHECK(lan("localhost") == Names{"latchkey.local"});
  CHECK(lan("latchkey") == Names{"latchkey.local", "latchkey"});
  http.host = "Cameras.Home.arpa";
  CHECK(lan("") == Names{"latchkey.local", "cameras.home.arpa"});
  http.host = "[fd00::7]";
  CHECK(lan("") == Names{"latchkey.local", "fd00::7"});
}

TEST_CASE("identity: a certificate is made anew 30 days before its end, and for a name that it lacks") {
  const Names names{"latchkey.local", "192.0.2.7"};
  const WallTime end = kNow + kRenewBefore;
  CHECK(IsRenewalDue(names, end, names, kNow));
  CHECK_FALSE(IsRenewalDue(names, end + seconds(1), names, kNow));
  const WallTime far = kNow + hours(24) * 300;
  CHECK_FALSE(IsRenewalDue(names, far, {"192.0.2.7"}, kNow));
  CHECK(IsRenewalDue(names, far, {"192.0.2.8"}, kNow));
  CHECK(IsRenewalDue(names, far, {"hub.local"}, kNow));
  CHECK_FALSE(IsRenewalDue(names, far, {"latchkey.local", "2001:db8::7"}, kNow));
  CHECK(IsRenewalDue({}, WallTime{}, names, kNow));
}

TEST_CASE("identity: a certificate that is made anew keeps the addresses it had, up to a bound") {
  const std::vector<std::string> home{"192.0.2.7", "latchkey.local"};
  const std::vector<std::string> both = RenewedNames({"198.51.100.9", "latchkey.local"}, home);
  CHECK(both == std::vector<std::string>{"198.51.100.9", "latchkey.local", "192.0.2.7"});
  CHECK_FALSE(IsRenewalDue(both, kNow + hours(24) * 300, home, kNow));
  // A name that its owner took away goes.
  CHECK(RenewedNames(home, {"cameras.example.org"}) == home);
  // Of IPv6 there is another each day.
  CHECK(RenewedNames(home, {"2001:db8::1"}) == home);
  std::vector<std::string> names = home;
  for (int i = 0; i < 100; ++i) names = RenewedNames({"10.0.0." + std::to_string(i)}, names);
  CHECK(names.size() == kMaxCertifiedNames);
  CHECK(names.front() == "10.0.0.99");
}

TEST_CASE("identity: a fingerprint is written as browsers show it") {
  const std::array<std::uint8_t, 3> bytes{0x0a, 0xbc, 0x12};
  CHECK(FingerprintText(bytes) == "0A:BC:12");
}

}  // namespace latchkey::keeper
