#include "daemon/frames/keyframe.h"

#include "tests/support/catch.h"

namespace latchkey::frames {
namespace {

constexpr Instant kStart{seconds(1000)};

TEST_CASE("keyframe limiter: the first request goes at once, further ones with growing patience") {
  KeyframeLimiter limiter;
  CHECK_FALSE(limiter.Poll(kStart));
  std::vector<std::int64_t> sent;
  for (int ms = 0; ms < 8000; ++ms) {
    const Instant now = kStart + milliseconds(ms);
    limiter.Want(now);
    if (limiter.Poll(now)) sent.push_back(ms);
    CHECK(limiter.IsConsistent());
  }
  CHECK(sent == std::vector<std::int64_t>{0, 500, 1500, 2500, 3500, 4500, 5500, 6500, 7500});
}

TEST_CASE("keyframe limiter: nobody waits after a keyframe, and the next want is not sent too soon") {
  KeyframeLimiter limiter;
  limiter.Want(kStart);
  CHECK(limiter.Poll(kStart));
  limiter.Satisfied();
  CHECK_FALSE(limiter.NextDeadline());
  CHECK_FALSE(limiter.Poll(kStart + seconds(10)));
  limiter.Want(kStart + milliseconds(100));
  CHECK(limiter.NextDeadline() == kStart + milliseconds(500));
  CHECK_FALSE(limiter.Poll(kStart + milliseconds(499)));
  CHECK(limiter.Poll(kStart + milliseconds(500)));
  CHECK(limiter.sent() == 2);
}

TEST_CASE("keyframe limiter: after a long quiet a want goes at once") {
  KeyframeLimiter limiter;
  limiter.Want(kStart);
  CHECK(limiter.Poll(kStart));
  limiter.Satisfied();
  limiter.Want(kStart + seconds(5));
  CHECK(limiter.Poll(kStart + seconds(5)));
}

}  // namespace
}  // namespace latchkey::frames
