#include "daemon/cache/jitter_cache.h"

#include "tests/support/dies.h"
#include "tests/unit/cache/support.h"

namespace latchkey::cache {
namespace {

constexpr Epoch kEpoch{3};
constexpr Shape kKey{true, 40000};
constexpr Shape kDelta{false, 8000};
constexpr Shape kSound{false, 100, wire::StreamKind::kAudio};

class Bench {
 public:
  explicit Bench(CacheLimits limits = {}) : cache_(kCamera, limits) { Begin(kEpoch); }
  void Begin(Epoch epoch, std::uint8_t content_key = 1) {
    epoch_ = epoch;
    cache_.BeginEpoch(epoch, SealKey(crypto_, ContentKey(content_key)));
    CHECK(cache_.IsConsistent());
  }
  FrameNumber Insert(const Shape& shape) {
    const auto inserted = cache_.Insert(MakeFrame(kCamera, epoch_, shape, now), now);
    CHECK(inserted.outcome == InsertOutcome::kInserted);
    CHECK(cache_.IsConsistent());
    now += milliseconds(40);
    return inserted.number;
  }
  FrameNumber Group(int deltas) {
    const FrameNumber start = Insert(kKey);
    for (int i = 0; i < deltas; ++i) Insert(kDelta);
    return start;
  }
  JitterCache& cache() { return cache_; }
  platform::OpenSslCrypto& crypto() { return crypto_; }
  // Every frame from `from` on is there and opens with the grant's key.
  bool OpensFrom(FrameNumber from, std::uint8_t content_key = 1) {
    OpenKey key(crypto_, GrantFor(crypto_, kCamera, epoch_, ContentKey(content_key)));
    OpenBuffer buffer;
    for (FrameNumber n = from; n < cache_.NextNumber(); n = n.Next()) {
      const SealedFrame* frame = cache_.Find(n);
      if (frame == nullptr || key.Open(*frame, buffer).outcome != OpenOutcome::kOpened) return false;
    }
    return true;
  }

  Instant now = kStart;

