// Framing and field codec of the messages between keeper, front and lanes. See daemon/PROTOCOL.md.
//
//   0        1        2                4                      8
//   +--------+--------+----------------+----------------------+----------------
//   | version|  kind  | reserved (0)   | body length          | body: the fields in order
//   +--------+--------+----------------+----------------------+----------------
//
// One message is one SOCK_SEQPACKET record. Every field has a bound in its type; a message that is
// short, long, over a bound, of another version or of a kind that the receiver does not take is
// refused whole, and the process that sent it is ended.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/base/bytes.h"
#include "daemon/base/ids.h"
#include "daemon/base/secret.h"
#include "daemon/base/time.h"

namespace latchkey::wire {

constexpr std::uint8_t kIpcVersion = 1;
constexpr std::size_t kIpcHeaderSize = 8;
// Largest record: an offer of 64 KiB and what surrounds it.
constexpr std::size_t kIpcMaxMessage = 96 * 1024;

// Text of at most Max bytes, wiped at its end: an offer may hold a key (RFC 4568). Construction truncates:
// only our own words are ever longer than a bound, and a stranger's text is checked before it comes here.
template <std::size_t Max>
class BoundedText {
 public:
  static constexpr std::size_t kMax = Max;
  BoundedText() = default;
  BoundedText(const BoundedText&) = default;
  BoundedText& operator=(const BoundedText&) = default;
  BoundedText(BoundedText&&) noexcept = default;
  BoundedText& operator=(BoundedText&&) noexcept = default;
  ~BoundedText() { WipeText(text_); }
  // NOLINTNEXTLINE(google-explicit-constructor): a bounded text is made of a text.
  BoundedText(std::string_view text) : text_(text.substr(0, Max)) {}
  BoundedText(const char* text) : BoundedText(std::string_view(text)) {}
  BoundedText(const std::string& text) : BoundedText(std::string_view(text)) {}
  [[nodiscard]] const std::string& str() const { return text_; }
  friend bool operator==(const BoundedText&, const BoundedText&) = default;

 private:
  std::string text_;
};

// A list of at most Max items; pushing past the bound is refused.
template <class T, std::size_t Max>
class BoundedList {
 public:
  static constexpr std::size_t kMax = Max;
  [[nodiscard]] bool TryPush(T item) {
    if (items_.size() >= Max) return false;
    items_.push_back(std::move(item));
    return true;
  }
  [[nodiscard]] const std::vector<T>& items() const { return items_; }

 private:
  std::vector<T> items_;
};

// An SDP offer or answer, opaque to everyone but the lane.
constexpr std::size_t kMaxSdp = 64 * 1024;
using SdpText = BoundedText<kMaxSdp>;
using ShortText = BoundedText<128>;
using LongText = BoundedText<512>;
// A private key in PEM.
constexpr std::size_t kMaxSecretText = 16 * 1024;

// Appends fields in network byte order; without a vector it only counts their bytes.
class FieldWriter {
 public:
  FieldWriter() = default;
  explicit FieldWriter(ByteVector& out) : out_(&out) {}
  // Bytes written or counted.
  [[nodiscard]] std::size_t size() const { return size_; }

  template <class... Fields>
  void operator()(const Fields&... fields) {
    (Write(fields), ...);
  }

