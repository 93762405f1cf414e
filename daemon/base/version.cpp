#include "daemon/base/version.h"

namespace latchkey {

std::string_view Version() {
  return LATCHKEY_VERSION;
}

std::string VersionLine(std::string_view program) {
  return std::string(program) + " " + std::string(Version());
}

}  // namespace latchkey
