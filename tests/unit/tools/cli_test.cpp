#include "tools/media/cli.h"

#include <cstdlib>
#include <fstream>

#include "tests/support/catch.h"

namespace latchkey::media {
namespace {

TEST_CASE("cli: sizes are two even numbers within bounds") {
  const auto size = ParsePictureSize("1280x720");
  REQUIRE(size.has_value());
  CHECK(size->width == 1280);
  CHECK(size->height == 720);
  for (const char* bad :
       {"", "1280", "1280x", "x720", "1281x720", "1280x721", "100x90", "9000x90", "1280x720x", "axb"}) {
    CAPTURE(bad);
    CHECK_FALSE(ParsePictureSize(bad).has_value());
  }
}

TEST_CASE("cli: a token comes from the option, a file or the environment, and is needed") {
  CommonFlags flags;
  ::unsetenv("LATCHKEY_TOKEN");
  CHECK_FALSE(flags.Http().has_value());
  ::setenv("LATCHKEY_TOKEN", "from-environment", 1);
  CHECK(flags.Http()->token == "from-environment");
  flags.token = "given";
  CHECK(flags.Http()->token == "given");
  const std::string path = "token-of-the-test.txt";
  std::ofstream(path) << "in-the-file\n";
  flags.token = "@" + path;
  CHECK(flags.Http()->token == "in-the-file");
  flags.token = "@/nowhere/at/all";
  CHECK_FALSE(flags.Http().has_value());
  (void)std::remove(path.c_str());
  ::unsetenv("LATCHKEY_TOKEN");
}

TEST_CASE("cli: percents become shares and milliseconds become time") {
  CommonFlags flags;
  flags.loss_pct = 5;
  flags.jitter_ms = 1.5;
  const ImpairOptions options = flags.impairments();
  CHECK(options.loss == Approx(0.05));
  CHECK(options.jitter == microseconds{1500});
  CHECK(options.Any());
  CHECK_FALSE(CommonFlags{}.impairments().Any());
}

TEST_CASE("http: a token is shown to its own origin alone") {
  CHECK(SameOrigin("http://127.0.0.1:8480/whip/a", "http://127.0.0.1:8480/session/b"));
  CHECK(SameOrigin("https://hub/whip/a", "https://hub:443/session/b"));
  CHECK_FALSE(SameOrigin("http://127.0.0.1:8480/whip/a", "http://127.0.0.1:8481/session/b"));
  CHECK_FALSE(SameOrigin("https://hub/whip/a", "http://hub/session/b"));
  CHECK_FALSE(SameOrigin("http://hub/whip/a", ""));
}

TEST_CASE("http: a refusal is told with the problem's own words") {
  HttpReply reply;
  reply.status = 409;
  reply.body = R"({"title":"camera is live","detail":"stop the other publisher","status":409})";
  CHECK(DescribeRefusal(reply) == "the hub answered 409: camera is live: stop the other publisher");
  reply.body = "not json";
  CHECK(DescribeRefusal(reply).find("another publisher") != std::string::npos);
  reply.status = 0;
  reply.error = "Connection refused";
  CHECK(DescribeRefusal(reply) == "no answer from the hub: Connection refused");
}

}  // namespace
}  // namespace latchkey::media
