// latchkey-sim: worlds from seeds until so many camera-hours have passed. See tests/sim/run.
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include "tests/sim/violation.h"
#include "tests/sim/world.h"

namespace latchkey::sim {
namespace {

struct Options {
  std::uint64_t seed = 1;
  std::uint64_t stride = 1;
  double hours = 0;            // 0: the world of `seed` alone
  double seconds = 0;          // of CPU; 0: no bound
  std::uint64_t failures = 0;  // worlds that fail, and no further one is begun; 0: no bound
};

char g_repeat[160];

// A CHECK of the core has failed in this world.
extern "C" void OnAbort(int) {
  (void)!write(2, g_repeat, std::strlen(g_repeat));
  _exit(3);
}

double CpuSeconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

void Print(const Tally& t) {
  std::printf(
      "%llu steps, %llu pictures filmed, %llu sent to viewers, %llu shown, %llu packets repeated\n"
      "%llu publishes, %llu views, %llu refused, %llu epochs, %llu SSRC changes, %llu reboots, %llu "
      "suspensions\n"
      "%llu mix-ups refused, %llu stray datagrams, %llu sounds, %llu times B slices, %llu times refused, "
      "%llu roams, %llu holdups, %llu clock jumps, %llu times a "
      "fresh "
      "picture was due and "
      "there, %llu "
      "calm minutes as good as the first\n",
      static_cast<unsigned long long>(t.steps), static_cast<unsigned long long>(t.filmed),
      static_cast<unsigned long long>(t.sent), static_cast<unsigned long long>(t.shown),
      static_cast<unsigned long long>(t.repeated), static_cast<unsigned long long>(t.publishes),
      static_cast<unsigned long long>(t.views), static_cast<unsigned long long>(t.refused),
      static_cast<unsigned long long>(t.epochs), static_cast<unsigned long long>(t.ssrc_changes),
      static_cast<unsigned long long>(t.reboots), static_cast<unsigned long long>(t.suspensions),
      static_cast<unsigned long long>(t.mixups), static_cast<unsigned long long>(t.strays),
      static_cast<unsigned long long>(t.sounds), static_cast<unsigned long long>(t.reorderings),
      static_cast<unsigned long long>(t.refusals), static_cast<unsigned long long>(t.roams),
      static_cast<unsigned long long>(t.holdups), static_cast<unsigned long long>(t.jumps),
      static_cast<unsigned long long>(t.checks), static_cast<unsigned long long>(t.minutes));
}

// True when the world of `seed` ended well; `trace` is its hash.
bool RunOne(std::uint64_t seed, const WorldPlan& plan, Tally& tally, std::uint64_t& trace) {
  std::snprintf(g_repeat, sizeof g_repeat,
                "seed %llu aborted; repeat it: tests/sim/run --seed %llu\n0 passed, 1 failed\n",
                static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seed));
  World world(plan, seed);
  try {
    world.Run();
  } catch (const Violation& violation) {
    std::printf("seed %llu (%s), after %.6f s: %s\n  repeat it: tests/sim/run --seed %llu\n",
                static_cast<unsigned long long>(seed), Describe(plan).c_str(), ToSeconds(world.lived()),
                violation.what(), static_cast<unsigned long long>(seed));
    return false;
  }
  tally += world.tally();
  trace = world.trace();
  return true;
}

int RunAll(const Options& options) {
  Tally tally;
  std::uint64_t passed = 0;
  std::uint64_t failed = 0;
  double hours = 0;
  for (std::uint64_t seed = options.seed; passed + failed == 0 || hours < options.hours;
       seed += options.stride) {
    if (options.seconds > 0 && passed + failed > 0 && CpuSeconds() >= options.seconds) break;
    if (options.failures > 0 && failed >= options.failures) break;
    const WorldPlan plan = MakePlan(seed);
    std::uint64_t trace = 0;
    const double began = CpuSeconds();
    const bool good = RunOne(seed, plan, tally, trace);
    ++(good ? passed : failed);
    hours += plan.camera_hours();
    if (options.hours <= 0)
      std::printf("%s, trace %016llx\n", Describe(plan).c_str(), static_cast<unsigned long long>(trace));
    if (std::getenv("LATCHKEY_SIM_TIMES") != nullptr) {
      std::printf("seed %llu %s: %.3f s\n", static_cast<unsigned long long>(seed), Describe(plan).c_str(),
                  CpuSeconds() - began);
    }
    std::fflush(stdout);
  }
  Print(tally);
  std::printf("%.1f camera-hours in %.1f s of CPU\n%llu passed, %llu failed\n", hours, CpuSeconds(),
              static_cast<unsigned long long>(passed), static_cast<unsigned long long>(failed));
  return failed == 0 ? 0 : 1;
}

bool IsNumber(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string::npos;
}

int Usage() {
  std::fprintf(stderr,
               "usage: latchkey-sim [--seed S] [--hours N] [--stride K] [--cpu-seconds N] [--failures N]\n");
  return 2;
}

}  // namespace
}  // namespace latchkey::sim

int main(int argc, char** argv) {
  latchkey::sim::Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (i + 1 >= argc || !latchkey::sim::IsNumber(argv[i + 1])) return latchkey::sim::Usage();
    if (name == "--seed") {
      options.seed = std::strtoull(argv[i + 1], nullptr, 10);
    } else if (name == "--stride") {
      options.stride = std::strtoull(argv[i + 1], nullptr, 10);
    } else if (name == "--hours") {
      options.hours = std::strtod(argv[i + 1], nullptr);
    } else if (name == "--failures") {
      options.failures = std::strtoull(argv[i + 1], nullptr, 10);
    } else if (name == "--cpu-seconds") {
      options.seconds = std::strtod(argv[i + 1], nullptr);
    } else {
      return latchkey::sim::Usage();
    }
  }
  std::signal(SIGABRT, latchkey::sim::OnAbort);
  return latchkey::sim::RunAll(options);
}