 private:
  template <class T>
  requires std::integral<T>
  void Write(T value) {
    const auto bits = static_cast<std::uint64_t>(value);
    std::array<std::uint8_t, sizeof(T)> bytes{};
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bytes[i] = static_cast<std::uint8_t>((bits >> (8U * (sizeof(T) - 1 - i))) & 0xffU);
    }
    Append(bytes);
  }
  template <class T>
  requires std::is_enum_v<T>
  void Write(T value) { Write(static_cast<std::underlying_type_t<T>>(value)); }
  template <class Tag>
  void Write(const Id<Tag>& id) {
    Append(id.bytes());
  }
  template <class Tag>
  void Write(const Counted<Tag>& n) {
    Write(n.value);
  }
  void Write(const Duration& d) { Write(static_cast<std::int64_t>(d.count())); }
  void Write(const WallTime& t) { Write(t.time_since_epoch()); }
  template <std::size_t N>
  void Write(const std::array<std::uint8_t, N>& bytes) {
    Append(bytes);
  }
  template <std::size_t N>
  void Write(const Secret<N>& secret) {
    Append(secret.Reveal());
  }
  void Write(const SecretText& secret) {
    LATCHKEY_CHECK(secret.Reveal().size() <= kMaxSecretText);
    Write(static_cast<std::uint32_t>(secret.Reveal().size()));
    Append(AsBytes(secret.Reveal()));
  }
  template <std::size_t Max>
  void Write(const BoundedText<Max>& text) {
    Write(static_cast<std::uint32_t>(text.str().size()));
    Append(AsBytes(text.str()));
  }
  template <class T, std::size_t N>
  requires(!std::same_as<T, std::uint8_t>) void Write(const std::array<T, N>& items) {
    for (const T& item : items) Write(item);
  }
  template <class T, std::size_t Max>
  void Write(const BoundedList<T, Max>& list) {
    Write(static_cast<std::uint32_t>(list.items().size()));
    for (const T& item : list.items()) Write(item);
  }
  template <class T>
  requires requires(const T& t, FieldWriter& w) { T::Fields(t, w); }
  void Write(const T& nested) { T::Fields(nested, *this); }
  void Append(ByteView bytes) {
    size_ += bytes.size();
    if (out_ != nullptr) out_->insert(out_->end(), bytes.begin(), bytes.end());
  }

  ByteVector* out_ = nullptr;
  std::size_t size_ = 0;
};

// Reads the same fields back; ok() is false after anything short, over a bound or out of an enum.
// Enums need a `kCount` enumerator one past their last value.
class FieldReader {
 public:
  explicit FieldReader(ByteView body) : reader_(body) {}
  [[nodiscard]] bool ok() const { return ok_ && reader_.ok(); }
  [[nodiscard]] bool AtEnd() const { return ok_ && reader_.AtEnd(); }

  template <class... Fields>
  void operator()(Fields&... fields) {
    (Read(fields), ...);
  }

 private:
  template <class T>
  requires std::integral<T>
  void Read(T& value) {
    if constexpr (std::same_as<T, bool>) {
      const std::uint8_t byte = reader_.U8();
      if (byte > 1) ok_ = false;
      value = byte == 1;
    } else if constexpr (sizeof(T) == 1) {
      value = static_cast<T>(reader_.U8());
    } else if constexpr (sizeof(T) == 2) {
      value = static_cast<T>(reader_.U16());
    } else if constexpr (sizeof(T) == 4) {
      value = static_cast<T>(reader_.U32());
    } else {
      value = static_cast<T>(reader_.U64());
    }
  }
  template <class T>
  requires std::is_enum_v<T>
  void Read(T& value) {
    std::underlying_type_t<T> bits{};
    Read(bits);
    if (bits >= static_cast<std::underlying_type_t<T>>(T::kCount)) ok_ = false;
    value = ok() ? static_cast<T>(bits) : T{};
  }
  template <class Tag>
  void Read(Id<Tag>& id) {
    typename Id<Tag>::Bytes bytes{};
    Read(bytes);
    id = Id<Tag>(bytes);
  }
  template <class Tag>
  void Read(Counted<Tag>& n) {
    n.value = reader_.U64();
  }
  void Read(Duration& d) { d = Duration(static_cast<std::int64_t>(reader_.U64())); }
  void Read(WallTime& t) {
    Duration d{};
    Read(d);
    t = WallTime(d);
  }
  template <std::size_t N>
  void Read(std::array<std::uint8_t, N>& bytes) {
    Copy(bytes);
  }
  template <std::size_t N>
  void Read(Secret<N>& secret) {
    Copy(secret.RevealForWriting());
  }
  void Read(SecretText& secret) {
    const std::uint32_t size = reader_.U32();
    if (size > kMaxSecretText) {
      ok_ = false;
      return;
    }
    secret = SecretText(AsText(reader_.Bytes(size)));
  }
  template <std::size_t Max>
  void Read(BoundedText<Max>& text) {
    const std::uint32_t size = reader_.U32();
    if (size > Max) {
      ok_ = false;
      return;
    }
    text = BoundedText<Max>(AsText(reader_.Bytes(size)));
  }
  template <class T, std::size_t N>
  requires(!std::same_as<T, std::uint8_t>) void Read(std::array<T, N>& items) {
    for (T& item : items) Read(item);
  }
  template <class T, std::size_t Max>
  void Read(BoundedList<T, Max>& list) {
    const std::uint32_t count = reader_.U32();
    if (count > Max) {
      ok_ = false;
      return;
    }
    for (std::uint32_t i = 0; i < count && ok(); ++i) {
      T item{};
      Read(item);
      if (!list.TryPush(std::move(item))) ok_ = false;
    }
  }
  template <class T>
  requires requires(T& t, FieldReader& r) { T::Fields(t, r); }
  void Read(T& nested) { T::Fields(nested, *this); }
  void Copy(std::span<std::uint8_t> out) {
    const ByteView bytes = reader_.Bytes(out.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) out[i] = bytes[i];
  }

