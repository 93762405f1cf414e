#include "daemon/base/version.h"

#include <algorithm>
#include <string>

#include "tests/support/catch.h"

namespace latchkey {

TEST_CASE("version: three numbers, and a program's line with its name before them") {
  const std::string version(Version());
  CHECK(version.find_first_not_of("0123456789.") == std::string::npos);
  CHECK(std::count(version.begin(), version.end(), '.') == 2);
  CHECK(VersionLine("latchkeyd") == "latchkeyd " + version);
}

}  // namespace latchkey
