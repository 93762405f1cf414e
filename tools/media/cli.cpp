#include "tools/media/cli.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace latchkey::media {

void CommonFlags::AddTo(CLI::App& app) {
  app.add_option("--token", token, "token, or @FILE that holds it (default: LATCHKEY_TOKEN)");
  app.add_option("--duration", duration_s, "end after so many seconds (default: until Ctrl-C)")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--json", json, "print one JSON object at the end");
  app.add_option("--ca", ca_file, "PEM file to check the hub's https certificate with");
  app.add_flag("--insecure", insecure, "don't check the hub's https certificate");
  auto* bad =
      app.add_option_group("bad network", "on this tool's own socket, both directions, every datagram");
  bad->add_option("--loss", loss_pct, "percent of datagrams lost")->check(CLI::Range(0.0, 100.0));
  bad->add_option("--burst", burst, "mean length of a burst of losses, in datagrams")
      ->check(CLI::Range(1.0, 10000.0));
  bad->add_option("--jitter-ms", jitter_ms, "each datagram is delayed by 0..MS")
      ->check(CLI::Range(0.0, 10000.0));
  bad->add_option("--reorder", reorder_pct, "percent held back by 10 ms")->check(CLI::Range(0.0, 100.0));
  bad->add_option("--duplicate", duplicate_pct, "percent that come twice")->check(CLI::Range(0.0, 100.0));
  bad->add_option("--rate-kbit", rate_kbit, "rate limit of each direction, with a queue of 300 ms");
  bad->add_option("--seed", seed, "of all these chances");
}

ImpairOptions CommonFlags::impairments() const {
  ImpairOptions options;
  options.loss = loss_pct / 100;
  options.burst = burst;
  options.jitter = Duration{static_cast<std::int64_t>(jitter_ms * 1e6)};
  options.reorder = reorder_pct / 100;
  options.duplicate = duplicate_pct / 100;
  options.rate_kbit = rate_kbit;
  options.seed = seed;
  return options;
}

Result<HttpOptions> CommonFlags::Http() const {
  HttpOptions options;
  options.ca_file = ca_file;
  options.insecure = insecure;
  options.token = token;
  if (token.empty()) {
    const char* from_environment = std::getenv("LATCHKEY_TOKEN");
    options.token = from_environment != nullptr ? from_environment : "";
  } else if (token[0] == '@') {
    std::ifstream file(token.substr(1));
    options.token.clear();
    if (!(file >> options.token))
      return Fail(ErrorCode::kNotFound, "no token in the file " + token.substr(1));
  }
  if (options.token.empty()) {
    return Fail(ErrorCode::kInvalid, "no token: give --token TOKEN, --token @FILE or LATCHKEY_TOKEN");
  }
  return options;
}

std::optional<PictureSize> ParsePictureSize(const std::string& text) {
  PictureSize size;
  char rest = 0;
  if (std::sscanf(text.c_str(), "%5dx%5d%c", &size.width, &size.height, &rest) != 2) return std::nullopt;
  const bool even = size.width % 2 == 0 && size.height % 2 == 0;
  if (!even || size.width < 160 || size.height < 90 || size.width > 4096 || size.height > 2304)
    return std::nullopt;
  return size;
}

std::optional<int> ParseCommandLine(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return std::nullopt;
}

nlohmann::json ToJson(const ImpairCounters& counters) {
  return {{"offered", counters.offered},
          {"lost", counters.lost},
          {"queue_dropped", counters.queue_dropped},
          {"duplicated", counters.duplicated},
          {"held_back", counters.held_back}};
}

double RoundedMs(Duration d) {
  return std::round(ToSeconds(d) * 10000) / 10;
}

}  // namespace latchkey::media
