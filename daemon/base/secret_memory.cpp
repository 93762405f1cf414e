#include "daemon/base/secret_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <mutex>
#include <vector>

#include "daemon/base/check.h"
#include "daemon/base/secret.h"

namespace latchkey {
namespace {

constexpr std::size_t kSmallest = 32;
constexpr std::size_t kSizes = std::bit_width(kLargestPooled / kSmallest);
static_assert(std::has_single_bit(kLargestPooled) && kSecretChunk % kLargestPooled == 0);

// Pieces of one size: 32, 64 … kLargestPooled.
std::size_t SizeIndex(std::size_t size) {
  return static_cast<std::size_t>(std::bit_width((std::bit_ceil(size) - 1) / kSmallest));
}

class Pool {
 public:
  std::uint8_t* Take(std::size_t size) {
    const std::lock_guard lock(mutex_);
    if (size > kLargestPooled) return Map(Pages(size));
    auto& free = free_[SizeIndex(size)];
    if (free.empty()) Fill(free, kSmallest << SizeIndex(size));
    std::uint8_t* piece = free.back();
    free.pop_back();
    return piece;
  }

  void Give(std::span<std::uint8_t> bytes) {
    Wipe(bytes);
    const std::lock_guard lock(mutex_);
    if (bytes.size() <= kLargestPooled) return free_[SizeIndex(bytes.size())].push_back(bytes.data());
    const std::size_t size = Pages(bytes.size());
    use_.mapped -= size;
    LATCHKEY_CHECK(::munmap(bytes.data(), size) == 0);
  }

  SecretMemoryUse use() {
    const std::lock_guard lock(mutex_);
    return use_;
  }

 private:
  static std::size_t Pages(std::size_t size) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return (size + page - 1) / page * page;
  }

  std::uint8_t* Map(std::size_t size) {
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    LATCHKEY_CHECK(memory != MAP_FAILED);
    (void)::madvise(memory, size, MADV_DONTDUMP);
    use_.mapped += size;
    if (::mlock(memory, size) != 0) use_.unlocked += size;
    return static_cast<std::uint8_t*>(memory);
  }

  void Fill(std::vector<std::uint8_t*>& free, std::size_t piece) {
    const std::size_t size = Pages(kSecretChunk);
    std::uint8_t* chunk = Map(size);
    for (std::size_t at = size; at >= piece; at -= piece) free.push_back(chunk + at - piece);
  }

  std::mutex mutex_;
  std::array<std::vector<std::uint8_t*>, kSizes> free_;
  SecretMemoryUse use_;
};

// Never destroyed: secrets of static life may outlast whatever is.
Pool& ThePool() {
  static Pool& pool = *new Pool;
  return pool;
}

}  // namespace

std::span<std::uint8_t> TakeSecretMemory(std::size_t size) {
  if (size == 0) return {};
  return {ThePool().Take(size), size};
}

void GiveSecretMemory(std::span<std::uint8_t> bytes) {
  if (!bytes.empty()) ThePool().Give(bytes);
}

SecretMemoryUse SecretMemory() {
  return ThePool().use();
}

}  // namespace latchkey
