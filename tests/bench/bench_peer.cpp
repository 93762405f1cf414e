#include "tests/bench/bench_peer.h"

#include <cstdio>
#include <cstdlib>

namespace latchkey::bench {

BenchPeer::BenchPeer(platform::Loop& loop, std::unique_ptr<media::RtcSession> session, Handlers handlers)
    : loop_(loop),
      session_(std::move(session)),
      handlers_(std::move(handlers)),
      poller_(loop, socket_.fd(), [this](platform::Poller::Events) { OnReadable(); }),
      timer_(loop, [this] {
        session_->HandleTimeout(loop_.Now(), loop_.WallNow());
        AfterInput();
      }) {
  poller_.Watch({.readable = true, .writable = false});
}

void BenchPeer::Answer(std::string_view sdp) {
  if (const auto status = session_->HandleAnswer(sdp, loop_.Now()); !status) {
    std::fprintf(stderr, "bench: %s\n", status.error().message.c_str());
    std::exit(1);
  }
  AfterInput();
}

void BenchPeer::OnReadable() {
  socket_.Receive([this](const SocketAddress& from, MutableByteView bytes, Instant arrived) {
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
  if (session_->state() == media::TransportState::kFailed) {
    std::fprintf(stderr, "bench: the session failed: %s\n", session_->failure().c_str());
    std::exit(1);
  }
  while (auto frame = session_->PollFrame()) {
    if (handlers_.on_frame) handlers_.on_frame(*frame);
  }
  (void)Flush();
}

Instant BenchPeer::Flush() {
  const Instant now = loop_.Now();
  session_->Drain(now, batch_);
  Instant last = now;
  for (const Outgoing& entry : batch_.entries()) {
    last = loop_.Now();
    socket_.Send(entry.to, batch_.BytesOf(entry));
  }
  batch_.Clear();
  if (const auto next = session_->NextTimeout()) {
    timer_.StartAt(*next);
  } else {
    timer_.Stop();
  }
  return last;
}

void BenchPeer::Silence() {
  session_->Close();
  (void)Flush();
  timer_.Stop();
  poller_.Stop();
}

}  // namespace latchkey::bench
