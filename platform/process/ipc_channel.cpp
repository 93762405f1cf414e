#include "platform/process/ipc_channel.h"

#include <sys/socket.h>

#include <cerrno>
#include <deque>
#include <optional>
#include <utility>

#include "daemon/base/check.h"
#include "daemon/base/secret.h"
#include "platform/loop/deferred.h"
#include "platform/loop/poller.h"

namespace latchkey::platform {
namespace {
// Room for two of the largest records in flight; the system may grant less, never less than one.
constexpr int kSocketBuffer = 256 * 1024;

bool IsFull(int error) {
  return error == EAGAIN || error == EWOULDBLOCK;
}
}  // namespace

const char* ChannelEndName(ChannelEnd end) {
  switch (end) {
    case ChannelEnd::kClosed: return "closed by the other side";
    case ChannelEnd::kOverflow: return "the other side doesn't read";
    case ChannelEnd::kTooLong: return "record too long";
    case ChannelEnd::kError: return "socket error";
  }
  return "";
}

struct IpcChannel::Impl {
  Impl(Loop& the_loop, UniqueFd the_socket, Handlers the_handlers)
      : loop(the_loop),
        socket(std::move(the_socket)),
        handlers(std::move(the_handlers)),
        buffer(new std::uint8_t[kChannelMaxRecord]),
        teller(std::in_place, the_loop, [this] { TellEnd(); }),
        poller(std::in_place, the_loop, socket.get(), [this](Poller::Events events) { OnReady(events); }) {
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &kSocketBuffer, sizeof(kSocketBuffer));
    UpdateWatch();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { WipeQueue(); }

  void OnReady(Poller::Events events);
  void ReadRecords();
  void Flush();
  void End(ChannelEnd how);
  void TellEnd();
  void Shut();
  // Sends or says why not: 0, EAGAIN or another errno.
  int TrySend(ByteView record) const;
  void WipeQueue();
  void UpdateWatch() {
    if (poller) poller->Watch({!closing, !queue.empty()});
  }

  Loop& loop;
  UniqueFd socket;
  Handlers handlers;
  std::unique_ptr<std::uint8_t[]> buffer;  // uninitialised: pages that no record reaches aren't resident
  std::deque<ByteVector> queue;
  std::size_t queued_bytes = 0;
  std::optional<ChannelEnd> ended;
  bool closing = false;   // CloseAfterSending(): writes what is queued, reads nothing
  bool released = false;  // the IpcChannel is gone: nothing is called any more
  std::optional<Deferred> teller;
  std::optional<Poller> poller;  // empty once the socket is closed
};

void IpcChannel::Impl::OnReady(Poller::Events events) {
  if (events.writable) Flush();
  if (events.readable && !closing) ReadRecords();
  UpdateWatch();
}

void IpcChannel::Impl::ReadRecords() {
  for (int i = 0; i < kChannelRecordsPerRound && poller && !closing; ++i) {
    // MSG_TRUNC: the true length, also of a record that doesn't fit.
    const ssize_t got = ::recv(socket.get(), buffer.get(), kChannelMaxRecord, MSG_DONTWAIT | MSG_TRUNC);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && IsFull(errno)) return;
    if (got == 0 || (got < 0 && errno == ECONNRESET)) return End(ChannelEnd::kClosed);
    if (got < 0) return End(ChannelEnd::kError);
    const auto size = static_cast<std::size_t>(got);
    if (size > kChannelMaxRecord) return End(ChannelEnd::kTooLong);
    const MutableByteView record(buffer.get(), size);
    if (handlers.on_record) handlers.on_record(record);
    Wipe(record);
  }
}

int IpcChannel::Impl::TrySend(ByteView record) const {
  ssize_t sent = -1;
  do {
    sent = ::send(socket.get(), record.data(), record.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? errno : 0;
}

void IpcChannel::Impl::Flush() {
  while (!queue.empty()) {
    const int error = TrySend(queue.front());
    if (IsFull(error)) return;
    if (error != 0)
      return End(error == EPIPE || error == ECONNRESET ? ChannelEnd::kClosed : ChannelEnd::kError);
    queued_bytes -= queue.front().size();
    Wipe(queue.front());
    queue.pop_front();
  }
  if (closing) Shut();
}

void IpcChannel::Impl::End(ChannelEnd how) {
  if (!poller) return;
  Shut();
  ended = how;
  teller->Schedule();
}

void IpcChannel::Impl::Shut() {
  poller.reset();
  socket.Close();
  WipeQueue();
}

void IpcChannel::Impl::TellEnd() {
  if (released || !handlers.on_end) return;
  handlers.on_end(*ended);
}

void IpcChannel::Impl::WipeQueue() {
  for (auto& record : queue) Wipe(record);
  queue.clear();
  queued_bytes = 0;
}

IpcChannel::IpcChannel(Loop& loop, UniqueFd socket, Handlers handlers)
    : impl_(std::make_unique<Impl>(loop, std::move(socket), std::move(handlers))) {}

IpcChannel::~IpcChannel() {
  // A callback of this channel may be on the stack: it ends with the round.
  impl_->released = true;
  impl_->Shut();
  impl_->teller->Cancel();
  Loop& loop = impl_->loop;
  loop.DeleteLater(std::move(impl_));
}

bool IpcChannel::Send(ByteVector record) {
  LATCHKEY_CHECK(!record.empty() && record.size() <= kChannelMaxRecord);
  Impl& impl = *impl_;
  const bool usable = impl.poller && !impl.closing;
  int error = usable ? EAGAIN : EPIPE;
  if (usable && impl.queue.empty()) error = impl.TrySend(record);
  if (error == 0 || !usable) {
    Wipe(record);
    return error == 0;
  }
  if (!IsFull(error)) {
    Wipe(record);
    impl.End(error == EPIPE || error == ECONNRESET ? ChannelEnd::kClosed : ChannelEnd::kError);
    return false;
  }
  if (impl.queue.size() == kChannelMaxQueuedRecords ||
      impl.queued_bytes + record.size() > kChannelMaxQueuedBytes) {
    Wipe(record);
    impl.End(ChannelEnd::kOverflow);
    return false;
  }
  impl.queued_bytes += record.size();
  impl.queue.push_back(std::move(record));
  impl.UpdateWatch();
  return true;
}

void IpcChannel::CloseAfterSending() {
  if (!impl_->poller) return;
  impl_->closing = true;
  if (impl_->queue.empty()) {
    impl_->Shut();
  } else {
    impl_->UpdateWatch();
  }
}

bool IpcChannel::open() const {
  return impl_->poller.has_value() && !impl_->closing;
}
std::size_t IpcChannel::queued_records() const {
  return impl_->queue.size();
}

}  // namespace latchkey::platform
