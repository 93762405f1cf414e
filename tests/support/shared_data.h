// Test data that lives beside the repository (LATCHKEY_SHARED_DATA, or ../shared/data).
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/bytes.h"

namespace latchkey::test {

// The folder or file `name` of the shared data, or nothing when it is not there: the test is then skipped,
// saying so.
inline std::optional<std::filesystem::path> SharedData(std::string_view name) {
  const char* root = std::getenv("LATCHKEY_SHARED_DATA");
#ifdef LATCHKEY_SHARED_DATA_DEFAULT
  if (root == nullptr) root = LATCHKEY_SHARED_DATA_DEFAULT;
#endif
  if (root == nullptr) return std::nullopt;
  std::filesystem::path path = std::filesystem::path(root) / name;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  return path;
}

inline ByteVector ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The regular files of a folder, in order of their names.
inline std::vector<std::filesystem::path> FilesOf(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace latchkey::test
