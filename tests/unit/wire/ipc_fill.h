// Fills every field of a message, for tests: the third visitor beside FieldWriter and FieldReader.
#pragma once

#include <array>
#include <concepts>
#include <string>
#include <type_traits>

#include "daemon/wire/ipc_messages.h"
#include "tests/support/bytes.h"

namespace latchkey::wire {

class Filler {
 public:
  enum class Size { kSmall, kLargest };
  Filler(test::Dice& dice, Size size) : dice_(dice), size_(size) {}

  template <class... Fields>
  void operator()(Fields&... fields) {
    (Fill(fields), ...);
  }

 private:
  template <class T>
  requires std::integral<T>
  void Fill(T& value) { value = static_cast<T>(dice_.U64()); }
  void Fill(bool& value) { value = dice_.Coin(); }
  template <class T>
  requires std::is_enum_v<T>
  void Fill(T& value) { value = static_cast<T>(dice_.Below(static_cast<std::size_t>(T::kCount))); }
  template <class Tag>
  void Fill(Id<Tag>& id) {
    typename Id<Tag>::Bytes bytes{};
    Fill(bytes);
    id = Id<Tag>(bytes);
  }
  template <class Tag>
  void Fill(Counted<Tag>& n) {
    n.value = dice_.U64();
  }
  void Fill(Duration& d) { d = Duration{static_cast<std::int64_t>(dice_.U64())}; }
  void Fill(WallTime& t) { t = WallTime{Duration{static_cast<std::int64_t>(dice_.U64())}}; }
  template <class T, std::size_t N>
  void Fill(std::array<T, N>& items) {
    for (T& item : items) Fill(item);
  }
  template <std::size_t N>
  void Fill(Secret<N>& secret) {
    for (std::uint8_t& byte : secret.RevealForWriting()) byte = dice_.U8();
  }
  void Fill(SecretText& secret) {
    const std::size_t size = size_ == Size::kLargest ? kMaxSecretText : dice_.Below(24);
    std::string chars;
    for (std::size_t i = 0; i < size; ++i) chars.push_back(static_cast<char>(dice_.U8()));
    secret = SecretText(chars);
  }
  template <std::size_t Max>
  void Fill(BoundedText<Max>& text) {
    const std::size_t size = size_ == Size::kLargest ? Max : dice_.Below(24);
    std::string chars;
    for (std::size_t i = 0; i < size; ++i) chars.push_back(static_cast<char>(dice_.U8()));
    text = BoundedText<Max>(chars);
  }
  template <class T, std::size_t Max>
  void Fill(BoundedList<T, Max>& list) {
    const std::size_t count = size_ == Size::kLargest ? Max : dice_.Below(3);
    for (std::size_t i = 0; i < count; ++i) {
      T item{};
      Fill(item);
      LATCHKEY_CHECK(list.TryPush(std::move(item)));
    }
  }
  template <class T>
  requires requires(T& t, Filler& f) { T::Fields(t, f); }
  void Fill(T& nested) { T::Fields(nested, *this); }

  test::Dice& dice_;
  Size size_;
};

template <class Message>
Message Filled(test::Dice& dice, Filler::Size size) {
  Message message;
  Filler filler(dice, size);
  Message::Fields(message, filler);
  return message;
}

}  // namespace latchkey::wire
