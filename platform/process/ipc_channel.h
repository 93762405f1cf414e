// Records over a SOCK_SEQPACKET socket on a Loop: between keeper and children, and on the control socket.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "daemon/base/bytes.h"
#include "platform/loop/loop.h"
#include "platform/loop/unique_fd.h"

namespace latchkey::platform {

// Largest record either way; the same value as wire::kIpcMaxMessage. A longer one from the peer fails
// the channel.
constexpr std::size_t kChannelMaxRecord = 96 * 1024;
// What waits for a peer that doesn't read. One record more fails the channel: a child that hangs must
// not grow its parent.
constexpr std::size_t kChannelMaxQueuedRecords = 1024;
constexpr std::size_t kChannelMaxQueuedBytes = 8 * 1024 * 1024;
// Records taken per wake-up, so that one busy channel can't starve the others.
constexpr int kChannelRecordsPerRound = 64;

enum class ChannelEnd : unsigned char {
  kClosed,    // the peer closed its end or died
  kOverflow,  // our queue to it was full
  kTooLong,   // it sent a record over kChannelMaxRecord
  kError      // the socket failed
};
const char* ChannelEndName(ChannelEnd end);

class IpcChannel {
 public:
  struct Handlers {
    // One record; the bytes end with the call and are wiped then. May destroy the channel.
    std::function<void(ByteView record)> on_record;
    // Once, from the loop, never from within Send() or Close(); nothing is called after it. May destroy
    // the channel.
    std::function<void(ChannelEnd)> on_end;
  };

  // Takes a connected SOCK_SEQPACKET socket.
  IpcChannel(Loop& loop, UniqueFd socket, Handlers handlers);
  IpcChannel(const IpcChannel&) = delete;
  IpcChannel& operator=(const IpcChannel&) = delete;
  // Closes; what is still queued is lost. Nothing is called any more.
  ~IpcChannel();

  // Sends one record (1..kChannelMaxRecord bytes) or queues it; wiped once sent. False when the channel
  // has ended or ends with this (on_end follows).
  bool Send(ByteVector record);
  // Closes once the queue has gone out, or at once when it is empty; on_end isn't called.
  void CloseAfterSending();

  [[nodiscard]] bool open() const;
  [[nodiscard]] std::size_t queued_records() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey::platform
