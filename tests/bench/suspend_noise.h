// Strangers who send a hub what nobody asked for: junk of every kind that a lane has to look at and refuse.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>

namespace latchkey::bench {

class SuspendNoise {
 public:
  static constexpr std::size_t kTargets = 64;

  // Datagrams a second, spread over all targets; 0: silence. On a thread of its own.
  SuspendNoise(std::uint32_t per_second, std::uint32_t seed);
  SuspendNoise(const SuspendNoise&) = delete;
  SuspendNoise& operator=(const SuspendNoise&) = delete;
  ~SuspendNoise();

  // A port on loopback; 0: none.
  void SetTarget(std::size_t index, std::uint16_t port) { targets_.at(index) = port; }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }

 private:
  void Run(std::uint32_t per_second, std::uint32_t seed);

  std::array<std::atomic<std::uint16_t>, kTargets> targets_{};
  std::atomic<std::uint64_t> sent_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace latchkey::bench
