// Which Latchkey this is: the version of the project in CMakeLists.txt.
#pragma once

#include <string>
#include <string_view>

namespace latchkey {

// "0.1.0".
[[nodiscard]] std::string_view Version();

// What --version prints: "latchkeyd 0.1.0", without a newline.
[[nodiscard]] std::string VersionLine(std::string_view program);

}  // namespace latchkey
