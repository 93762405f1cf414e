#include "platform/crypto/srtp_resumed.h"

#include <arpa/inet.h>

#include <algorithm>
#include <limits>
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

ResumedReceiver::ResumedReceiver(internal::SrtpSession session, internal::SrtpSession trials,
                                 const ports::SrtpKey& key, std::span<const SourceFloor> floors)
    : key_{key.profile, key.key_and_salt.Duplicate()},
      session_(std::move(session)),
      trials_(std::move(trials)),
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
  const Suspect suspect{packet, internal::SsrcAt(packet, 8),
                        ByteReader(ByteView(packet).subspan(2, 2)).U16()};
  const auto known =
      std::find_if(sources_.begin(), sources_.end(), [&](const Source& s) { return s.ssrc == suspect.ssrc; });
  return known != sources_.end() ? OpenKnown(*known, suspect) : Join(suspect);
}

// The index as libsrtp estimates it too: the one nearest to the highest (RFC 3711 3.3.1). Of the number that
// is as far from it either way nothing is said there, and libsrtp takes the one or the other: it is looked
// for like those that can't be meant.
ports::SrtpReceiver::Opened ResumedReceiver::OpenKnown(Source& source, const Suspect& suspect) {
  constexpr auto kHalf = std::numeric_limits<std::int16_t>::min();
  const auto step = static_cast<std::int16_t>(
      static_cast<std::uint16_t>(suspect.sequence - static_cast<std::uint16_t>(source.highest)));
  const std::int64_t index = static_cast<std::int64_t>(source.highest) + step;
  if (step == kHalf || index < static_cast<std::int64_t>(source.floor)) return Rejoin(source, suspect);
  std::copy(suspect.packet.begin(), suspect.packet.end(), before_.begin());
  int size = static_cast<int>(suspect.packet.size());
  const srtp_err_status_t status = srtp_unprotect(session_.get(), suspect.packet.data(), &size);
  if (status == srtp_err_status_ok) {
    source.highest = std::max(source.highest, static_cast<SrtpIndex>(index));
    return {static_cast<std::size_t>(size), DropReason::kNone, static_cast<SrtpIndex>(index)};
  }
  const DropReason reason = internal::SrtpReasonOf(status, DropReason::kRtpMalformed);
  if (reason != DropReason::kSrtpAuthentication && reason != DropReason::kSrtpReplay) return {0, reason, 0};
  // What looks like a repetition may be a whole range further on: libsrtp tells before it authenticates.
  std::copy_n(before_.begin(), suspect.packet.size(), suspect.packet.begin());
  const Opened found = Rejoin(source, suspect);
  return found.reason == DropReason::kNone ? found : Opened{0, reason, 0};
}

ports::SrtpReceiver::Opened ResumedReceiver::Join(const Suspect& suspect) {
  if (exhausted()) return {0, DropReason::kWrongSsrc, 0};
  const SrtpIndex floor = FloorOf(suspect.ssrc);
  const Opened opened = Search(session_.get(), suspect, floor, LeastRolls(floor, suspect.sequence) == 0);
  if (opened.reason == DropReason::kNone) sources_.push_back({suspect.ssrc, floor, opened.index});
  return opened;
}

ports::SrtpReceiver::Opened ResumedReceiver::Rejoin(Source& source, const Suspect& suspect) {
  const SrtpIndex floor = source.highest + 1;
  const Opened found = Search(trials_.get(), suspect, floor, false);
  if (found.reason != DropReason::kNone) return found;
  Forget(trials_.get(), source.ssrc);
  Forget(session_.get(), source.ssrc);
  std::copy_n(before_.begin(), suspect.packet.size(), suspect.packet.begin());
  const auto size = Try(session_.get(), suspect, RollsOf(found.index));
  LATCHKEY_CHECK(size == found.size);
  source.floor = floor;
  source.highest = found.index;
  return found;
}

ports::SrtpReceiver::Opened ResumedReceiver::Search(srtp_t session, const Suspect& suspect, SrtpIndex floor,
                                                    bool least_is_cheap) {
  const std::uint64_t least = LeastRolls(floor, suspect.sequence);
  const std::uint32_t turn = suspects_++;
  const bool costly = turn % kSrtpJoinEvery == 0;
  const auto open = [&](std::uint64_t rolls) -> std::optional<Opened> {
    const auto size = Try(session, suspect, rolls);
    if (!size) return std::nullopt;
    return Opened{*size, DropReason::kNone, IndexOf(rolls, suspect.sequence)};
  };
  if (least_is_cheap || costly) {
    if (const auto opened = open(least)) return *opened;
  }
  if (costly && turn / kSrtpJoinEvery % 2 == 1) {
    further_ = further_ % kSrtpMaxJoin + 1;
    if (const auto opened = open(least + further_)) return *opened;
  } else if (costly && floor > 0) {
    // To tell a recording from noise: it is not kept, whatever it is.
    if (Try(session, suspect, OldRolls(floor, suspect.sequence))) {
      Forget(session, suspect.ssrc);
      return {0, DropReason::kSrtpRecorded, 0};
    }
  }
  return {0, DropReason::kSrtpAuthentication, 0};
}

// Just below the floor, or where a sender begins that was started anew.
std::uint64_t ResumedReceiver::OldRolls(SrtpIndex floor, std::uint16_t sequence) const {
  const std::uint64_t least = LeastRolls(floor, sequence);
  const bool from_the_start = suspects_ / kSrtpJoinEvery % 4 == 0;
  return least == 0 || from_the_start ? 0 : least - 1;
}

std::optional<std::size_t> ResumedReceiver::Try(srtp_t session, const Suspect& suspect, std::uint64_t rolls) {
  if (rolls > 0xffffffffU) return std::nullopt;
  const MutableByteView packet = suspect.packet;
  std::copy(packet.begin(), packet.end(), before_.begin());
  // Without a roll-over libsrtp tries by itself, and derives nothing before the packet has proved authentic.
  if (rolls > 0) {
    srtp_policy_t policy = internal::MakeSrtpPolicy(key_, false);
    policy.ssrc = {ssrc_specific, suspect.ssrc};
    if (srtp_add_stream(session, &policy) != srtp_err_status_ok) return std::nullopt;
    LATCHKEY_CHECK(srtp_set_stream_roc(session, suspect.ssrc, static_cast<std::uint32_t>(rolls)) ==
                   srtp_err_status_ok);
  }
  int size = static_cast<int>(packet.size());
  if (srtp_unprotect(session, packet.data(), &size) == srtp_err_status_ok)
    return static_cast<std::size_t>(size);
  if (rolls > 0) Forget(session, suspect.ssrc);
  std::copy_n(before_.begin(), packet.size(), packet.begin());
  return std::nullopt;
}

void ResumedReceiver::Forget(srtp_t session, std::uint32_t ssrc) {
  // This call takes the SSRC as it is in a packet.
  LATCHKEY_CHECK(srtp_remove_stream(session, htonl(ssrc)) == srtp_err_status_ok);
}

}  // namespace latchkey::platform
