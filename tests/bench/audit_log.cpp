// Makes the audit log of a busy year, by the daemon's own code: hashed, signed and stored as it would be,
// only faster. A daemon that is started on the folder afterwards takes it for its own.
//
// usage: latchkey-bench-audit STATE-FOLDER RECORDS       prints {"records", "views", "first", "last"} (Unix
// seconds)
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "daemon/keeper/audit_book.h"
#include "daemon/keeper/facts.h"
#include "platform/crypto/ed25519.h"
#include "platform/crypto/openssl_crypto.h"
#include "platform/crypto/system_entropy.h"
#include "platform/store/secret_file.h"
#include "platform/store/sqlite_audit.h"

namespace latchkey {
namespace {

using audit::Kind;
using keeper::About;

constexpr int kCameras = 16;
constexpr int kViewers = 8;
constexpr int kMinutes = 18;                    // of one view
constexpr std::int64_t kFirst = 1'767'225'600;  // 2026-01-01

template <class IdType>
IdType Random(std::mt19937_64& dice) {
  typename IdType::Bytes bytes{};
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(dice());
  return IdType(bytes);
}

int Main(const std::string& folder, std::uint64_t wanted) {
  platform::SystemEntropy entropy;
  platform::OpenSslCrypto crypto;
  const auto seed = platform::LoadSecret({"", folder, "audit.secret", true}, entropy);
  auto store = platform::SqliteAudit::Open({folder + "/audit.db", true, 0}, entropy);
  if (!seed || !store) return 1;
  const auto signer = platform::Ed25519Signer::Create(*seed);
  if (!signer) return 1;
  keeper::AuditBook book(crypto, **signer, (*store)->log(), std::nullopt);
  std::mt19937_64 dice(7);
  std::vector<CameraId> cameras;
  std::vector<ViewerId> viewers;
  WallTime wall = FromUnixSeconds(kFirst);
  const auto add = [&](Kind kind, const About& about, const std::string& body) {
    book.Add(kind, about, body, Instant{}, wall);
  };
  add(Kind::kStarted, {}, R"({"version":"0.1.0","cache_format":1,"after":"nothing"})");
  for (int i = 0; i < kCameras; ++i) {
    cameras.push_back(Random<CameraId>(dice));
    About about;
    about.camera = cameras.back();
    add(Kind::kCameraAdded, about,
        keeper::Facts()
            .Text("name", "Camera " + std::to_string(i))
            .Text("model", i % 4 == 0 ? "M1" : "M2")
            .str());
  }
  for (int i = 0; i < kViewers; ++i) {
    viewers.push_back(Random<ViewerId>(dice));
    About about;
    about.viewer = viewers.back();
    add(Kind::kViewerAdded, about, keeper::Facts().Text("name", "Viewer " + std::to_string(i)).str());
  }
  std::uint64_t views = 0;
  const auto write = [&] {
    const auto batch = book.TakeBatch(Instant{});
    if (!batch) return true;
    const bool written = (*store)->Append(batch->records, batch->head).has_value();
    book.HandleWritten(written, Instant{});
    return written;
  };
  // A year over all of them.
  const Duration step = Duration(hours(24)) * 365 / static_cast<std::int64_t>(wanted);
  while (book.number() < wanted) {
    About about;
    about.camera = cameras[dice() % cameras.size()];
    about.viewer = viewers[dice() % viewers.size()];
    about.session = Random<SessionId>(dice);
    about.epoch = Epoch{1 + book.number() / 4000};
    if (dice() % 50 == 0) add(Kind::kEpochBegan, about, "{}");
    if (dice() % 500 == 0) add(Kind::kKeyRefused, about, R"({"why":"its key was used before"})");
    ++views;
    add(Kind::kViewBegan, about, R"({"grant":"00","rights":"live","fingerprint":"00"})");
    for (int minute = 0; minute <= kMinutes; ++minute) {
      wall += step;
      const auto loss = dice() % 64 == 0 ? dice() % 300 : dice() % 4;
      const std::string body = R"({"packets":)" + std::to_string((minute + 1) * 15000) +
                               R"(,"resent":12,"frames_skipped":0,"camera_loss_permille":)" +
                               std::to_string(loss) +
                               R"(,"camera_jitter_us":900,"viewer_loss_permille":1,"viewer_jitter_us":2500,)"
                               R"("round_trip_us":1800,"network":"192.168.1.20:50000"})";
      add(minute == kMinutes ? Kind::kViewEnded : Kind::kViewMinute, about, body);
    }
    if (views % 150 == 0 && !write()) return 1;
  }
  add(Kind::kStopped, {}, "{}");
  if (!write()) return 1;
  std::printf("{\"records\":%llu,\"views\":%llu,\"first\":%lld,\"last\":%lld}\n",
              static_cast<unsigned long long>(book.number()), static_cast<unsigned long long>(views),
              static_cast<long long>(kFirst), static_cast<long long>(ToUnixSeconds(wall)));
  return 0;
}

}  // namespace
}  // namespace latchkey

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  return latchkey::Main(argv[1], std::strtoull(argv[2], nullptr, 10));
}
