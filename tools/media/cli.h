// What the command lines of latchkey-cam and latchkey-view have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "daemon/base/result.h"
#include "daemon/base/time.h"
#include "tools/media/http_client.h"
#include "tools/media/impair.h"

namespace latchkey::media {

// Exit codes of both tools.
constexpr int kExitOk = 0;
constexpr int kExitUsage = 2;
constexpr int kExitForeignMark = 3;
constexpr int kExitNothingCame = 4;
constexpr int kExitRefused = 5;

struct CommonFlags {
  std::string token;
  std::string ca_file;
  bool insecure = false;
  bool json = false;
  double duration_s = 0;  // 0: until a signal
  double loss_pct = 0;
  double burst = 1;
  double jitter_ms = 0;
  double reorder_pct = 0;
  double duplicate_pct = 0;
  std::uint32_t rate_kbit = 0;
  std::uint64_t seed = 1;

  void AddTo(CLI::App& app);
  [[nodiscard]] ImpairOptions impairments() const;
  // The token: as given, of @FILE, or of LATCHKEY_TOKEN.
  [[nodiscard]] Result<HttpOptions> Http() const;
};

// "1280x720"; even sizes within 160x90..4096x2304.
struct PictureSize {
  int width = 0;
  int height = 0;
};
std::optional<PictureSize> ParsePictureSize(const std::string& text);

// Parses; an exit code when the program ends here (--help: 0, a mistake: kExitUsage, said on stderr).
std::optional<int> ParseCommandLine(CLI::App& app, int argc, char** argv);

nlohmann::json ToJson(const ImpairCounters& counters);
// Milliseconds with a tenth.
double RoundedMs(Duration d);

}  // namespace latchkey::media
