// A viewer whose leg carries less than the stream: it alone gets less, whole pictures that are not old.
#include "daemon/egress/viewer_session.h"
#include "tests/unit/lane/watched.h"

namespace latchkey::lane::test {
namespace {

// Ben watches beside Anna, and answers each sender report as late as his leg's queue is long.
struct SlowLeg : Watched {
  SlowLeg() : ben(viewer_tools, Host(4)) {
    auto replies = View(ben);
    REQUIRE(Find<wire::ViewerAnswer>(replies));
    Connect(ben.peer);
  }
  // The newest sender report of his pictures, if one came since the last call.
  bool TakeReport() {
    const std::uint32_t before = last_sr;
    for (const ByteVector& compound : ben.peer.rtcp) {
      const auto parsed = wire::ParseRtcp(compound);
      REQUIRE(parsed);
      const auto sent = wire::ParseSenderReport(*parsed->begin());
      if (sent && sent->sender.ssrc == ben.video().remote_sources.front().ssrc)
        last_sr = sent->sender.ntp.Compact();
    }
    ben.peer.rtcp.clear();
    return last_sr != before;
  }
  void Answer() {
    wire::ReportBlock block;
    block.ssrc = ben.video().remote_sources.front().ssrc;
    block.last_sr = last_sr;
    std::array<std::uint8_t, 100> bytes{};
    ByteWriter writer(bytes);
    wire::WriteReceiverReport(7, std::array{block}, writer);
    wire::WriteSdesCname(7, "ben", writer);
    ben.peer.SendRtcp(writer.Written());
    Settle();
  }
  // Seconds of film; each sender report is answered `queue` after it came.
  void Film(int count, Duration queue) {
    std::optional<Instant> due;
    for (int i = 0; i < count * 25; ++i) {
      if (TakeReport()) due = now + queue;
      if (due && now >= *due) {
        Answer();
        due.reset();
      }
      World::Film(camera, milliseconds{40}, 25, 12'000, 6000);
    }
  }
  ViewerEnd ben;
  std::uint32_t last_sr = 0;
};

// Every picture follows the one before it, or is a keyframe.
void CheckDecodable(const std::vector<Picture>& pictures) {
  for (std::size_t i = 1; i < pictures.size(); ++i) {
    if (pictures[i].keyframe) {
      CHECK(pictures[i].number > pictures[i - 1].number);
    } else {
      REQUIRE(pictures[i].number == pictures[i - 1].number + 1);
    }
  }
}

TEST_CASE("lane: a viewer on a slow leg skips to keyframes, is never far behind, and slows nobody") {
  SlowLeg world;
  world.Film(4, milliseconds{0});
  const std::size_t all = world.ben.Pictures().size();
  CHECK(all == world.camera.pictures);
  world.Film(4, milliseconds{640});
  for (int i = 0; i < 10; ++i) {
    world.Film(1, milliseconds{120});
    const std::vector<Picture> pictures = world.ben.Pictures();
    CheckDecodable(pictures);
    // Within the lag that is allowed, a group that was passed over, and the picture under way.
    CHECK(pictures.back().number + 20 + 25 + 2 >= world.camera.pictures);
  }
  const std::size_t got = world.ben.Pictures().size() - all;
  CHECK(got < (world.camera.pictures - all) * 9 / 10);
  CHECK(got > 30);
  CHECK(world.viewer.Pictures().size() == world.camera.pictures);
}

// How many pictures were left before their last packet.
int LeftUnfinished(const ViewerEnd& viewer) {
  int count = 0;
  std::optional<wire::RtpHeader> last;
  for (const ByteVector& bytes : viewer.peer.rtp) {
    const auto packet = wire::ParseRtp(bytes);
    REQUIRE(packet);
    if (packet->header.ssrc != viewer.video().remote_sources.front().ssrc) continue;
    if (last && !last->marker && last->timestamp != packet->header.timestamp) ++count;
    last = packet->header;
  }
  return count;
}

TEST_CASE("lane: a picture that has begun to leave goes out to its end, however slow the leg") {
  SlowLeg world;
  world.Film(4, milliseconds{0});
  // Keyframes that take the leg longer than the next group takes to come, and the cache to let go of theirs.
  for (int i = 0; i < 60; ++i) {
    const bool narrow = i < 50;
    if (world.TakeReport()) {
      world.Advance(narrow ? milliseconds{640} : milliseconds{0});
      world.Answer();
    }
    world.World::Film(world.camera, milliseconds{480}, 12, 150'000, 300);
  }
  CHECK(world.ben.Pictures().size() > 20);
  CHECK(LeftUnfinished(world.ben) == 0);
}

TEST_CASE("lane: on a slow leg nothing new waits for what went before, whatever its viewer asks for") {
  SlowLeg world;
  world.Film(4, milliseconds{0});
  world.Film(6, milliseconds{640});
  // Another epoch, and a run through its first pictures.
  world.camera.ChangeSsrc();
  world.camera.pictures = 1000;
  world.World::Film(world.camera, milliseconds{400}, 25, 12'000, 6000);
  world.BeginNextEpoch();
  world.camera.pictures = 1100;
  world.World::Film(world.camera, milliseconds{400}, 25, 12'000, 6000);
  world.RenewAll();
  world.Advance(milliseconds{5});
  const std::size_t before = world.ben.peer.rtp.size();
  world.ben.SendPli();
  world.Settle();
  world.Film(2, milliseconds{640});
  REQUIRE(world.ben.peer.rtp.size() > before);
  for (std::size_t i = before; i < world.ben.peer.rtp.size(); ++i) {
    const auto packet = wire::ParseRtp(world.ben.peer.rtp[i]);
    REQUIRE(packet);
    CHECK(packet->header.payload_type == world.ben.video().payload_type);
  }
  CHECK(LeftUnfinished(world.ben) == 0);
}

TEST_CASE("lane: a viewer's leg that is free again gets every picture again") {
  SlowLeg world;
  world.Film(4, milliseconds{0});
  world.Film(6, milliseconds{640});
  world.Film(30, milliseconds{0});
  const std::vector<Picture> pictures = world.ben.Pictures();
  CHECK(pictures.back().number + 1 == world.camera.pictures);
  for (std::size_t i = pictures.size() - 100; i < pictures.size(); ++i) {
    CHECK(pictures[i].number == pictures[i - 1].number + 1);
  }
}

}  // namespace
}  // namespace latchkey::lane::test
