#include "daemon/frames/frame.h"

#include <type_traits>

#include "tests/support/bytes.h"
#include "tests/support/catch.h"

namespace latchkey::frames {
namespace {

static_assert(!std::is_copy_constructible_v<PlainFrame>);
static_assert(!std::is_copy_assignable_v<PlainFrame>);
static_assert(std::is_nothrow_move_constructible_v<PlainFrame>);
static_assert(!std::is_default_constructible_v<PlainFrame>);

PlainFrame Make(std::vector<ByteVector> payloads) {
  FrameBuilder builder(100, payloads.size());
  for (const auto& p : payloads) builder.Add(p);
  return std::move(builder).Build({});
}

TEST_CASE("frame: payloads come out as they went in") {
  const std::vector<ByteVector> payloads{ByteVector(1, 7), ByteVector(1200, 8), ByteVector(300, 9)};
  const PlainFrame frame = Make(payloads);
  std::vector<ByteVector> got;
  std::size_t last = 0;
  for (auto it = frame.payloads().begin(); it != frame.payloads().end(); ++it) {
    got.push_back(test::Copy(*it));
    if (it.IsLast()) ++last;
  }
  CHECK(got == payloads);
  CHECK(last == 1);
  CHECK(frame.payloads().Count() == 3);
}

TEST_CASE("frame: a builder told the right sizes allocates once, with room for the tag") {
  FrameBuilder builder(1500, 2);
  builder.Add(ByteVector(1200, 1));
  builder.Add(ByteVector(300, 2));
  const ByteVector records = std::move(builder).Build({}).TakeRecords();
  CHECK(records.size() == 1504);
  CHECK(records.capacity() == records.size() + kSealRoom);
}

TEST_CASE("frame: moving leaves nothing behind") {
  PlainFrame a = Make({ByteVector(10, 1)});
  PlainFrame b = std::move(a);
  CHECK(a.payloads().empty());  // NOLINT: looking at the moved-from object is the point
  CHECK(b.payloads().Count() == 1);
}

}  // namespace
}  // namespace latchkey::frames
