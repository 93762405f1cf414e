// Counts every operator new of the program that allocations.cpp is linked into.
#pragma once

#include <cstddef>

namespace latchkey::test {

// Since the start of the program.
std::size_t Allocations();

// Runs `work` and gives the number of allocations it made.
template <class Work>
std::size_t Count(Work work) {
  const std::size_t before = Allocations();
  work();
  return Allocations() - before;
}

}  // namespace latchkey::test
