// Which Latchkey this is: the version of the project in CMakeLists.txt.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace latchkey {

// "0.1.0".
[[nodiscard]] std::string_view Version();

// Layout of a sealed frame (cache/sealed_frame.h), also named in the audit log: a cache never outlives a
// change of its format.
constexpr std::uint8_t kCacheFormat = 1;

// What --version prints: "latchkeyd 0.1.0", without a newline.
[[nodiscard]] std::string VersionLine(std::string_view program);

}  // namespace latchkey
