#include "tests/sim/holdup.h"

#include <algorithm>

#include "daemon/wire/demux.h"

namespace latchkey::sim {

Duration Holdup::Begin(Random& random, Instant now) {
  holding_ = true;
  kind_ = static_cast<Kind>(Below(random, static_cast<std::uint64_t>(Kind::kCount)));
  share_ = static_cast<Share>(Below(random, static_cast<std::uint64_t>(Share::kCount)));
  since_ = now;
  late_ = Seconds(Between(random, 1, 20));
  grows_ = Between(random, 0.01, 0.1);
  return Seconds(kind_ == Kind::kStop ? Between(random, 3, 30) : Between(random, 10, 120));
}

void Holdup::Release(Instant now) {
  holding_ = false;
  for (Held& held : held_) held.due = std::min(held.due, now);
}

bool Holdup::Holds(ByteView bytes) const {
  const wire::DatagramKind kind = wire::ClassifyDatagram(bytes);
  switch (share_) {
    case Share::kRtp: return kind == wire::DatagramKind::kRtp;
    case Share::kMedia: return kind == wire::DatagramKind::kRtp || kind == wire::DatagramKind::kRtcp;
    case Share::kAll:
    case Share::kCount: break;
  }
  return true;
}

bool Holdup::Take(Instant now, const SocketAddress& address, ByteView bytes) {
  if (!holding_ || !Holds(bytes)) return false;
  Instant due = Instant::max();
  if (kind_ == Kind::kLate) due = now + late_;
  if (kind_ == Kind::kGrowing) due = now + Seconds(ToSeconds(now - since_) * grows_);
  held_.push_back({due, {address, ByteVector(bytes.begin(), bytes.end())}});
  return true;
}

std::optional<media::Impairment::Released> Holdup::Poll(Instant now) {
  if (held_.empty() || held_.front().due > now) return std::nullopt;
  auto datagram = std::move(held_.front().datagram);
  held_.pop_front();
  return datagram;
}

Instant Holdup::NextDeadline() const {
  return held_.empty() ? Instant::max() : held_.front().due;
}

}  // namespace latchkey::sim