  ByteReader reader_;
  bool ok_ = true;
};

struct IpcFrame {
  std::uint8_t kind = 0;
  ByteView body;
};
// Checks version, reserved bits and length. Nothing else is looked at.
std::optional<IpcFrame> ParseIpcFrame(ByteView record);

// One record with `message` in it. Message has kKind and Fields (ipc_messages.h).
template <class Message>
ByteVector EncodeIpc(const Message& message) {
  FieldWriter counter;
  Message::Fields(message, counter);
  const std::size_t body = counter.size();
  LATCHKEY_CHECK(kIpcHeaderSize + body <= kIpcMaxMessage);
  ByteVector out;
  // One block for all of it: a vector that grows leaves tokens and keys behind in freed memory.
  out.reserve(kIpcHeaderSize + body);
  out.resize(kIpcHeaderSize);
  FieldWriter writer(out);
  Message::Fields(message, writer);
  ByteWriter header(MutableByteView(out).first(kIpcHeaderSize));
  header.U8(kIpcVersion);
  header.U8(static_cast<std::uint8_t>(Message::kKind));
  header.U16(0);
  header.U32(static_cast<std::uint32_t>(body));
  return out;
}

// The fields of one message, or nothing when the body is not exactly that message.
template <class Message>
std::optional<Message> DecodeIpcBody(ByteView body) {
  Message message;
  FieldReader reader(body);
  Message::Fields(message, reader);
  if (!reader.AtEnd()) return std::nullopt;
  return message;
}

// One direction of one channel: the closed set of messages that may arrive on it, as a variant.
//   using Message = std::variant<A, B, C>;  Decode<Message>(record)
template <class Variant>
struct IpcDecoder;

template <class... Messages>
struct IpcDecoder<std::variant<Messages...>> {
  using Variant = std::variant<Messages...>;
  static std::optional<Variant> Decode(ByteView record) {
    const auto frame = ParseIpcFrame(record);
    if (!frame) return std::nullopt;
    std::optional<Variant> result;
    (void)((frame->kind == static_cast<std::uint8_t>(Messages::kKind) &&
            (Try<Messages>(frame->body, result), true)) ||
           ...);
    return result;
  }

 private:
  template <class Message>
  static void Try(ByteView body, std::optional<Variant>& result) {
    if (auto message = DecodeIpcBody<Message>(body)) result.emplace(std::move(*message));
  }
};

template <class Variant>
std::optional<Variant> DecodeIpc(ByteView record) {
  return IpcDecoder<Variant>::Decode(record);
}
template <class Variant>
ByteVector EncodeIpcVariant(const Variant& message) {
  return std::visit([](const auto& m) { return EncodeIpc(m); }, message);
}

}  // namespace latchkey::wire
