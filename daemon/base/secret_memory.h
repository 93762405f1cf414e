// Memory for secrets alone: kept out of swap (mlock) and of core dumps (MADV_DONTDUMP), wiped when it is
// given back. The one place in base that speaks to the system, because secrets are everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace latchkey {

// Memory is mapped in chunks of so many bytes, and stays the pool's. One that nobody has is never given back
// to the system: a process uses as much as it had secrets at once.
constexpr std::size_t kSecretChunk = 16 * 1024;
// Largest secret that is made of a chunk; a larger one has pages of its own for as long as it lives.
constexpr std::size_t kLargestPooled = 512;

// `size` zero bytes; nothing for 0. Aborts where there is no memory. From any thread.
[[nodiscard]] std::span<std::uint8_t> TakeSecretMemory(std::size_t size);
// Of exactly one TakeSecretMemory.
void GiveSecretMemory(std::span<std::uint8_t> bytes);

struct SecretMemoryUse {
  std::size_t mapped = 0;    // bytes
  std::size_t unlocked = 0;  // of these, refused by the system (RLIMIT_MEMLOCK): they work all the same
};
[[nodiscard]] SecretMemoryUse SecretMemory();

}  // namespace latchkey
