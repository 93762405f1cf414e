#include "tools/media/figures.h"

#include "tests/support/catch.h"
#include "tools/media/timeline.h"

namespace latchkey::media {
namespace {

TEST_CASE("freezes: an even stream has none") {
  FreezeMeter meter;
  for (int i = 0; i < 250; ++i) meter.OnFrame(Instant{milliseconds{40 * i}});
  CHECK(meter.count() == 0);
  CHECK(meter.total() == Duration{0});
}

TEST_CASE("freezes: a gap counts from average plus 150 ms on, and with its whole length") {
  for (const auto& [gap, freezes] : {std::pair{189, 0}, {190, 1}, {1000, 1}}) {
    FreezeMeter meter;
    Instant now;
    for (int i = 0; i < 50; ++i) meter.OnFrame(now += milliseconds{40});
    meter.OnFrame(now += milliseconds{gap});
    CAPTURE(gap);
    CHECK(meter.count() == static_cast<std::uint64_t>(freezes));
    CHECK(meter.total() == milliseconds{freezes * gap});
  }
}

TEST_CASE("freezes: a slow stream needs three times its own interval") {
  FreezeMeter meter;
  Instant now;
  for (int i = 0; i < 50; ++i) meter.OnFrame(now += milliseconds{200});
  meter.OnFrame(now += milliseconds{599});
  CHECK(meter.count() == 0);
  meter.OnFrame(now += milliseconds{700});
  CHECK(meter.count() == 1);
}

TEST_CASE("pictures: in order, also over the wrap, nothing is missing and nothing comes again") {
  PictureCount pictures;
  for (std::uint32_t number = 0xfffffff0U; number != 16; ++number) pictures.OnPicture(number);
  CHECK(pictures.missing() == 0);
  CHECK(pictures.repeated() == 0);
}

TEST_CASE("pictures: each number that is skipped counts, and each picture that isn't newer") {
  PictureCount pictures;
  for (const std::uint32_t number : {7U, 8U, 10U, 14U}) pictures.OnPicture(number);
  CHECK(pictures.missing() == 4);
  CHECK(pictures.repeated() == 0);
  // Again, and backward; from there on it goes on by one.
  for (const std::uint32_t number : {14U, 12U, 13U}) pictures.OnPicture(number);
  CHECK(pictures.missing() == 4);
  CHECK(pictures.repeated() == 2);
}

TEST_CASE("percentiles: nearest rank") {
  Percentiles samples;
  CHECK(samples.At(50) == Duration{0});
  for (int i = 100; i >= 1; --i) samples.Add(milliseconds{i});
  CHECK(samples.At(50) == milliseconds{50});
  CHECK(samples.At(95) == milliseconds{95});
  CHECK(samples.At(99) == milliseconds{99});
  CHECK(samples.At(100) == milliseconds{100});
}

TEST_CASE("timeline: rounds of a looping file follow each other without a jump") {
  Timeline timeline;
  CHECK(timeline.ToMediaTime(1000, 1, 1000) == Duration{0});
  CHECK(timeline.ToMediaTime(3000, 1, 1000) == seconds{2});
  timeline.BeginSegment(timeline.end() + milliseconds{40});
  CHECK(timeline.ToMediaTime(1000, 1, 1000) == milliseconds{2040});
  CHECK(timeline.ToMediaTime(1500, 1, 1000) == milliseconds{2540});
}

TEST_CASE("timeline: what stands before the first timestamp is not negative") {
  Timeline timeline;
  (void)timeline.ToMediaTime(90000, 1, 90000);
  CHECK(timeline.ToMediaTime(0, 1, 90000) == Duration{0});
}

}  // namespace
}  // namespace latchkey::media
