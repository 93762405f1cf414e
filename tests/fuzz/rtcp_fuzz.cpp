// The blocks of a compound tile it; what parses as one kind says the same after it was written again.
#include <array>
#include <vector>

#include "daemon/wire/rtcp_feedback.h"
#include "daemon/wire/rtcp_remb.h"
#include "daemon/wire/rtcp_report.h"
#include "daemon/wire/rtcp_source.h"
#include "daemon/wire/rtcp_transport.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey::fuzz {
namespace {

constexpr std::size_t kRoom = 64 * 1024;

// The one block that `write` writes, handed to `check`.
template <class Write, class Check>
void Rewritten(Write write, Check check) {
  ByteVector buffer(kRoom);
  ByteWriter writer(buffer);
  write(writer);
  LATCHKEY_CHECK(writer.ok());
  const auto compound = wire::ParseRtcp(writer.Written());
  LATCHKEY_CHECK(compound.has_value());
  check(*compound->begin());
}

std::vector<wire::ReportBlock> BlocksOf(const wire::ReportBlockList& list) {
  std::vector<wire::ReportBlock> blocks;
  for (std::size_t i = 0; i < list.size(); ++i) blocks.push_back(list[i]);
  return blocks;
}

void CheckReports(const wire::RtcpBlock& block) {
  if (const auto report = wire::ParseSenderReport(block)) {
    const auto blocks = BlocksOf(report->blocks);
    LATCHKEY_CHECK(blocks.size() == block.count);
    Rewritten([&](ByteWriter& out) { wire::WriteSenderReport(report->sender, blocks, out); },
              [&](const wire::RtcpBlock& written) {
                const auto again = wire::ParseSenderReport(written);
                LATCHKEY_CHECK(again && again->sender == report->sender && BlocksOf(again->blocks) == blocks);
              });
  }
  if (const auto report = wire::ParseReceiverReport(block)) {
    const auto blocks = BlocksOf(report->blocks);
    Rewritten([&](ByteWriter& out) { wire::WriteReceiverReport(report->ssrc, blocks, out); },
              [&](const wire::RtcpBlock& written) {
                const auto again = wire::ParseReceiverReport(written);
                LATCHKEY_CHECK(again && again->ssrc == report->ssrc && BlocksOf(again->blocks) == blocks);
              });
  }
}

void CheckSources(const wire::RtcpBlock& block) {
  if (auto sdes = wire::ParseSdes(block)) {
    unsigned chunks = 0;
    for (; const auto chunk = sdes->Next(); ++chunks) {
      if (chunk->cname.empty()) continue;
      Rewritten([&](ByteWriter& out) { wire::WriteSdesCname(chunk->ssrc, chunk->cname, out); },
                [&](const wire::RtcpBlock& written) {
                  const auto again = wire::ParseSdes(written)->Next();
                  LATCHKEY_CHECK(again && again->ssrc == chunk->ssrc && again->cname == chunk->cname);
                });
    }
    LATCHKEY_CHECK(chunks == block.count);
  }
  if (const auto bye = wire::ParseBye(block)) LATCHKEY_CHECK(bye->size() == block.count);
}

void CheckFeedback(const wire::RtcpBlock& block) {
  if (const auto nack = wire::ParseNack(block)) {
    std::size_t wanted = 0;
    nack->ForEach([&](std::uint16_t) { ++wanted; });
    LATCHKEY_CHECK(wanted >= nack->items.size() / 4 && wanted <= nack->items.size() / 4 * 17);
  }
  if (const auto pli = wire::ParsePli(block)) {
    Rewritten([&](ByteWriter& out) { wire::WritePli(pli->sender_ssrc, pli->media_ssrc, out); },
              [&](const wire::RtcpBlock& written) { LATCHKEY_CHECK(Same(written.body, block.body)); });
  }
  if (const auto fir = wire::ParseFir(block)) {
    for (std::size_t i = 0; i < fir->size(); ++i) (void)(*fir)[i];
  }
  if (const auto remb = wire::ParseRemb(block)) {
    Rewritten([&](ByteWriter& out) { wire::WriteRemb(remb->sender_ssrc, remb->bitrate_bps, {}, out); },
              [&](const wire::RtcpBlock& written) {
                LATCHKEY_CHECK(wire::ParseRemb(written)->bitrate_bps == remb->bitrate_bps);
              });
  }
}

std::vector<wire::TransportArrival> ArrivalsOf(const wire::TransportFeedback& feedback, Duration shift) {
  std::vector<wire::TransportArrival> arrivals;
  auto reader = feedback.statuses();
  std::size_t count = 0;
  for (; const auto status = reader.Next(); ++count) {
    if (status->arrival) arrivals.push_back({status->sequence, *status->arrival + shift});
  }
  LATCHKEY_CHECK(reader.ok() && count == feedback.status_count);
  return arrivals;
}

void CheckTransport(const wire::RtcpBlock& block) {
  const auto feedback = wire::ParseTransportFeedback(block);
  if (!feedback) return;
  // The writer's clock is never negative: one whole range of the 24-bit reference up, and room for deltas.
  const Duration shift = wire::kTransportReferenceTick * (std::int64_t{1} << 25U);
  const auto arrivals = ArrivalsOf(*feedback, shift);
  if (arrivals.empty()) return;
  Rewritten(
      [&](ByteWriter& out) {
        LATCHKEY_CHECK(wire::WriteTransportFeedback(1, 2, 3, arrivals, out) == arrivals.size());
      },
      [&](const wire::RtcpBlock& written) {
        const auto again = wire::ParseTransportFeedback(written);
        LATCHKEY_CHECK(again.has_value());
        const auto told = ArrivalsOf(*again, Duration::zero());
        LATCHKEY_CHECK(told.size() == arrivals.size());
        for (std::size_t i = 0; i < told.size(); ++i) {
          LATCHKEY_CHECK(told[i].sequence == arrivals[i].sequence);
          LATCHKEY_CHECK(told[i].arrival - told[0].arrival == arrivals[i].arrival - arrivals[0].arrival);
        }
      });
}

}  // namespace

void Fuzz(ByteView input) {
  (void)wire::RtcpSenderSsrc(input);
  const auto compound = wire::ParseRtcp(input);
  if (!compound) return;
  std::size_t covered = 0;
  for (const wire::RtcpBlock& block : *compound) {
    LATCHKEY_CHECK(block.whole.data() == input.data() + covered && block.body.size() <= block.whole.size());
    covered += block.whole.size();
    CheckReports(block);
    CheckSources(block);
    CheckFeedback(block);
    CheckTransport(block);
  }
  LATCHKEY_CHECK(covered == input.size());
}

}  // namespace latchkey::fuzz
