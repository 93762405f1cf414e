# Every library from outside, by its pkg-config name. The reason for each is in daemon/ARCHITECTURE.md.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# latchkey_external(NAME PKG...) makes the imported target ext::NAME, its headers SYSTEM.
function(latchkey_external name)
  pkg_check_modules(EXT_${name} REQUIRED IMPORTED_TARGET ${ARGN})
  add_library(ext_${name} INTERFACE)
  target_link_libraries(ext_${name} INTERFACE PkgConfig::EXT_${name})
  target_include_directories(ext_${name} SYSTEM INTERFACE ${EXT_${name}_INCLUDE_DIRS})
  add_library(ext::${name} ALIAS ext_${name})
endfunction()

latchkey_external(uv libuv)
latchkey_external(srtp libsrtp2)
latchkey_external(openssl openssl)
latchkey_external(websockets libwebsockets)
latchkey_external(sqlite sqlite3)
latchkey_external(spdlog spdlog)
latchkey_external(curl libcurl)
latchkey_external(ffmpeg libavformat libavcodec libavdevice libavutil libswscale libswresample)

# Header-only ones have no pkg-config file everywhere: their headers are found on the default path.
find_path(LATCHKEY_EXPECTED tl/expected.hpp REQUIRED)
find_path(LATCHKEY_TOMLPP toml++/toml.h REQUIRED)
find_path(LATCHKEY_CLI11 CLI/CLI.hpp REQUIRED)
find_path(LATCHKEY_JSON nlohmann/json.hpp REQUIRED)
