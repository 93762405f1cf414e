#include "platform/crypto/system_entropy.h"

#include <sys/random.h>

#include <cerrno>

#include "daemon/base/check.h"

namespace latchkey::platform {

void SystemEntropy::Fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    LATCHKEY_CHECK(got > 0);
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace latchkey::platform
