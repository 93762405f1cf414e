// Datagrams as values between the core, which decides what is sent, and platform/net, which sends it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/base/address.h"
#include "daemon/base/bytes.h"
#include "daemon/base/check.h"

namespace latchkey {

// Largest datagram taken or sent, in bytes; a longer one arrives cut and is dropped as kTooLong. Media
// and DTLS stay at 1200 (RFC 8831 5 in spirit); the rest is room for a peer with a larger idea.
constexpr std::size_t kMaxDatagram = 2048;

// One datagram that arrived. `bytes` belongs to the receiver's buffers, lives until the callback returns
// and may be written to (SRTP is opened in place).
struct ReceivedDatagram {
  SocketAddress from;
  SocketAddress to;  // the local address that it reached
  MutableByteView bytes;
};

// One datagram to send: a place in its batch's arena.
struct Outgoing {
  SocketAddress to;
  SocketAddress from;  // the local address to leave by; port 0: the system's choice
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
};

// Datagrams to send, in order, over one arena. Neighbours of equal size to one destination leave in a
// single system call, so a frame's packets to one viewer are appended together. Not bounded by itself:
// the core hands it over after every input, and bytes() lets a large fan-out hand it over earlier.
class DatagramBatch {
 public:
  // Clear() gives back an arena larger than this, so that one burst doesn't stay in resident memory.
  static constexpr std::size_t kKeptBytes = 512 * 1024;

  // Room for `size` bytes (1..kMaxDatagram), zeroed. The view is valid until the next call.
  MutableByteView Append(const SocketAddress& to, const SocketAddress& from, std::size_t size) {
    LATCHKEY_CHECK(size > 0 && size <= kMaxDatagram);
    const std::size_t offset = arena_.size();
    arena_.resize(offset + size);
    entries_.push_back({to, from, static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(size)});
    return MutableByteView(arena_).subspan(offset, size);
  }
  // Shortens the datagram appended last, for a size known only after protecting it (0..its size). 0 is one
  // that could not be protected (ports/srtp.h): it is dropped.
  void TrimLast(std::size_t size) {
    LATCHKEY_CHECK(!entries_.empty() && size <= entries_.back().size);
    if (size == 0) return DropLast();
    entries_.back().size = static_cast<std::uint32_t>(size);
    arena_.resize(entries_.back().offset + size);
  }
  void DropLast() {
    LATCHKEY_CHECK(!entries_.empty());
    arena_.resize(entries_.back().offset);
    entries_.pop_back();
  }
  // Forgets all datagrams; the arena's capacity stays, up to kKeptBytes.
  void Clear() {
    entries_.clear();
    arena_.clear();
    if (arena_.capacity() > kKeptBytes) arena_.shrink_to_fit();
  }

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  // Bytes of all datagrams together.
  [[nodiscard]] std::size_t bytes() const { return arena_.size(); }
  [[nodiscard]] const std::vector<Outgoing>& entries() const { return entries_; }
  [[nodiscard]] ByteView BytesOf(const Outgoing& entry) const {
    LATCHKEY_CHECK(std::size_t{entry.offset} + entry.size <= arena_.size());
    return ByteView(arena_).subspan(entry.offset, entry.size);
  }

 private:
  ByteVector arena_;
  std::vector<Outgoing> entries_;
};

}  // namespace latchkey
