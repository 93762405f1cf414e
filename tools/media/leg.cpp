#include "tools/media/leg.h"

#include <algorithm>
#include <utility>

#include "platform/net/local_addresses.h"

namespace latchkey::media {
namespace {

// Most of our addresses told in an offer: an ICE-lite hub learns them from checks anyway.
constexpr std::size_t kMaxOffered = 8;

ImpairOptions Other(ImpairOptions options) {
  ++options.seed;
  return options;
}

bool IsOver(const RtcSession& session) {
  return session.state() == TransportState::kFailed || session.state() == TransportState::kClosed;
}

}  // namespace

Leg::Leg(platform::Loop& loop, std::unique_ptr<RtcSession> session, const ImpairOptions& impairments,
         bool loopback, Progress on_progress)
    : loop_(loop),
      session_(std::move(session)),
      impaired_(impairments.Any()),
      loopback_(loopback),
      outbound_(impairments),
      inbound_(Other(impairments)),
      on_progress_(std::move(on_progress)),
      timer_(loop, [this] { OnTimer(); }) {}

Result<std::unique_ptr<Leg>> Leg::Open(platform::Loop& loop, std::unique_ptr<RtcSession> session,
                                       const ImpairOptions& impairments, bool loopback,
                                       Progress on_progress) {
  std::unique_ptr<Leg> leg(new Leg(loop, std::move(session), impairments, loopback, std::move(on_progress)));
  platform::UdpOptions options;
  options.bind.ip = loopback ? IpAddress::V4({127, 0, 0, 1}) : IpAddress::V6({});
  auto socket = platform::UdpSocket::Bind(loop, options);
  if (!socket && !loopback) {
    // A machine without IPv6.
    options.bind.ip = IpAddress::V4({0, 0, 0, 0});
    socket = platform::UdpSocket::Bind(loop, options);
  }
  if (!socket) return tl::unexpected(socket.error());
  leg->socket_ = std::move(*socket);
  leg->socket_->StartReceiving(
      [raw = leg.get()](std::span<const ReceivedDatagram> datagrams) { raw->Receive(datagrams); });
  return leg;
}

std::vector<SocketAddress> Leg::Candidates() const {
  const std::uint16_t port = socket_->local().port;
  if (loopback_) return {{IpAddress::V4({127, 0, 0, 1}), port}};
  std::vector<SocketAddress> candidates;
  for (const IpAddress& ip : platform::LocalAddresses(false)) {
    if (candidates.size() < kMaxOffered) candidates.push_back({ip, port});
  }
  return candidates;
}

void Leg::Input(const SocketAddress& from, MutableByteView bytes) {
  session_->HandleDatagram(from, bytes, loop_.Now(), loop_.WallNow());
}

void Leg::Receive(std::span<const ReceivedDatagram> datagrams) {
  const Instant now = loop_.Now();
  for (const ReceivedDatagram& datagram : datagrams) {
    if (impaired_) {
      inbound_.Offer(now, datagram.from, datagram.bytes);
    } else {
      Input(datagram.from, datagram.bytes);
    }
  }
  OnTimer();
}

void Leg::OnTimer() {
  const Instant now = loop_.Now();
  while (auto released = inbound_.Poll(now)) Input(released->address, released->bytes);
  session_->HandleTimeout(now, loop_.WallNow());
  end_told_ = IsOver(*session_);
  on_progress_();
  Flush();
}

void Leg::Flush() {
  Transmit();
  Rearm();
}

void Leg::Transmit() {
  const Instant now = loop_.Now();
  batch_.Clear();
  session_->Drain(now, batch_);
  if (!impaired_) {
    if (!batch_.empty()) socket_->Send(batch_);
    return;
  }
  for (const Outgoing& entry : batch_.entries()) outbound_.Offer(now, entry.to, batch_.BytesOf(entry));
  batch_.Clear();
  while (auto released = outbound_.Poll(now)) {
    const auto room = batch_.Append(released->address, {}, released->bytes.size());
    std::copy(released->bytes.begin(), released->bytes.end(), room.begin());
  }
  if (!batch_.empty()) socket_->Send(batch_);
}

void Leg::Rearm() {
  // A session can end while it is drained: its owner hears of it in the loop's next round, whatever else is
  // sent until then.
  if (IsOver(*session_) && !end_told_) {
    timer_.StartAt(loop_.Now());
    return;
  }
  std::optional<Instant> next = session_->NextTimeout();
  for (const auto& when : {outbound_.NextTimeout(), inbound_.NextTimeout()}) {
    if (when && (!next || *when < *next)) next = when;
  }
  if (next) {
    timer_.StartAt(*next);
  } else {
    timer_.Stop();
  }
}

}  // namespace latchkey::media
