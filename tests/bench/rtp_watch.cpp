#include "tests/bench/rtp_watch.h"

namespace latchkey::bench {
namespace {

//   RFC 3550 5.1:  V P X CC | M PT | sequence 16 | timestamp 32 | SSRC 32
constexpr std::size_t kHeader = 12;
constexpr std::size_t kSsrcAt = 8;

}  // namespace

bool RtpWatch::IsRepeat(std::uint32_t ssrc, std::uint16_t sequence) {
  auto it = streams_.find(ssrc);
  if (it == streams_.end()) {
    if (streams_.size() == kMaxStreams) return false;
    it = streams_.emplace(ssrc, Stream{}).first;
  }
  Stream& stream = it->second;
  const auto before = stream.unwrapper.highest();
  const std::int64_t number = stream.unwrapper.Unwrap(sequence);
  // What lies half the range ahead is of the round before: it makes room.
  for (std::int64_t s = before.value_or(number) + 1; s <= number; ++s) {
    stream.seen.reset(static_cast<std::uint16_t>(s + kHalfRange));
  }
  if (stream.seen.test(sequence)) return true;
  stream.seen.set(sequence);
  return false;
}

std::optional<RtpSighting> RtpWatch::Note(ByteView datagram) {
  const auto kind = wire::ClassifyDatagram(datagram);
  ++by_kind_[static_cast<std::size_t>(kind)];
  if (kind != wire::DatagramKind::kRtp || datagram.size() < kHeader) return std::nullopt;
  ByteReader reader(datagram);
  (void)reader.U8();
  RtpSighting sighting;
  sighting.payload_type = reader.U8() & 0x7fU;
  const std::uint16_t sequence = reader.U16();
  sighting.repeat = IsRepeat(ByteReader(datagram.subspan(kSsrcAt)).U32(), sequence);
  ++packets_;
  ++by_type_[sighting.payload_type];
  if (sighting.repeat) ++repeats_;
  return sighting;
}

}  // namespace latchkey::bench
