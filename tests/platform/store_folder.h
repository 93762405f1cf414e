// A registry in a folder of its own, for the store's tests.
#pragma once

#include <sqlite3.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>

#include "platform/store/sqlite_registry.h"
#include "tests/support/catch.h"

namespace latchkey::platform {

class SeededEntropy final : public ports::Entropy {
 public:
  explicit SeededEntropy(std::uint32_t seed) : engine_(seed) {}
  void Fill(std::span<std::uint8_t> out) override {
    for (auto& byte : out) byte = static_cast<std::uint8_t>(engine_() & 0xffU);
  }

 private:
  std::mt19937 engine_;
};

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "latchkey-store-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string path() const { return path_ + "/state"; }
  [[nodiscard]] std::string file(const std::string& name) const { return path() + "/" + name; }

 private:
  std::string path_;
};

inline Result<std::unique_ptr<SqliteRegistry>> Open(const Folder& folder, std::int64_t max_pages = 0) {
  static SeededEntropy entropy(7);
  return SqliteRegistry::Open({folder.path(), max_pages}, entropy);
}

inline std::string Slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}
inline void Spill(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

// Straight into the file, past every rule of ours.
inline void Sql(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  char* why = nullptr;
  const int code = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &why);
  INFO((why == nullptr ? "" : why));
  CHECK(code == SQLITE_OK);
  sqlite3_free(why);
  sqlite3_close(db);
}

template <class IdType>
IdType MakeId(std::uint8_t seed) {
  typename IdType::Bytes bytes{};
  bytes.fill(seed);
  return IdType(bytes);
}
inline ports::TokenDigest Digest(std::uint8_t seed) {
  ports::TokenDigest digest{};
  digest.fill(seed);
  return digest;
}

inline ports::CameraRecord Camera(std::uint8_t seed) {
  ports::CameraRecord camera;
  camera.id = MakeId<CameraId>(seed);
  camera.name = "Küche " + std::to_string(seed);
  camera.model = "M1";
  camera.token = Digest(seed);
  camera.added = FromUnixSeconds(1'700'000'000);
  return camera;
}
inline ports::SealedSdesKey Sealed(std::uint8_t fill) {
  ports::SealedSdesKey key{};
  key.fill(fill);
  return key;
}

inline ports::CameraRecord EnrolledCamera(std::uint8_t number) {
  auto camera = Camera(number);
  camera.sdes = true;
  camera.enrolment = ports::SdesEnrolment{Sealed(number), false, std::nullopt, 0};
  return camera;
}

inline ports::ViewerRecord Viewer(std::uint8_t seed) {
  return {MakeId<ViewerId>(seed), "Tablet", Digest(seed), FromUnixSeconds(1'700'000'001)};
}
inline ports::GrantRecord Grant(std::uint8_t seed, std::uint8_t viewer, std::uint8_t camera) {
  ports::GrantRecord grant;
  grant.id = MakeId<GrantId>(seed);
  grant.viewer = MakeId<ViewerId>(viewer);
  grant.camera = MakeId<CameraId>(camera);
  grant.rights = 3;
  grant.not_before = FromUnixSeconds(100);
  grant.not_after = FromUnixSeconds(200);
  return grant;
}

}  // namespace latchkey::platform
