// Both halves of a stream against each other, over a bad network in virtual time.
#include <set>

#include "tests/support/catch.h"
#include "tools/media/impair.h"
#include "tools/media/random.h"
#include "tools/media/receive_stream.h"
#include "tools/media/send_stream.h"

namespace latchkey::media {
namespace {

const SocketAddress kPeer{IpAddress::V4({127, 0, 0, 1}), 5000};

SendStreamOptions Options(wire::Codec codec, bool rtx, std::uint16_t first = 65500) {
  SendStreamOptions options;
  options.codec = codec;
  options.payload_type = 96;
  options.ssrc = 0x11223344;
  if (rtx) options.rtx_payload_type = 97;
  options.rtx_ssrc = 0x55667788;
  options.first_sequence = first;  // soon rolls over
  options.first_timestamp = 0xfffffff0U;
  return options;
}

// An access unit with SPS and PPS in front of an IDR, or one slice; the body depends on the number.
ByteVector Unit(int number, bool key, std::size_t size) {
  ByteVector unit;
  const auto nal = [&](std::uint8_t header, std::size_t length) {
    for (const std::uint8_t b :
         {std::uint8_t{0}, std::uint8_t{0}, std::uint8_t{0}, std::uint8_t{1}, header}) {
      unit.push_back(b);
    }
    unit.push_back(0x88);  // first_mb 0
    SeededRandom random(static_cast<std::uint64_t>(number));
    for (std::size_t i = 0; i < length; ++i) unit.push_back(static_cast<std::uint8_t>(random.U64() | 4U));
  };
  if (key) {
    nal(0x67, 10);
    nal(0x68, 4);
  }
  nal(key ? 0x65 : 0x41, size);
  return unit;
}

ByteVector Vp8Frame(int number, bool key, std::size_t size) {
  ByteVector frame;
  frame.push_back(key ? 0x10 : 0x11);
  SeededRandom random(static_cast<std::uint64_t>(number));
  for (std::size_t i = 0; i < size; ++i) frame.push_back(static_cast<std::uint8_t>(random.U64()));
  return frame;
}

struct Outcome {
  std::vector<ReceivedFrame> frames;
  ReceiveCounters received;
  SendStreamCounters sent;
};

struct Link {
  wire::Codec codec = wire::Codec::kH264;
  bool rtx = true;
  bool answer_nacks = true;
  int frames = 250;
  Duration one_way = milliseconds{10};
};

void Deliver(ReceiveStream& receiver, ByteView bytes, Instant now) {
  auto packet = wire::ParseRtp(bytes);
  REQUIRE(packet.has_value());
  const bool is_rtx = packet->header.payload_type == 97;
  if (is_rtx) {
    const auto rtx = wire::ParseRtx(packet->payload);
    REQUIRE(rtx.has_value());
    packet->header.sequence = rtx->original_sequence;
    packet->payload = rtx->payload;
  }
  receiver.HandlePacket(*packet, now, is_rtx);
}

// 25 frames a second through the impairment, NACKs back after one_way, in steps of a millisecond.
Outcome Run(const Link& link, const ImpairOptions& impairments) {
  SendStream sender(Options(link.codec, link.rtx));
  ReceiveStream receiver(link.codec, 0x11223344);
  Impairment network(impairments);
  std::vector<std::pair<Instant, ByteVector>> nacks;
  Outcome outcome;
  for (int ms = 0; ms < link.frames * 40 + 2000; ++ms) {
    const Instant now{milliseconds{ms}};
    std::vector<ByteVector> packets;
    if (ms % 40 == 0 && ms / 40 < link.frames) {
      const int n = ms / 40;
      const bool key = n % 50 == 0;
      const std::size_t size = key ? 40000 : 9000;
      MediaFrame frame;
      frame.bytes = link.codec == wire::Codec::kH264 ? Unit(n, key, size) : Vp8Frame(n, key, size);
      frame.keyframe = key;
      frame.media_time = milliseconds{ms};
      frame.captured = now;
      sender.SendFrame(frame, now, packets);
    }
    while (!nacks.empty() && nacks.front().first <= now) {
      const auto compound = wire::ParseRtcp(nacks.front().second);
      REQUIRE(compound.has_value());
      const auto nack = wire::ParseNack(*compound->begin());
      REQUIRE(nack.has_value());
      sender.HandleNack(*nack, now, packets);
      nacks.erase(nacks.begin());
    }
    for (const ByteVector& packet : packets) network.Offer(now, kPeer, packet);
    while (const auto released = network.Poll(now)) Deliver(receiver, released->bytes, now);
    receiver.HandleTimeout(now);
    const auto wanted = receiver.TakeNacks(now);
    if (!wanted.empty() && link.answer_nacks) {
      ByteVector bytes(4096);
      ByteWriter writer(bytes);
      wire::WriteNack(1, 0x11223344, wanted, writer);
      nacks.emplace_back(now + link.one_way, ByteVector(writer.Written().begin(), writer.Written().end()));
    }
    while (auto frame = receiver.PollFrame()) outcome.frames.push_back(std::move(*frame));
  }
  outcome.received = receiver.counters();
  outcome.sent = sender.counters();
  return outcome;
}

TEST_CASE("streams: what is sent arrives as it was, whole and in order") {
  for (const wire::Codec codec : {wire::Codec::kH264, wire::Codec::kVp8}) {
    Link link;
    link.codec = codec;
    const Outcome outcome = Run(link, {});
    REQUIRE(outcome.frames.size() == 250);
    for (int n = 0; n < 250; ++n) {
      const ReceivedFrame& frame = outcome.frames[static_cast<std::size_t>(n)];
      const bool key = n % 50 == 0;
      CHECK(frame.bytes == (codec == wire::Codec::kH264 ? Unit(n, key, key ? 40000 : 9000)
                                                        : Vp8Frame(n, key, key ? 40000 : 9000)));
      CHECK(frame.keyframe == key);
      CHECK(frame.timestamp == 0xfffffff0U + static_cast<std::uint32_t>(n) * 3600);
    }
    CHECK(outcome.received.nacked == 0);
    CHECK(outcome.received.lost == 0);
    CHECK(outcome.received.packets == outcome.sent.packets);
  }
}

TEST_CASE("streams: 5 percent loss is repaired, by RTX or by plain retransmission") {
  for (const bool rtx : {true, false}) {
    Link link;
    link.rtx = rtx;
    ImpairOptions impairments;
    impairments.loss = 0.05;
    const Outcome outcome = Run(link, impairments);
    CAPTURE(rtx, outcome.received.nacked, outcome.received.repaired);
    CHECK(outcome.frames.size() == 250);
    CHECK(outcome.received.lost == 0);
    CHECK(outcome.received.repaired > 50);
    // Few are asked for more often than they are lost.
    CHECK(outcome.received.nacked < outcome.received.repaired * 3 / 2);
  }
}

TEST_CASE("streams: mere reordering costs few requests and no frame") {
  Link link;
  ImpairOptions impairments;
  impairments.jitter = milliseconds{20};
  const Outcome outcome = Run(link, impairments);
  CAPTURE(outcome.received.nacked, outcome.received.duplicates);
  CHECK(outcome.frames.size() >= 249);
  // After the first seconds the receiver knows how late packets come.
  CHECK(outcome.received.nacked < outcome.sent.packets / 4);
}

TEST_CASE("streams: loss with jitter, duplicates and reordering is repaired") {
  ImpairOptions impairments;
  impairments.loss = 0.05;
  impairments.burst = 3;
  impairments.jitter = milliseconds{30};
  impairments.duplicate = 0.05;
  impairments.reorder = 0.05;
  const Outcome outcome = Run({}, impairments);
  CAPTURE(outcome.received.lost, outcome.received.frames_damaged);
  CHECK(outcome.frames.size() >= 247);
}

TEST_CASE("streams: a packet that never comes ends one frame, and the next says so") {
  Link link;
  link.answer_nacks = false;
  ImpairOptions impairments;
  impairments.loss = 0.002;
  impairments.seed = 3;
  const Outcome outcome = Run(link, impairments);
  REQUIRE(outcome.received.lost > 0);
  CHECK(outcome.frames.size() < 250);
  CHECK(outcome.frames.size() > 200);
  std::set<std::uint32_t> gaps;
  std::uint32_t last = outcome.frames.front().timestamp;
  for (const ReceivedFrame& frame : outcome.frames) {
    // Every jump in time is announced: nobody decodes on across it unknowingly.
    if (frame.timestamp - last > 3600) CHECK(frame.after_gap);
    last = frame.timestamp;
  }
  // Each request is made a bounded number of times.
  CHECK(outcome.received.nacked <= outcome.received.lost * ReceiveStream::kMaxRequests);
}

TEST_CASE("streams: a gap holds up later frames no longer than its limit") {
  Link link;
  link.answer_nacks = false;
  ImpairOptions impairments;
  impairments.loss = 0.002;
  impairments.seed = 3;
  SendStream sender(Options(wire::Codec::kH264, false));
  ReceiveStream receiver(wire::Codec::kH264, 0x11223344);
  std::vector<ByteVector> packets;
  for (int n = 0; n < 3; ++n) {
    sender.SendFrame({wire::StreamKind::kVideo, Unit(n, n == 0, 3000), n == 0, milliseconds{40 * n}, {}}, {},
                     packets);
  }
  packets.erase(packets.begin() + 4);
  const Instant start{seconds{1}};
  for (const ByteVector& packet : packets) Deliver(receiver, packet, start);
  while (receiver.PollFrame()) {
  }
  receiver.HandleTimeout(start + ReceiveStream::kMaxWait - milliseconds{1});
  CHECK_FALSE(receiver.PollFrame().has_value());
  const auto due = receiver.NextTimeout();
  REQUIRE(due.has_value());
  receiver.HandleTimeout(start + ReceiveStream::kMaxWait);
  const auto frame = receiver.PollFrame();
  REQUIRE(frame.has_value());
  CHECK(frame->after_gap);
}

TEST_CASE("streams: a frame lost whole is announced by the next one") {
  SendStream sender(Options(wire::Codec::kVp8, false));
  ReceiveStream receiver(wire::Codec::kVp8, 0x11223344);
  std::vector<ByteVector> packets;
  for (int n = 0; n < 4; ++n) {
    sender.SendFrame({wire::StreamKind::kVideo, Vp8Frame(n, n == 0, 200), n == 0, milliseconds{40 * n}, {}},
                     {}, packets);
  }
  REQUIRE(packets.size() == 4);
  const Instant start{seconds{1}};
  for (const std::size_t i : {std::size_t{0}, std::size_t{2}, std::size_t{3}})
    Deliver(receiver, packets[i], start);
  REQUIRE(receiver.PollFrame().has_value());
  receiver.HandleTimeout(start + ReceiveStream::kMaxWait);
  const auto after = receiver.PollFrame();
  REQUIRE(after.has_value());
  CHECK(after->bytes == Vp8Frame(2, false, 200));
  CHECK(after->after_gap);
  const auto next = receiver.PollFrame();
  REQUIRE(next.has_value());
  CHECK_FALSE(next->after_gap);
  CHECK(receiver.counters().frames_damaged == 0);
}

TEST_CASE("streams: a receiver report tells loss as RFC 3550 counts it") {
  SendStream sender(Options(wire::Codec::kH264, false, 10));
  ReceiveStream receiver(wire::Codec::kH264, 0x11223344);
  CHECK_FALSE(receiver.TakeReport({}).has_value());
  std::vector<ByteVector> packets;
  sender.SendFrame({wire::StreamKind::kVideo, Unit(0, true, 60000), true, Duration{0}, {}}, {}, packets);
  REQUIRE(packets.size() > 40);
  for (std::size_t i = 0; i < 40; ++i) {
    if (i % 4 != 1) Deliver(receiver, packets[i], Instant{milliseconds{i}});
  }
  const auto report = receiver.TakeReport(Instant{seconds{1}});
  REQUIRE(report.has_value());
  CHECK(report->fraction_lost == 64);
  CHECK(report->cumulative_lost == 10);
  CHECK((report->highest_sequence & 0xffffU) == 49);
  const auto again = receiver.TakeReport(Instant{seconds{2}});
  CHECK(again->fraction_lost == 0);
  CHECK(again->cumulative_lost == 10);
}

TEST_CASE("streams: the round trip comes out of a report about our report") {
  SendStream sender(Options(wire::Codec::kVp8, false));
  CHECK_FALSE(sender.Report({}, {}).has_value());
  std::vector<ByteVector> packets;
  sender.SendFrame({wire::StreamKind::kVideo, Vp8Frame(0, true, 100), true, Duration{0}, {}}, {}, packets);
  const WallTime wall = FromUnixSeconds(1'800'000'000);
  const auto info = sender.Report(Instant{milliseconds{500}}, wall);
  REQUIRE(info.has_value());
  CHECK(info->packet_count == 1);
  CHECK(info->rtp_timestamp == 0xfffffff0U + 45000);
  wire::ReportBlock block;
  block.ssrc = 0x11223344;
  block.last_sr = info->ntp.Compact();
  block.delay_since_last_sr = wire::CompactNtpFromDuration(milliseconds{100});
  sender.HandleReport(block, wall + milliseconds{130});
  REQUIRE(sender.round_trip().has_value());
  CHECK(ToMilliseconds(*sender.round_trip()) == Approx(30).margin(1));
}

TEST_CASE("streams: packets older than the history are asked for in vain") {
  SendStream sender(Options(wire::Codec::kVp8, false, 0));
  std::vector<ByteVector> packets;
  constexpr int kSent = static_cast<int>(SendStream::kHistory) + 1000;
  constexpr auto kKept = static_cast<std::uint16_t>(kSent - 500);
  for (int n = 0; n < kSent; ++n) {
    sender.SendFrame({wire::StreamKind::kVideo, Vp8Frame(n, n == 0, 100), n == 0, milliseconds{n}, {}}, {},
                     packets);
  }
  packets.clear();
  ByteVector bytes(64);
  ByteWriter writer(bytes);
  const std::vector<std::uint16_t> wanted{500, kKept};
  wire::WriteNack(1, 0x11223344, wanted, writer);
  const auto nack = wire::ParseNack(*wire::ParseRtcp(writer.Written())->begin());
  sender.HandleNack(*nack, Instant{seconds{1}}, packets);
  REQUIRE(packets.size() == 1);
  CHECK(wire::ParseRtp(packets[0])->header.sequence == kKept);
  // And the same one not twice within the same moment.
  sender.HandleNack(*nack, Instant{seconds{1}}, packets);
  CHECK(packets.size() == 1);
  sender.HandleNack(*nack, Instant{seconds{1}} + SendStream::kMinResend, packets);
  CHECK(packets.size() == 2);
}

TEST_CASE("streams: the first packets may come in any order, or not at all at first") {
  for (const wire::Codec codec : {wire::Codec::kH264, wire::Codec::kVp8}) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
      SendStream sender(Options(codec, true));
      ReceiveStream receiver(codec, 0x11223344);
      std::vector<ByteVector> packets;
      const ByteVector unit = codec == wire::Codec::kH264 ? Unit(0, true, 12000) : Vp8Frame(0, true, 12000);
      sender.SendFrame({wire::StreamKind::kVideo, unit, true, Duration{0}, {}}, {}, packets);
      SeededRandom random(seed);
      for (std::size_t i = packets.size() - 1; i > 0; --i)
        std::swap(packets[i], packets[random.U64() % (i + 1)]);
      const bool lossy = seed % 2 == 0;
      Instant now{seconds{1}};
      for (std::size_t i = lossy ? 1 : 0; i < packets.size(); ++i)
        Deliver(receiver, packets[i], now += milliseconds{1});
      // What was kept back comes when it is asked for (the last of a frame isn't missed before the next
      // frame).
      for (int ms = 0; ms < 100; ++ms) {
        for (const std::uint16_t wanted : receiver.TakeNacks(now += milliseconds{1})) {
          if (wire::ParseRtp(packets[0])->header.sequence == wanted) Deliver(receiver, packets[0], now);
        }
      }
      if (receiver.counters().frames == 0) Deliver(receiver, packets[0], now);
      const auto frame = receiver.PollFrame();
      CAPTURE(seed, wire::CodecName(codec));
      REQUIRE(frame.has_value());
      CHECK(frame->bytes == unit);
      CHECK(receiver.counters().lost == 0);
    }
  }
}

TEST_CASE("streams: a stream joined in the middle of a frame gives that frame up") {
  SendStream sender(Options(wire::Codec::kH264, false));
  ReceiveStream receiver(wire::Codec::kH264, 0x11223344);
  std::vector<ByteVector> packets;
  sender.SendFrame({wire::StreamKind::kVideo, Unit(0, true, 5000), true, Duration{0}, {}}, {}, packets);
  sender.SendFrame({wire::StreamKind::kVideo, Unit(1, true, 5000), true, milliseconds{40}, {}}, {}, packets);
  packets.erase(packets.begin(), packets.begin() + 4);
  Instant now{seconds{1}};
  for (const ByteVector& packet : packets) Deliver(receiver, packet, now);
  CHECK_FALSE(receiver.PollFrame().has_value());
  receiver.HandleTimeout(now + ReceiveStream::kMaxWait);
  const auto frame = receiver.PollFrame();
  REQUIRE(frame.has_value());
  CHECK(frame->bytes == Unit(1, true, 5000));
  CHECK(receiver.counters().frames_damaged == 1);
}

TEST_CASE("streams: a jump of the sequence begins anew instead of waiting for thousands") {
  ReceiveStream receiver(wire::Codec::kVp8, 0x11223344);
  for (const std::uint16_t first : {std::uint16_t{10}, std::uint16_t{30000}}) {
    SendStream sender(Options(wire::Codec::kVp8, false, first));
    std::vector<ByteVector> packets;
    sender.SendFrame({wire::StreamKind::kVideo, Vp8Frame(0, true, 5000), true, Duration{0}, {}}, {}, packets);
    for (const ByteVector& packet : packets) Deliver(receiver, packet, {});
    const auto frame = receiver.PollFrame();
    REQUIRE(frame.has_value());
    CHECK(frame->keyframe);
    CHECK(receiver.TakeNacks({}).empty());
  }
}

}  // namespace
}  // namespace latchkey::media
