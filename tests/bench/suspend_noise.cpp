#include "tests/bench/suspend_noise.h"

#include <time.h>

#include <algorithm>
#include <random>
#include <vector>

#include "tests/bench/stamped_socket.h"

namespace latchkey::bench {
namespace {

// First bytes that a lane takes for STUN, DTLS, RTP, RTCP and nothing (RFC 7983).
constexpr std::array<std::array<std::uint8_t, 8>, 5> kKinds{
    {{0x00, 0x01, 0x00, 0x08, 0x21, 0x12, 0xa4, 0x42},
     {0x16, 0xfe, 0xfd, 0x00, 0x00, 0x00, 0x00, 0x00},
     {0x80, 0x66, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01},
     {0x81, 0xc9, 0x00, 0x07, 0x00, 0x00, 0x00, 0x01},
     {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}};

}  // namespace

SuspendNoise::SuspendNoise(std::uint32_t per_second, std::uint32_t seed) {
  if (per_second > 0) thread_ = std::thread([this, per_second, seed] { Run(per_second, seed); });
}

SuspendNoise::~SuspendNoise() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void SuspendNoise::Run(std::uint32_t per_second, std::uint32_t seed) {
  const StampedSocket socket;
  std::mt19937 random(seed);
  std::array<std::uint8_t, 1200> bytes{};
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random() & 0xffU);
  std::vector<std::uint16_t> ports;
  std::size_t next = 0;
  double due = 0;
  Instant at = MonotonicNow();
  while (!stopping_) {
    const timespec millisecond{0, 1'000'000};
    (void)::nanosleep(&millisecond, nullptr);
    const Instant now = MonotonicNow();
    due += ToSeconds(now - at) * per_second;
    at = now;
    ports.clear();
    for (const auto& target : targets_) {
      if (target != 0) ports.push_back(target);
    }
    if (ports.empty()) due = 0;
    for (; due >= 1; due -= 1) {
      const auto& kind = kKinds[random() % kKinds.size()];
      std::copy(kind.begin(), kind.end(), bytes.begin());
      const SocketAddress to{IpAddress::V4({127, 0, 0, 1}), ports[next++ % ports.size()]};
      socket.Send(to, ByteView(bytes).first(64 + random() % 1136));
      ++sent_;
    }
  }
}

}  // namespace latchkey::bench
