#include "tests/bench/bench_peer.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace latchkey::bench {

BenchPeer::BenchPeer(platform::Loop& loop, std::unique_ptr<media::RtcSession> session, Handlers handlers,
                     std::size_t per_millisecond)
    : loop_(loop),
      session_(std::move(session)),
      handlers_(std::move(handlers)),
      poller_(loop, socket_.fd(), [this](platform::Poller::Events) { OnReadable(); }),
      timer_(loop,
             [this] {
               session_->HandleTimeout(loop_.Now(), loop_.WallNow());
               AfterInput();
             }),
      pace_(loop, [this] { (void)SendQueued(); }),
      per_millisecond_(per_millisecond) {
  poller_.Watch({.readable = true, .writable = false});
}

void BenchPeer::Answer(std::string_view sdp, std::string_view ours) {
  const auto status =
      ours.empty() ? session_->HandleAnswer(sdp, loop_.Now()) : session_->HandleOffer(ours, sdp, loop_.Now());
  if (!status) {
    std::fprintf(stderr, "bench: %s\n", status.error().message.c_str());
    std::exit(1);
  }
  AfterInput();
}

void BenchPeer::OnReadable() {
  socket_.Receive([this](const SocketAddress& from, MutableByteView bytes, Instant arrived) {
    if (!handlers_.on_datagram || handlers_.on_datagram(bytes, arrived))
      session_->HandleDatagram(from, bytes, arrived, loop_.WallNow());
  });
  AfterInput();
}

void BenchPeer::AfterInput() {
  if (!connected_ && session_->state() == media::TransportState::kConnected) {
    connected_ = true;
    connected_at_ = loop_.Now();
    if (handlers_.on_connected) handlers_.on_connected();
  }
  const media::TransportState state = session_->state();
  if (handlers_.on_ended &&
      (state == media::TransportState::kFailed || state == media::TransportState::kClosed)) {
    handlers_.on_ended();
  } else if (state == media::TransportState::kFailed) {
    std::fprintf(stderr, "bench: the session failed: %s\n", session_->failure().c_str());
    std::exit(1);
  }
  while (auto frame = session_->PollFrame()) {
    if (handlers_.on_frame) handlers_.on_frame(*frame);
  }
  (void)Flush();
}

Instant BenchPeer::Flush() {
  session_->Drain(loop_.Now(), batch_);
  return Go();
}

void BenchPeer::SendFrame(const media::MediaFrame& frame) {
  session_->SendFrame(frame, loop_.Now());
  session_->Drain(loop_.Now(), batch_);
  frame_end_ = batch_.entries().size();
  (void)Go();
}

Instant BenchPeer::Go() {
  // While the pace holds something back, its timer goes on with it.
  const Instant last = pace_.active() ? loop_.Now() : SendQueued();
  if (const auto next = session_->NextTimeout()) {
    timer_.StartAt(*next);
  } else {
    timer_.Stop();
  }
  return last;
}

Instant BenchPeer::SendQueued() {
  Instant last = loop_.Now();
  const std::size_t size = batch_.entries().size();
  const std::size_t until = per_millisecond_ == 0 ? size : std::min(size, sent_of_batch_ + per_millisecond_);
  while (sent_of_batch_ < until) {
    const Outgoing& entry = batch_.entries()[sent_of_batch_++];
    last = loop_.Now();
    socket_.Send(entry.to, batch_.BytesOf(entry));
    if (sent_of_batch_ != frame_end_) continue;
    frame_end_ = 0;
    if (handlers_.on_sent) handlers_.on_sent(last);
  }
  if (until < size) {
    pace_.StartAfter(milliseconds{1});
    return last;
  }
  batch_.Clear();
  sent_of_batch_ = 0;
  return last;
}

void BenchPeer::Silence() {
  session_->Close();
  (void)Flush();
  timer_.Stop();
  pace_.Stop();
  poller_.Stop();
}

}  // namespace latchkey::bench
