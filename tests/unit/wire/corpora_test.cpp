// Every seed of the shared corpora through its parser: none may crash, overrun or hang.
#include <string>

#include "daemon/wire/demux.h"
#include "daemon/wire/h264.h"
#include "daemon/wire/h264_pack.h"
#include "daemon/wire/h264_sps.h"
#include "daemon/wire/rtcp_feedback.h"
#include "daemon/wire/rtcp_remb.h"
#include "daemon/wire/rtcp_report.h"
#include "daemon/wire/rtcp_source.h"
#include "daemon/wire/rtcp_transport.h"
#include "daemon/wire/rtp.h"
#include "daemon/wire/vp8.h"
#include "tests/support/shared_data.h"
#include "tests/unit/wire/support.h"

namespace latchkey::wire {
namespace {

struct Tally {
  std::size_t files = 0;
  std::size_t parsed = 0;
};

// Feeds every file, and for good measure each of its first 64 truncations. `feed` says whether it parsed.
template <class Feed>
Tally FeedCorpus(const char* name, Feed feed) {
  Tally tally;
  const auto folder = test::SharedData(std::string("corpora/") + name);
  if (!folder) {
    WARN("skipped: no shared data for corpora/" << name << " (set LATCHKEY_SHARED_DATA)");
    return tally;
  }
  for (const auto& path : test::FilesOf(*folder)) {
    const ByteVector bytes = test::ReadFile(path);
    INFO(path);
    ++tally.files;
    tally.parsed += feed(ByteView(bytes)) ? 1U : 0U;
    for (std::size_t n = 0; n < bytes.size() && n < 64; ++n) (void)feed(Exactly(ByteView(bytes).first(n)));
  }
  CHECK(tally.files > 0);
  return tally;
}

bool FeedRtcp(ByteView bytes) {
  const auto compound = ParseRtcp(bytes);
  if (!compound) return false;
  for (const RtcpBlock& block : *compound) {
    (void)ParseSenderReport(block);
    (void)ParseReceiverReport(block);
    (void)ParseBye(block);
    (void)ParseNack(block);
    (void)ParsePli(block);
    (void)ParseFir(block);
    (void)ParseRemb(block);
    (void)ParseTransportFeedback(block);
    if (auto sdes = ParseSdes(block)) {
      while (sdes->Next()) {
      }
    }
  }
  return true;
}

bool FeedRtp(ByteView bytes) {
  (void)ParseProtectedRtp(bytes);
  const auto packet = ParseRtp(bytes);
  if (!packet) return false;
  auto extensions = packet->extensions();
  while (extensions.Next()) {
  }
  (void)InspectH264Payload(packet->payload);
  (void)ParseVp8Payload(packet->payload);
  return true;
}

TEST_CASE("corpora: stun") {
  const Tally tally = FeedCorpus("stun", [](ByteView bytes) {
    const auto message = ParseStun(bytes);
    return message && (!message->integrity || !StunIntegrityVerifies(*message, AsBytes("no"), TestHmac));
  });
  CHECK((tally.files == 0 || tally.parsed > 0));
}

TEST_CASE("corpora: rtp") {
  const Tally tally = FeedCorpus("rtp", FeedRtp);
  CHECK((tally.files == 0 || tally.parsed > 0));
}

TEST_CASE("corpora: rtcp") {
  const Tally tally = FeedCorpus("rtcp", FeedRtcp);
  CHECK((tally.files == 0 || tally.parsed > 0));
}

TEST_CASE("corpora: srtp, behind the demultiplexer") {
  FeedCorpus("srtp", [](ByteView bytes) {
    switch (ClassifyDatagram(bytes)) {
      case DatagramKind::kStun: return ParseStun(bytes).has_value();
      case DatagramKind::kRtp: return FeedRtp(bytes);
      case DatagramKind::kRtcp: return RtcpSenderSsrc(bytes).has_value() && FeedRtcp(bytes);
      case DatagramKind::kDtls:
      case DatagramKind::kUnknown:
      case DatagramKind::kCount: break;
    }
    return false;
  });
}

TEST_CASE("corpora: h264, as payload, parameter set and byte stream") {
  FeedCorpus("h264", [](ByteView bytes) {
    (void)ParseH264Sps(bytes);
    (void)ParseVp8Payload(bytes);
    AnnexBReader units(bytes);
    while (const auto unit = units.Next()) {
      (void)InspectH264Payload(*unit);
      (void)ParseH264Sps(unit->subspan(1));
    }
    H264Depacketiser depacketiser;
    // Taken whole or refused; a lone fragment without its start is well-formed, but no unit.
    return depacketiser.Push(bytes) && InspectH264Payload(bytes).has_value();
  });
}

}  // namespace
}  // namespace latchkey::wire
