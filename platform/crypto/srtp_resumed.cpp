#include "platform/crypto/srtp_resumed.h"

#include <arpa/inet.h>

#include <algorithm>
#include <utility>

#include "daemon/base/check.h"

namespace latchkey::platform {
namespace {

using ports::SourceFloor;
using ports::SrtpIndex;

std::uint64_t RollsOf(SrtpIndex index) {
  return index >> 16U;
}

SrtpIndex IndexOf(std::uint64_t rolls, std::uint16_t sequence) {
  return rolls << 16U | sequence;
}

// The least roll-over counter under which `sequence` is not below `floor`.
std::uint64_t LeastRolls(SrtpIndex floor, std::uint16_t sequence) {
  return RollsOf(floor) + (sequence < static_cast<std::uint16_t>(floor) ? 1 : 0);
}

}  // namespace

ResumedReceiver::ResumedReceiver(internal::SrtpSession session, const ports::SrtpKey& key,
                                 std::span<const SourceFloor> floors)
    : key_{key.profile, key.key_and_salt.Duplicate()},
      session_(std::move(session)),
      floors_(floors.begin(), floors.end()) {
  std::sort(floors_.begin(), floors_.end(),
            [](const SourceFloor& a, const SourceFloor& b) { return a.ssrc < b.ssrc; });
}

SrtpIndex ResumedReceiver::FloorOf(std::uint32_t ssrc) const {
  const auto at =
      std::lower_bound(floors_.begin(), floors_.end(), ssrc,
                       [](const SourceFloor& f, std::uint32_t wanted) { return f.ssrc < wanted; });
  return at != floors_.end() && at->ssrc == ssrc ? at->from : 0;
}

ports::SrtpReceiver::Opened ResumedReceiver::UnprotectRtp(MutableByteView packet) {
  const std::size_t header = internal::RtpHeaderSize(packet);
  if (header == 0 || header + internal::SrtpTagLength(key_.profile) > packet.size())
    return {0, DropReason::kRtpMalformed, 0};
  if (packet.size() > before_.size()) return {0, DropReason::kTooLong, 0};
  const std::uint32_t ssrc = internal::SsrcAt(packet, 8);
  const std::uint16_t sequence = ByteReader(ByteView(packet).subspan(2, 2)).U16();
  const auto known =
      std::find_if(sources_.begin(), sources_.end(), [ssrc](const Source& s) { return s.ssrc == ssrc; });
  return known != sources_.end() ? OpenKnown(*known, packet, sequence) : Join(packet, ssrc, sequence);
}

// The index as libsrtp estimates it too: the one nearest to the highest (RFC 3711 3.3.1).
ports::SrtpReceiver::Opened ResumedReceiver::OpenKnown(Source& source, MutableByteView packet,
                                                       std::uint16_t sequence) {
  const auto step = static_cast<std::int16_t>(
      static_cast<std::uint16_t>(sequence - static_cast<std::uint16_t>(source.highest)));
  const std::int64_t index = static_cast<std::int64_t>(source.highest) + step;
  if (index < static_cast<std::int64_t>(source.floor)) return {0, DropReason::kSrtpReplay, 0};
  int size = static_cast<int>(packet.size());
  const srtp_err_status_t status = srtp_unprotect(session_.get(), packet.data(), &size);
  if (status != srtp_err_status_ok) return {0, internal::SrtpReasonOf(status, DropReason::kRtpMalformed), 0};
  source.highest = std::max(source.highest, static_cast<SrtpIndex>(index));
  return {static_cast<std::size_t>(size), DropReason::kNone, static_cast<SrtpIndex>(index)};
}

ports::SrtpReceiver::Opened ResumedReceiver::Join(MutableByteView packet, std::uint32_t ssrc,
                                                  std::uint16_t sequence) {
  if (exhausted()) return {0, DropReason::kWrongSsrc, 0};
  const SrtpIndex floor = FloorOf(ssrc);
  const std::uint64_t least = LeastRolls(floor, sequence);
  const std::uint32_t turn = suspects_++;
  const bool costly = turn % kSrtpJoinEvery == 0;
  const auto join = [&](std::uint64_t rolls) -> std::optional<Opened> {
    const auto size = Try(packet, ssrc, rolls);
    if (!size) return std::nullopt;
    const SrtpIndex index = IndexOf(rolls, sequence);
    sources_.push_back({ssrc, floor, index});
    return Opened{*size, DropReason::kNone, index};
  };
  if (least == 0 || costly) {
    if (const auto opened = join(least)) return *opened;
  }
  if (costly && turn / kSrtpJoinEvery % 2 == 1) {
    further_ = further_ % kSrtpMaxJoin + 1;
    if (const auto opened = join(least + further_)) return *opened;
  } else if (costly && floor > 0) {
    // To tell a repetition from noise: it is not kept, whatever it is.
    if (Try(packet, ssrc, OldRolls(floor, sequence))) {
      Forget(ssrc);
      return {0, DropReason::kSrtpReplay, 0};
    }
  }
  return {0, DropReason::kSrtpAuthentication, 0};
}

// Just below the floor, or where a sender begins that was started anew.
std::uint64_t ResumedReceiver::OldRolls(SrtpIndex floor, std::uint16_t sequence) {
  const std::uint64_t least = LeastRolls(floor, sequence);
  const bool from_the_start = suspects_ / kSrtpJoinEvery % 4 == 0;
  return least == 0 || from_the_start ? 0 : least - 1;
}

std::optional<std::size_t> ResumedReceiver::Try(MutableByteView packet, std::uint32_t ssrc,
                                                std::uint64_t rolls) {
  if (rolls > 0xffffffffU) return std::nullopt;
  std::copy(packet.begin(), packet.end(), before_.begin());
  // Without a roll-over libsrtp tries by itself, and derives nothing before the packet has proved authentic.
  if (rolls > 0) {
    srtp_policy_t policy = internal::MakeSrtpPolicy(key_, false);
    policy.ssrc = {ssrc_specific, ssrc};
    if (srtp_add_stream(session_.get(), &policy) != srtp_err_status_ok) return std::nullopt;
    LATCHKEY_CHECK(srtp_set_stream_roc(session_.get(), ssrc, static_cast<std::uint32_t>(rolls)) ==
                   srtp_err_status_ok);
  }
  int size = static_cast<int>(packet.size());
  if (srtp_unprotect(session_.get(), packet.data(), &size) == srtp_err_status_ok)
    return static_cast<std::size_t>(size);
  if (rolls > 0) Forget(ssrc);
  std::copy_n(before_.begin(), packet.size(), packet.begin());
  return std::nullopt;
}

void ResumedReceiver::Forget(std::uint32_t ssrc) {
  // This call takes the SSRC as it is in a packet.
  LATCHKEY_CHECK(srtp_remove_stream(session_.get(), htonl(ssrc)) == srtp_err_status_ok);
}

}  // namespace latchkey::platform
