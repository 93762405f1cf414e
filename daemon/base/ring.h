// A queue of fixed capacity: what happens at the limit is the caller's decision, made in sight.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "daemon/base/check.h"

namespace latchkey {

template <class T, std::size_t Capacity>
class Ring {
 public:
  static_assert(Capacity > 0);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] bool full() const { return size_ == Capacity; }
  [[nodiscard]] static constexpr std::size_t capacity() { return Capacity; }

  // Refuses when full.
  [[nodiscard]] bool TryPush(T value) {
    if (full()) return false;
    items_[(first_ + size_) % Capacity] = std::move(value);
    ++size_;
    return true;
  }
  // Drops the oldest when full.
  void PushOverwriting(T value) {
    if (full()) PopFront();
    (void)TryPush(std::move(value));
  }
  T PopFront() {
    LATCHKEY_CHECK(!empty());
    T value = std::move(items_[first_]);
    items_[first_] = T{};
    first_ = (first_ + 1) % Capacity;
    --size_;
    return value;
  }
  // 0 is the oldest.
  [[nodiscard]] T& operator[](std::size_t i) {
    LATCHKEY_CHECK(i < size_);
    return items_[(first_ + i) % Capacity];
  }
  [[nodiscard]] const T& operator[](std::size_t i) const {
    LATCHKEY_CHECK(i < size_);
    return items_[(first_ + i) % Capacity];
  }
  void Clear() {
    while (!empty()) (void)PopFront();
  }

 private:
  std::array<T, Capacity> items_{};
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace latchkey
