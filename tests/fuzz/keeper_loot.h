// What a child of the keeper that was taken over has seen, and messages made of that and of the fuzzer's
// bytes.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "daemon/base/bytes.h"
#include "daemon/ports/stream_key.h"
#include "daemon/wire/ipc_messages.h"

namespace latchkey::fuzz {

// What whoever has taken a child over may have seen, to say again: bounded, the newest are kept.
template <class T>
class Seen {
 public:
  static constexpr std::size_t kKept = 16;
  void Note(const T& what) {
    if (items_.size() < kKept) items_.emplace_back();
    items_[next_++ % kKept] = what;
  }
  // nullptr: nothing was seen.
  [[nodiscard]] const T* At(std::size_t index) const {
    return items_.empty() ? nullptr : &items_[index % items_.size()];
  }

 private:
  std::vector<T> items_;
  std::size_t next_ = 0;
};

struct Loot {
  Seen<wire::Ticket> tickets;
  Seen<std::pair<wire::Ticket, SessionId>> questions;  // that lanes were asked
  Seen<wire::Granted> granted;
  Seen<SessionId> sessions;
  Seen<GrantId> grants;
  Seen<wire::WrapBytes> wraps;
  Seen<std::array<std::uint8_t, 32>> keys;  // derived keys and tokens
  // Of the enrolled key: its sessions, and what a lane shows of it.
  Seen<std::pair<SessionId, ports::StreamKeyDigest>> enrolled;
};

// Fills a message by the input's bytes: known values where it says so, its own otherwise.
class Filler {
 public:
  Filler(ByteReader& input, const Loot& loot, const std::vector<CameraId>& cameras,
         const std::vector<std::array<std::uint8_t, 32>>& tokens)
      : input_(input), loot_(loot), cameras_(cameras), tokens_(tokens) {}
  template <class... Fields>
  void operator()(Fields&... fields) {
    (Fill(fields), ...);
  }
  template <class Message>
  void Fill(Message& message) requires requires(Message& m, Filler& f) {
    Message::Fields(m, f);
  }
  { Message::Fields(message, *this); }

 private:
  // An index, or nothing: the input has a value of its own.
  std::optional<std::size_t> Known() {
    const std::uint8_t byte = input_.U8();
    return byte < 0x20 ? std::nullopt : std::optional<std::size_t>(byte);
  }
  template <class T>
  bool Take(T& value, const T* known) {
    if (known != nullptr) value = *known;
    return known != nullptr;
  }
  template <class T>
  requires std::integral<T>
  void Fill(T& value) { value = static_cast<T>(input_.U64()); }
  void Fill(bool& value) { value = (input_.U8() & 1U) != 0; }
  template <class T>
  requires std::is_enum_v<T>
  void Fill(T& value) { value = static_cast<T>(input_.U8() % static_cast<std::uint8_t>(T::kCount)); }
  void Fill(wire::Ticket& ticket) {
    const auto known = Known();
    if (known && Take(ticket, loot_.tickets.At(*known))) return;
    Fill(ticket.request);
    Fill(ticket.principal);
  }
  void Fill(CameraId& id) { id = cameras_[input_.U8() % cameras_.size()]; }
  void Fill(SessionId& id) {
    const auto known = Known();
    if (!known || !Take(id, loot_.sessions.At(*known))) Raw(id);
  }
  void Fill(GrantId& id) {
    const auto known = Known();
    if (!known || !Take(id, loot_.grants.At(*known))) Raw(id);
  }
  template <class Tag>
  void Fill(Id<Tag>& id) {
    Raw(id);
  }
  template <class Tag>
  void Raw(Id<Tag>& id) {
    typename Id<Tag>::Bytes bytes{};
    for (std::size_t i = 0; i < 2; ++i) bytes[i] = input_.U8();  // two bytes are enough to differ
    id = Id<Tag>(bytes);
  }
  template <class Tag>
  void Fill(Counted<Tag>& n) {
    n.value = input_.U8();
  }
  void Fill(Duration& d) { d = Duration(static_cast<std::int64_t>(input_.U64())); }
  void Fill(WallTime& t) { t = WallTime(Duration(static_cast<std::int64_t>(input_.U64()))); }
  void Fill(wire::WrapBytes& wrap) {
    const auto known = Known();
    if (!known || !Take(wrap, loot_.wraps.At(*known))) Bytes(wrap);
  }
  void Fill(std::array<std::uint8_t, 32>& digest) { Bytes(digest); }
  template <class T, std::size_t N>
  void Fill(std::array<T, N>& items) {
    Fill(items[0]);  // counters: one is as good as all
  }
  void Fill(Secret32& secret) {
    const auto known = Known();
    std::array<std::uint8_t, 32> bytes{};
    if (!known) {
      Bytes(bytes);
    } else if (*known < 0x90) {
      bytes = tokens_[*known % tokens_.size()];
    } else {
      (void)Take(bytes, loot_.keys.At(*known));
    }
    std::copy(bytes.begin(), bytes.end(), secret.RevealForWriting().begin());
  }
  template <std::size_t Max>
  void Fill(wire::BoundedText<Max>& text) {
    text = wire::BoundedText<Max>(
        AsText(input_.Bytes(std::min<std::size_t>(input_.U8() % 16, input_.remaining()))));
  }
  template <class T, std::size_t Max>
  void Fill(wire::BoundedList<T, Max>& list) {
    for (std::size_t count = input_.U8() % 4; count > 0; --count) {
      T item{};
      Fill(item);
      (void)list.TryPush(std::move(item));
    }
  }
  template <std::size_t N>
  void Bytes(std::array<std::uint8_t, N>& bytes) {
    for (std::size_t i = 0; i < 2; ++i) bytes[i] = input_.U8();
  }

  ByteReader& input_;
  const Loot& loot_;
  const std::vector<CameraId>& cameras_;
  const std::vector<std::array<std::uint8_t, 32>>& tokens_;
};

}  // namespace latchkey::fuzz
