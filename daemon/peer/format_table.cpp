#include "daemon/peer/format_table.h"

#include <bitset>
#include <string>
#include <utility>

#include "daemon/base/ascii.h"

namespace latchkey::peer {
namespace {

// With rtcp-mux these payload types look like RTCP (RFC 5761 4).
constexpr bool CollidesWithRtcp(std::uint8_t payload_type) {
  return payload_type >= 64 && payload_type <= 95;
}

void Merge(const wire::SdpRtcpFeedback& one, Feedback& feedback) {
  if (one.type == "nack" && one.parameter.empty()) feedback.nack = true;
  if (one.type == "nack" && one.parameter == "pli") feedback.pli = true;
  if (one.type == "ccm" && one.parameter == "fir") feedback.fir = true;
  if (one.type == "goog-remb") feedback.remb = true;
}

}  // namespace

FormatTable::FormatTable(const wire::SdpMedia& media) {
  for (const std::string_view value : media.attributes.Values("rtpmap")) {
    auto map = wire::ParseRtpMap(value);
    if (map && !entries_[map->payload_type].map) entries_[map->payload_type].map = std::move(map);
  }
  for (const std::string_view value : media.attributes.Values("fmtp")) {
    auto fmtp = wire::ParseFmtp(value);
    if (fmtp && !entries_[fmtp->payload_type].fmtp) entries_[fmtp->payload_type].fmtp = std::move(fmtp);
  }
  if (!entries_[0].map) entries_[0].map = wire::SdpRtpMap{0, "PCMU", 8000, 1};
  if (!entries_[8].map) entries_[8].map = wire::SdpRtpMap{8, "PCMA", 8000, 1};
  for (const std::string_view value : media.attributes.Values("rtcp-fb")) NoteFeedback(value);
  std::bitset<kTypes> seen;
  for (const std::string& text : media.formats) {
    const auto payload_type = wire::ParsePayloadType(text);
    if (!payload_type || CollidesWithRtcp(*payload_type) || seen[*payload_type]) continue;
    seen.set(*payload_type);
    payload_types_.push_back(*payload_type);
    NoteRtx(*payload_type);
  }
}

void FormatTable::NoteFeedback(std::string_view value) {
  const auto one = wire::ParseRtcpFeedback(value);
  if (one) Merge(*one, one->payload_type ? entries_[*one->payload_type].feedback : of_all_);
}

// The first rtx of a type counts.
void FormatTable::NoteRtx(std::uint8_t payload_type) {
  const Entry& entry = entries_[payload_type];
  if (!entry.map || !EqualWithoutCase(entry.map->encoding, "rtx") || !entry.fmtp) return;
  const auto text = entry.fmtp->Find("apt");
  const auto apt = text ? wire::ParsePayloadType(*text) : std::nullopt;
  if (apt && *apt != payload_type && !entries_[*apt].rtx) entries_[*apt].rtx = payload_type;
}

const wire::SdpRtpMap* FormatTable::Map(std::uint8_t payload_type) const {
  const Entry& entry = entries_[payload_type];
  return entry.map ? &*entry.map : nullptr;
}

const wire::SdpFmtp* FormatTable::Fmtp(std::uint8_t payload_type) const {
  const Entry& entry = entries_[payload_type];
  return entry.fmtp ? &*entry.fmtp : nullptr;
}

Feedback FormatTable::FeedbackOf(std::uint8_t payload_type) const {
  Feedback feedback = entries_[payload_type].feedback;
  feedback.nack |= of_all_.nack;
  feedback.pli |= of_all_.pli;
  feedback.fir |= of_all_.fir;
  feedback.remb |= of_all_.remb;
  return feedback;
}

std::optional<std::uint8_t> FormatTable::RtxOf(std::uint8_t payload_type) const {
  return entries_[payload_type].rtx;
}

}  // namespace latchkey::peer
