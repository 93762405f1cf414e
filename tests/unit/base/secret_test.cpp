#include "daemon/base/secret.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "tests/support/catch.h"

namespace latchkey {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// The flags of the mapping in which it lies.
std::string FlagsOf(const std::uint8_t* data) {
  std::ifstream maps("/proc/self/smaps");
  bool here = false;
  for (std::string line; std::getline(maps, line);) {
    unsigned long from = 0;
    unsigned long to = 0;
    const auto at = std::bit_cast<std::uintptr_t>(data);
    if (std::sscanf(line.c_str(), "%lx-%lx ", &from, &to) == 2) here = from <= at && at < to;
    if (here && line.starts_with("VmFlags:")) return line + " ";
  }
  return {};
}

static_assert(!std::is_copy_constructible_v<Secret32>);
static_assert(!std::is_copy_assignable_v<Secret32>);

TEST_CASE("secret: moving leaves nothing behind") {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(0xa5);
  Secret32 first{bytes};
  const Secret32 second = std::move(first);
  // Looking at the moved-from object is the point here.
  CHECK(std::ranges::all_of(first.Reveal(), [](auto b) { return b == 0; }));  // NOLINT
  CHECK(std::ranges::all_of(second.Reveal(), [](auto b) { return b == 0xa5; }));
}

TEST_CASE("secret: the end of its life wipes it, and so does another value") {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(0x5a);
  std::span<const std::uint8_t> first;
  std::span<const std::uint8_t> second;
  {
    Secret32 secret(bytes);
    // Where it lay: the pool keeps its memory mapped.
    first = secret.Reveal();
    CHECK(std::ranges::all_of(first, [](auto b) { return b == 0x5a; }));
    secret = Secret32(bytes);
    second = secret.Reveal();
    CHECK(second.data() != first.data());
    CHECK(std::ranges::all_of(first, [](auto b) { return b == 0; }));
  }
  CHECK(std::ranges::all_of(second, [](auto b) { return b == 0; }));
}

TEST_CASE("secret: one that was never written is zeros, and each has memory of its own") {
  const Secret32 empty;
  CHECK(std::ranges::all_of(empty.Reveal(), [](auto b) { return b == 0; }));
  std::set<const std::uint8_t*> seen;
  std::vector<Secret32> many(2000);
  std::uint8_t value = 0;
  for (Secret32& secret : many) {
    std::ranges::fill(secret.RevealForWriting(), ++value);
    CHECK(seen.insert(secret.Reveal().data()).second);
  }
  value = 0;
  for (const Secret32& secret : many) {
    ++value;
    REQUIRE(std::ranges::all_of(secret.Reveal(), [&](auto b) { return b == value; }));
  }
}

TEST_CASE("secret: every size gets as many bytes, zeros each time") {
  for (const std::size_t size : {1U, 31U, 32U, 33U, 64U, 65U, 511U, 512U, 513U, 4096U, 20000U}) {
    for (int round = 0; round < 3; ++round) {
      const SecretBytes bytes(size);
      REQUIRE(bytes.bytes().size() == size);
      CHECK(std::ranges::all_of(bytes.bytes(), [](auto b) { return b == 0; }));
      std::ranges::fill(bytes.bytes(), std::uint8_t{0xff});
    }
  }
  CHECK(SecretBytes(0).bytes().empty());
  CHECK(SecretText("abc").Reveal() == "abc");
  SecretText text("abc");
  const SecretText moved = std::move(text);
  CHECK(text.Reveal().empty());  // NOLINT: looking at the moved-from object is the point
  CHECK(moved.Duplicate().Reveal() == "abc");
}

// proc_pid_smaps(5): "dd" for what no core dump takes, "lo" for what no swap does.
TEST_CASE("secret: its memory is in no core dump, and in no swap where the system lets it") {
  for (const std::size_t size : {32U, 20000U}) {
    const SecretBytes secret(size);
    const auto flags = FlagsOf(secret.bytes().data());
    CHECK(flags.find(" dd") != std::string::npos);
    // AddressSanitizer's mlock does nothing and says yes.
    if (!kSanitized) CHECK((flags.find(" lo") != std::string::npos || SecretMemory().unlocked > 0));
  }
  CHECK(SecretMemory().mapped >= kSecretChunk);
  CHECK(SecretMemory().unlocked <= SecretMemory().mapped);
}

TEST_CASE("secret: comparison sees a difference in any byte and in length") {
  std::array<std::uint8_t, 32> a{};
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto b = a;
    b[i] = 1;
    CHECK_FALSE(ConstantTimeEqual(a, b));
  }
  CHECK(ConstantTimeEqual(a, std::array<std::uint8_t, 32>{}));
  CHECK_FALSE(ConstantTimeEqual(a, std::span<const std::uint8_t>(a).first(31)));
}

// What ended at the first difference would not notice that the rest can't be read.
TEST_CASE("secret: comparison looks at every byte, wherever the first difference is") {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* memory = ::mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  const std::span<std::uint8_t> token(static_cast<std::uint8_t*>(memory) + page - 16, 32);
  token[0] = 1;
  REQUIRE(::mprotect(static_cast<std::uint8_t*>(memory) + page, page, PROT_NONE) == 0);
  const std::array<std::uint8_t, 32> other{};
  const auto ended_by_itself = [&](std::size_t size) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      (void)std::signal(SIGSEGV, SIG_DFL);
      ::_exit(ConstantTimeEqual(token.first(size), std::span(other).first(size)) ? 8 : 7);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 7;
  };
  CHECK(ended_by_itself(16));
  CHECK_FALSE(ended_by_itself(17));
  CHECK_FALSE(ended_by_itself(32));
  REQUIRE(::munmap(memory, 2 * page) == 0);
}

}  // namespace
}  // namespace latchkey
