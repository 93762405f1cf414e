#include "daemon/keeper/words.h"

#include <string>

#include "tests/support/catch.h"

namespace latchkey::keeper {

TEST_CASE("words: a label is 1 to 64 bytes of UTF-8 without control characters") {
  const auto good = [](std::string_view text) { return CheckText("the name", text, kMaxLabel).has_value(); };
  CHECK(good("N"));
  CHECK(good("Küche, 2. Stock (Süd) 📷"));
  CHECK(good(std::string(64, 'x')));
  CHECK_FALSE(good(""));
  CHECK_FALSE(good(std::string(65, 'x')));
  CHECK_FALSE(good("a\nb"));
  CHECK_FALSE(good(std::string_view("a\0b", 3)));
  CHECK_FALSE(good("a\x7f"));
  CHECK_FALSE(good("\xc2\x85"));  // C1
  CHECK_FALSE(
      good("a\xe2\x80\xae"
           "b"));  // right-to-left override
  CHECK_FALSE(good("\xff"));
  CHECK_FALSE(good("\xc3"));              // cut
  CHECK_FALSE(good("\xc0\xaf"));          // overlong
  CHECK_FALSE(good("\xed\xa0\x80"));      // surrogate
  CHECK_FALSE(good("\xf4\x90\x80\x80"));  // beyond Unicode
  CHECK(CheckText("the name", "", 5).error().message == "the name is empty");
}

TEST_CASE("words: durations are a number and one unit") {
  CHECK(*ParseDuration("30d") == hours(720));
  CHECK(*ParseDuration("12h") == hours(12));
  CHECK(*ParseDuration("45m") == std::chrono::minutes(45));
  CHECK(*ParseDuration("1s") == seconds(1));
  CHECK(*ParseDuration("3660d") == kLongestGrant);
  for (const char* bad : {"", "d", "30", "0d", "-1d", "+1d", "1.5h", " 1d", "1d ", "1w", "3661d", "1d12h",
                          "99999999999999999999d"}) {
    INFO(bad);
    CHECK_FALSE(ParseDuration(bad).has_value());
  }
}

TEST_CASE("words: moments are UTC, and come back as they were said") {
  for (const char* text :
       {"1970-01-01T00:00:00Z", "2026-11-03T18:00:00Z", "2028-02-29T23:59:59Z", "2199-12-31T00:00:01Z"}) {
    const auto moment = ParseMoment(text);
    REQUIRE(moment.has_value());
    CHECK(FormatMoment(*moment) == text);
  }
  CHECK(ParseMoment("2001-09-09T01:46:40Z") == FromUnixSeconds(1'000'000'000));
  for (const char* bad :
       {"", "2026-11-03", "2026-11-03T18:00:00", "2026-11-03 18:00:00Z", "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z",
        "2026-11-03T18:00:00+01:00", "1969-12-31T23:59:59Z"}) {
    INFO(bad);
    CHECK_FALSE(ParseMoment(bad).has_value());
  }
}

TEST_CASE("words: rights are said once each, and come back in order") {
  CHECK(*ParseRights("live") == 1);
  CHECK(*ParseRights("listen,live") == 5);
  CHECK(FormatRights(*ParseRights("listen,still,live")) == "live,still,listen");
  for (const char* bad : {"", ",", "live,", "live,live", "Live", "live still", "talk", "all"}) {
    INFO(bad);
    CHECK_FALSE(ParseRights(bad).has_value());
  }
}

}  // namespace latchkey::keeper
