// SRTP without cryptography, for tests of what stands behind the gate: a packet "opens" when its last bytes
// are the tag. Packets still have to pass the real Gate, which alone makes an AuthenticPacket.
#pragma once

#include <algorithm>
#include <array>
#include <memory>

#include "daemon/ports/srtp.h"

namespace latchkey::test {

constexpr std::array<std::uint8_t, 10> kPlainTag{'p', 'l', 'a', 'i', 'n', ' ', 't', 'a', 'g', '!'};

class PlainReceiver final : public ports::SrtpReceiver {
 public:
  Opened UnprotectRtp(MutableByteView packet) override { return Open(packet); }
  Opened UnprotectRtcp(MutableByteView packet) override { return Open(packet); }

  [[nodiscard]] bool exhausted() const override { return false; }

 private:
  static Opened Open(ByteView packet) {
    if (packet.size() <= kPlainTag.size() || !std::ranges::equal(packet.last(kPlainTag.size()), kPlainTag)) {
      return {0, DropReason::kSrtpAuthentication};
    }
    return {packet.size() - kPlainTag.size(), DropReason::kNone};
  }
};

class PlainSender final : public ports::SrtpSender {
 public:
  std::size_t ProtectRtp(MutableByteView buffer, std::size_t size) override { return Protect(buffer, size); }
  std::size_t ProtectRtcp(MutableByteView buffer, std::size_t size) override { return Protect(buffer, size); }

 private:
  static std::size_t Protect(MutableByteView buffer, std::size_t size) {
    std::ranges::copy(kPlainTag, buffer.subspan(size).begin());
    return size + kPlainTag.size();
  }
};

class PlainSrtpFactory final : public ports::SrtpFactory {
 public:
  Result<std::unique_ptr<ports::SrtpReceiver>> MakeReceiver(const ports::SrtpKey&) override {
    return std::make_unique<PlainReceiver>();
  }
  Result<std::unique_ptr<ports::SrtpSender>> MakeSender(const ports::SrtpKey&) override {
    return std::make_unique<PlainSender>();
  }
};

}  // namespace latchkey::test
