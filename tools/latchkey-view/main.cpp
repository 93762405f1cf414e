// latchkey-view: a viewer by WHEP that decodes, reads the marks and tells what it saw.
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "daemon/base/version.h"
#include "platform/loop/signal_watcher.h"
#include "tools/latchkey-view/viewer.h"
#include "tools/media/cli.h"
#include "tools/media/real_ports.h"

namespace {

using namespace latchkey;

// How long the end may take: DELETE's answers.
constexpr Duration kGoodbye = seconds{3};
constexpr int kMaxViewers = 500;

struct Flags {
  media::CommonFlags common;
  view::ViewerOptions viewer;
  std::string expect_mark;
  std::string record;
  std::string snapshot;
  bool no_decode = false;
  int count = 1;
};

int Complain(const std::string& what) {
  (void)std::fprintf(stderr, "latchkey-view: %s\n", what.c_str());
  return media::kExitUsage;
}

void Declare(CLI::App& app, Flags& flags) {
  app.add_option("--whep", flags.viewer.whep, "the camera's view URL")->required();
  app.add_option("--expect-mark", flags.expect_mark,
                 "text whose mark each picture must carry; another is foreign");
  app.add_option("--record", flags.record, "write what comes to this file (.mp4 or .mkv), as it comes");
  app.add_option("--snapshot", flags.snapshot, "write the first picture to this file (.png or .jpg)");
  app.add_flag("--no-decode", flags.no_decode,
               "count whole frames without decoding them (no marks, no latency)");
  app.add_option("--count", flags.count, "so many independent viewers; their figures are added up")
      ->check(CLI::Range(1, kMaxViewers));
  app.add_flag("--wait", flags.viewer.patient, "go on asking while the camera is unavailable at the start");
  app.set_version_flag("--version", VersionLine("latchkey-view"));
  flags.common.AddTo(app);
}

// The viewers of one run, and its end.
class Run {
 public:
  Run(const Flags& flags, media::HttpOptions http, media::RealPorts& ports);
  int Go();

 private:
  void End();
  void OnOver();
  [[nodiscard]] int ExitCode(const view::ViewerFigures& sum) const;

  const Flags& flags_;
  platform::Loop loop_;
  media::HttpClient http_;
  std::vector<std::unique_ptr<view::Viewer>> viewers_;
  platform::Timer end_;
  platform::SignalWatcher interrupt_;
  platform::SignalWatcher terminate_;
  std::size_t over_ = 0;
  std::size_t stopped_ = 0;
  bool ending_ = false;
};

Run::Run(const Flags& flags, media::HttpOptions http, media::RealPorts& ports)
    : flags_(flags),
      http_(loop_, std::move(http)),
      end_(loop_, [this] { ending_ ? loop_.Stop() : End(); }),
      interrupt_(loop_, SIGINT, [this](int) { End(); }),
      terminate_(loop_, SIGTERM, [this](int) { End(); }) {
  for (int i = 0; i < flags.count; ++i) {
    view::ViewerOptions options = flags.viewer;
    // Far apart, because each new session of a viewer takes the next two.
    options.impairments.seed += static_cast<std::uint64_t>(i) << 32U;
    viewers_.push_back(
        std::make_unique<view::Viewer>(loop_, http_, ports.session(), options, [this] { OnOver(); }));
  }
}

int Run::Go() {
  for (auto& viewer : viewers_) viewer->Start();
  if (flags_.common.duration_s > 0) {
    end_.StartAfter(Duration{static_cast<std::int64_t>(flags_.common.duration_s * 1e9)});
  }
  loop_.Run();
  view::ViewerFigures sum;
  nlohmann::json each = nlohmann::json::array();
  for (const auto& viewer : viewers_) {
    const view::ViewerFigures figures = viewer->Figures();
    if (flags_.count > 1) each.push_back(figures.ToJson());
    sum.Add(figures);
  }
  if (flags_.common.json) {
    nlohmann::json report = sum.ToJson();
    if (flags_.count > 1) report["viewers"] = each;
    (void)std::printf("%s\n", report.dump().c_str());
  } else {
    (void)std::printf("%s\n", sum.ToText().c_str());
  }
  return ExitCode(sum);
}

// A viewer was refused for good: with all of them gone there is nothing left to wait for.
void Run::OnOver() {
  if (++over_ == viewers_.size()) End();
}

void Run::End() {
  if (ending_) return;
  ending_ = true;
  end_.StartAfter(kGoodbye);
  for (auto& viewer : viewers_) {
    viewer->Stop([this] {
      if (++stopped_ == viewers_.size()) loop_.Stop();
    });
  }
}

int Run::ExitCode(const view::ViewerFigures& sum) const {
  if (sum.marks_foreign > 0) return media::kExitForeignMark;
  if (sum.refused || sum.sessions == 0) return media::kExitRefused;
  if (sum.frames == 0) return media::kExitNothingCame;
  return media::kExitOk;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"A viewer for Latchkey: receives a camera by WHEP, decodes it, reads the marks, reports."};
  Flags flags;
  Declare(app, flags);
  if (const auto code = media::ParseCommandLine(app, argc, argv)) return *code;
  const auto http = flags.common.Http();
  if (!http) return Complain(http.error().message);
  if (flags.no_decode && (!flags.expect_mark.empty() || !flags.snapshot.empty())) {
    return Complain("--no-decode sees no pictures: leave out --expect-mark and --snapshot");
  }
  if (flags.count > 1 && (!flags.record.empty() || !flags.snapshot.empty())) {
    return Complain("--record and --snapshot write one file: leave out --count");
  }
  flags.viewer.impairments = flags.common.impairments();
  if (!flags.expect_mark.empty()) flags.viewer.expect_mark = flags.expect_mark;
  if (!flags.record.empty()) flags.viewer.record = flags.record;
  if (!flags.snapshot.empty()) flags.viewer.snapshot = flags.snapshot;
  flags.viewer.decode = !flags.no_decode;
  media::SilenceLibraries();
  auto ports = media::RealPorts::Make();
  if (!ports) return Complain(ports.error().message);
  Run run(flags, *http, **ports);
  return run.Go();
}