 private:
  platform::OpenSslCrypto crypto_;
  JitterCache cache_;
  Epoch epoch_;
};

TEST_CASE("cache: frames get contiguous numbers, sound and picture together, and open again") {
  Bench bench;
  CHECK(bench.Insert(kKey) == FrameNumber{1});
  CHECK(bench.Insert(kSound) == FrameNumber{2});
  CHECK(bench.Insert(kDelta) == FrameNumber{3});
  CHECK(bench.cache().NextNumber() == FrameNumber{4});
  CHECK(bench.cache().Oldest() == FrameNumber{1});
  CHECK(bench.cache().Newest() == FrameNumber{3});
  CHECK(bench.cache().Find(FrameNumber{0}) == nullptr);
  CHECK(bench.cache().Find(FrameNumber{4}) == nullptr);
  CHECK(bench.cache().Find(FrameNumber{2})->header().stream == wire::StreamKind::kAudio);
  CHECK(bench.OpensFrom(FrameNumber{1}));
}

TEST_CASE("cache: a frame of another camera ends the process rather than going in") {
  Bench bench;
  const CameraId other{CameraId::Bytes{0xee}};
  CHECK(test::Dies([&] { bench.cache().Insert(MakeFrame(other, kEpoch, kKey, bench.now), bench.now); }));
  CHECK_FALSE(
      test::Dies([&] { bench.cache().Insert(MakeFrame(kCamera, kEpoch, kKey, bench.now), bench.now); }));
}

TEST_CASE("cache: a new viewer starts at the newest keyframe, with everything from there on") {
  Bench bench;
  CHECK_FALSE(bench.cache().StartForNewViewer());
  bench.Group(5);
  const FrameNumber start = bench.Group(3);
  bench.Insert(kSound);
  CHECK(bench.cache().StartForNewViewer() == start);
  CHECK(bench.OpensFrom(start));
}

TEST_CASE("cache: without video a viewer starts at the newest sound") {
  Bench bench;
  bench.Insert(kSound);
  const FrameNumber newest = bench.Insert(kSound);
  CHECK(bench.cache().StartForNewViewer() == newest);
}

TEST_CASE("cache: a group before the current one stays for the linger and goes as a whole") {
  Bench bench;
  bench.Group(10);
  const FrameNumber start = bench.Insert(kKey);
  for (int i = 0; i < 24; ++i) bench.Insert(kDelta);
  CHECK(bench.cache().Oldest() == FrameNumber{1});
  bench.Insert(kDelta);
  CHECK(bench.cache().Oldest() == start);
  CHECK(bench.cache().counters().evicted == 0);
}

TEST_CASE("cache: over the bytes the oldest frames go first, no more than must") {
  CacheLimits limits;
  limits.bytes = CacheLimits::kMinBytes;
  limits.linger = hours(1);
  Bench bench(limits);
  const FrameNumber first = bench.Group(49);  // 432,000 bytes
  const FrameNumber second = bench.Group(49);
  CHECK(bench.cache().Oldest() == first);
  bench.Group(49);
  // Who is still in the first group goes on from there.
  CHECK(*bench.cache().Oldest() > first);
  CHECK(*bench.cache().Oldest() < second);
  CHECK(bench.cache().bytes() <= limits.bytes);
  CHECK(bench.cache().bytes() + 50'000 > limits.bytes);
  CHECK(bench.cache().counters().evicted == bench.cache().Oldest()->value - first.value);
  CHECK(bench.cache().counters().starts_lost == 0);
}

TEST_CASE("cache: a group that does not fit loses its start, says so, and new viewers wait for a keyframe") {
  CacheLimits limits;
  limits.bytes = CacheLimits::kMinBytes;
  Bench bench(limits);
  bench.Insert(kKey);
  CHECK_FALSE(bench.cache().KeyframeWanted(bench.now));
  while (bench.cache().StartForNewViewer()) bench.Insert(kDelta);
  CHECK(bench.cache().counters().starts_lost == 1);
  CHECK(bench.cache().KeyframeWanted(bench.now));
  CHECK(bench.cache().bytes() <= limits.bytes);
  // Those who watch already go on, from what is there.
  CHECK(bench.OpensFrom(*bench.cache().Oldest()));
  const FrameNumber fresh = bench.Insert(kKey);
  CHECK(bench.cache().StartForNewViewer() == fresh);
  CHECK_FALSE(bench.cache().KeyframeWanted(bench.now + seconds(1)));
}

TEST_CASE("cache: a keyframe is wanted before the start is lost") {
  CacheLimits limits;
  limits.bytes = CacheLimits::kMinBytes;
  Bench bench(limits);
  bench.Insert(kKey);
  while (!bench.cache().KeyframeWanted(bench.now)) bench.Insert(kDelta);
  CHECK(bench.cache().StartForNewViewer());
}

TEST_CASE("cache: a camera that sends keyframes on request alone is asked before its group grows old") {
  CacheLimits limits;
  limits.age = seconds(60);
  Bench bench(limits);
  bench.Insert({true, 2000});
  while (bench.now - kStart <= limits.renew) {
    CHECK_FALSE(bench.cache().KeyframeWanted(bench.now));
    bench.Insert({false, 500});
  }
  CHECK(bench.cache().KeyframeWanted(bench.now));
  bench.Insert({true, 2000});
  CHECK_FALSE(bench.cache().KeyframeWanted(bench.now));
}

TEST_CASE("cache: bytes below one frame's are raised, so that any frame fits") {
  CacheLimits limits;
  limits.bytes = 1;
  Bench bench(limits);
  const FrameNumber start = bench.Insert({true, 1'000'000});
  CHECK(bench.cache().StartForNewViewer() == start);
}

TEST_CASE("cache: frames and age are bounded too") {
  CacheLimits limits;
  limits.frames = 10;
  Bench bench(limits);
  bench.Group(20);
  CHECK(bench.cache().size() == 10);
  bench.cache().HandleTimeout(bench.now + limits.age + seconds(1));
  CHECK(bench.cache().size() == 0);
  CHECK(bench.cache().bytes() == 0);
  CHECK_FALSE(bench.cache().StartForNewViewer());
  CHECK(bench.cache().IsConsistent());
}

TEST_CASE("cache: erasing leaves no frame, and nothing goes in before the next epoch") {
  Bench bench;
  bench.Group(5);
  bench.cache().Erase();
  CHECK(bench.cache().size() == 0);
  CHECK(bench.cache().bytes() == 0);
  CHECK_FALSE(bench.cache().Newest());
  CHECK_FALSE(bench.cache().StartForNewViewer());
  CHECK(bench.cache().Find(FrameNumber{1}) == nullptr);
  CHECK(bench.cache().epoch() == Epoch{0});
  const auto refused = bench.cache().Insert(MakeFrame(kCamera, kEpoch, kKey), bench.now);
  CHECK(refused.outcome == InsertOutcome::kErased);
  CHECK(bench.cache().size() == 0);
  CHECK(bench.cache().IsConsistent());
  bench.Begin(Epoch{4}, 2);
  bench.Group(1);
  CHECK(bench.OpensFrom(FrameNumber{1}, 2));
}

TEST_CASE("cache: a new epoch empties it, and a frame of the epoch before comes too late") {
  Bench bench;
  bench.Group(5);
  bench.Begin(Epoch{4}, 2);
  CHECK(bench.cache().size() == 0);
  CHECK_FALSE(bench.cache().StartForNewViewer());
  CHECK(bench.cache().Insert(MakeFrame(kCamera, kEpoch, kKey), bench.now).outcome == InsertOutcome::kStale);
  CHECK(bench.cache().counters().refused == 1);
  const FrameNumber start = bench.Insert(kKey);
  // The key of the epoch before opens nothing of this one.
  OpenKey old(bench.crypto(), GrantFor(bench.crypto(), kCamera, kEpoch, ContentKey(1)));
  OpenBuffer buffer;
  CHECK(old.Open(*bench.cache().Find(start), buffer).outcome == OpenOutcome::kStale);
}

TEST_CASE("cache: another camera's frame, or an epoch that is no later one, ends the process") {
  Bench bench;
  bench.Begin(Epoch{4}, 2);
  CHECK(test::Dies([&] { (void)bench.cache().Insert(MakeFrame(kOther, Epoch{4}, kKey), bench.now); }));
  CHECK(test::Dies([&] { bench.Begin(Epoch{4}, 3); }));
  CHECK_FALSE(test::Dies([&] { bench.Begin(Epoch{5}, 3); }));
}

TEST_CASE("cache: what it holds in memory is what it counts") {
  Bench bench;
  bench.Group(49);
  std::size_t bytes = 0;
  for (FrameNumber n{1}; n < bench.cache().NextNumber(); n = n.Next()) {
    bytes += bench.cache().Find(n)->footprint();
  }
  CHECK(bench.cache().bytes() == bytes);
  // 2.5 Mbit/s in groups of 2 s: the payloads and less than 4 % more.
  CHECK(bytes < (40000 + 49 * 8000) * 104 / 100);
}

TEST_CASE("cache: whatever goes in, it stays in bounds and a start is a start") {
  for (std::uint64_t run = 0; run < 20; ++run) {
    const std::uint64_t seed = test::Seed() + run;
    INFO("LATCHKEY_SEED=" << seed);
    test::Dice dice(seed);
    CacheLimits limits;
    limits.bytes = CacheLimits::kMinBytes + dice.Below(1'000'000);
    limits.frames = 20 + dice.Below(200);
    limits.age = milliseconds(500 + dice.Below(5000));
    limits.linger = milliseconds(dice.Below(2000));
    Bench bench(limits);
    std::optional<FrameNumber> newest_key;
    std::uint64_t epoch = kEpoch.value;
    for (int i = 0; i < 400; ++i) {
      const std::size_t what = dice.Below(200);
      if (what == 0) {
        bench.Begin(Epoch{++epoch});
        newest_key.reset();
      } else if (what < 10) {
        newest_key = bench.Insert({true, 1 + dice.Below(100'000)});
      } else if (what < 80) {
        bench.Insert({false, 1 + dice.Below(300), wire::StreamKind::kAudio});
      } else if (newest_key) {
        bench.Insert({false, 1 + dice.Below(30'000)});
      }
      if (dice.Below(20) == 0) bench.now += milliseconds(dice.Below(1500));
      bench.cache().HandleTimeout(bench.now);
      REQUIRE(bench.cache().IsConsistent());
      CHECK(bench.cache().size() <= limits.frames);
      CHECK(bench.cache().bytes() <= limits.bytes);
      const auto start = bench.cache().StartForNewViewer();
      if (start && newest_key) {
        CHECK(start == newest_key);
        CHECK(bench.OpensFrom(*start));
      }
    }
  }
}

}  // namespace
}  // namespace latchkey::cache
