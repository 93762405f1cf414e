// libFuzzer's entry, the same in every target.
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  latchkey::fuzz::Fuzz({data, size});
  return 0;
}
