// The packet path allocates nothing.
#include <array>

#include "daemon/wire/demux.h"
#include "daemon/wire/h264.h"
#include "daemon/wire/ipc_messages.h"
#include "daemon/wire/rtcp_feedback.h"
#include "daemon/wire/rtcp_remb.h"
#include "daemon/wire/rtcp_report.h"
#include "daemon/wire/rtcp_source.h"
#include "daemon/wire/rtcp_transport.h"
#include "daemon/wire/rtp.h"
#include "daemon/wire/vp8.h"
#include "tests/support/allocations.h"
#include "tests/unit/wire/support.h"

namespace latchkey::wire {
namespace {

using test::Count;
using test::Hex;

TEST_CASE("wire: the counter of allocations counts") {
  CHECK(Count([] { ByteVector bytes(100); }) == 1);
}

TEST_CASE("wire: STUN is parsed, verified and answered without allocation") {
  std::array<std::uint8_t, 256> buffer{};
  std::array<std::uint8_t, 256> reply{};
  StunCheck check;
  check.username = "hub:peer";
  const auto fake = [](ByteView, ByteView data) { return StunDigest{data.back()}; };
  bool verified = false;
  CHECK(Count([&] {
          const auto message = ParseStun(WriteStunCheck(check, AsBytes("k"), fake, buffer));
          verified = message && StunIntegrityVerifies(*message, AsBytes("k"), fake);
          verified =
              verified && !WriteStunSuccess(message->transaction, {}, AsBytes("k"), fake, reply).empty();
        }) == 0);
  CHECK(verified);
}

TEST_CASE("wire: RTP and its payloads are parsed without allocation") {
  const ByteVector bytes = Hex("9064 0058 65431278 12345678 bede0001 10aa2100 78 0003 6742c0 0002 68ce");
  bool whole = false;
  CHECK(Count([&] {
          const auto packet = ParseRtp(bytes);
          whole = packet && packet->FindExtension(1) && InspectH264Payload(packet->payload)->sps &&
                  ParseVp8Payload(packet->payload) && ClassifyDatagram(bytes) == DatagramKind::kRtp;
        }) == 0);
  CHECK(whole);
}

TEST_CASE("wire: RTCP is written and parsed without allocation") {
  std::array<std::uint8_t, 1200> buffer{};
  std::size_t blocks = 0;
  CHECK(Count([&] {
          ByteWriter writer(buffer);
          const std::array<std::uint16_t, 2> lost{3, 9};
          const std::array<TransportArrival, 2> arrivals{{{1, milliseconds{1}}, {3, milliseconds{2}}}};
          const ReportBlock report;
          WriteSenderReport({}, std::span(&report, 1), writer);
          WriteSdesCname(1, "hub", writer);
          WriteNack(1, 2, lost, writer);
          WritePli(1, 2, writer);
          WriteRemb(1, 3'000'000, {}, writer);
          (void)WriteTransportFeedback(1, 2, 0, arrivals, writer);
          const auto compound = ParseRtcp(writer.Written());
          for (const RtcpBlock& block : *compound) {
            const bool known = ParseSenderReport(block) || ParseSdes(block) || ParseNack(block) ||
                               ParsePli(block) || ParseRemb(block) || ParseTransportFeedback(block);
            blocks += known ? 1U : 0U;
          }
        }) == 0);
  CHECK(blocks == 6);
}

TEST_CASE("ipc: a record is written in one block, so that no key stays behind in memory that it outgrew") {
  PublishOffer offer;
  offer.offer = std::string(40'000, 'v');
  CHECK(Count([&] { (void)EncodeIpc(offer); }) == 1);
  CHECK(Count([] { (void)EncodeIpc(EpochBegin{}); }) == 1);
  CHECK(Count([] { (void)EncodeIpc(DeleteRequest{}); }) == 1);
  CameraList list;
  for (int i = 0; i < 3; ++i) CHECK(list.cameras.TryPush({}));
  CHECK(Count([&] { (void)EncodeIpc(list); }) == 1);
}

}  // namespace
}  // namespace latchkey::wire
