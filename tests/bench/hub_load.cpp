// One synthetic camera and N viewers of a running hub, in one process. Prints one JSON object.
//
//   latchkey-bench-load --whip URL --whep URL --viewers N --seconds S [--gop S] [--joins N]
//   tokens: LATCHKEY_CAMERA_TOKEN, LATCHKEY_VIEWER_TOKEN
//
// Frame delay: from just before the frame's last packet is handed to the kernel by the camera to the kernel's
// stamp on the last packet that completes it at the viewer. Join: from the viewer's POST (and from its
// transport being connected) to the last packet of the first complete keyframe.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <vector>

#include "tests/bench/hub_peer.h"
#include "tests/bench/synthetic_camera.h"
#include "tools/media/real_ports.h"

namespace latchkey::bench {
namespace {

struct Options {
  std::string whip;
  std::string whep;
  int viewers = 1;
  int joins = 0;
  double seconds = 10;
  StreamShape shape;
};

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return -1;
  std::sort(values.begin(), values.end());
  const auto at = static_cast<std::size_t>(q * static_cast<double>(values.size() - 1) + 0.5);
  return values[at];
}

double Milliseconds(Duration d) {
  return static_cast<double>(ToMicroseconds(d)) / 1000.0;
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

class Load {
 public:
  Load(platform::Loop& loop, media::RealPorts& ports, Options options)
      : loop_(loop),
        ports_(ports),
        options_(std::move(options)),
        camera_http_(loop, {.token = Environment("LATCHKEY_CAMERA_TOKEN"), .ca_file = "", .insecure = false}),
        viewer_http_(loop, {.token = Environment("LATCHKEY_VIEWER_TOKEN"), .ca_file = "", .insecure = false}),
        source_(options_.shape),
        tick_(loop, [this] { Tick(); }),
        phase_(loop, [this] { NextPhase(); }) {}

  void Run() {
    media::PublishMedia media;
    camera_ = std::make_unique<HubPeer>(loop_, camera_http_,
                                        std::make_unique<media::RtcSession>(ports_.session(), media),
                                        options_.whip, HubPeer::Handlers{[this] { CameraUp(); }, nullptr});
    camera_->Start();
    loop_.Run();
  }

 private:
  void CameraUp() {
    next_frame_ = loop_.Now();
    tick_.StartAt(next_frame_);
    // A group and a half first, so that the cache holds a whole one.
    phase_.StartAfter(Duration{static_cast<std::int64_t>(options_.shape.gop_seconds * 1.2e9)} +
                      milliseconds{500});
  }

  void Tick() {
    const Instant now = loop_.Now();
    while (next_frame_ <= now) {
      const std::uint32_t number = source_.next_number();
      camera_->session().SendFrame(source_.Next(now, camera_->session().TakeKeyframeRequest()), now);
      sent_at_[number] = camera_->Flush();
      next_frame_ += source_.interval();
    }
    tick_.StartAt(next_frame_);
  }

  void NextPhase() {
    if (options_.joins > 0) {
      Join();
    } else if (viewers_.size() < static_cast<std::size_t>(options_.viewers)) {
      AddViewer();
      phase_.StartAfter(milliseconds{30});
    } else if (!measuring_) {
      // All are in: let the last ones catch up, then count.
      if (!settling_) {
        settling_ = true;
        phase_.StartAfter(seconds{3});
        return;
      }
      measuring_ = true;
      measured_from_ = loop_.Now();
      packets_before_ = Packets();
      std::printf("measuring\n");
      std::fflush(stdout);
      phase_.StartAfter(Duration{static_cast<std::int64_t>(options_.seconds * 1e9)});
    } else {
      Report();
    }
  }

  void AddViewer() {
    auto session = std::make_unique<media::RtcSession>(ports_.session());
    viewers_.push_back(std::make_unique<HubPeer>(
        loop_, viewer_http_, std::move(session), options_.whep,
        HubPeer::Handlers{nullptr, [this](const media::RtcSession::Frame& frame) { OnFrame(frame); }}));
    viewers_.back()->Start();
  }

  void OnFrame(const media::RtcSession::Frame& frame) {
    if (!measuring_) return;
    const auto number = FrameNumberOf(frame.frame.bytes);
    if (!number || !sent_at_.contains(*number)) return;
    const Instant sent = sent_at_[*number];
    if (sent < measured_from_) return;
    ++frames_;
    delays_.push_back(Milliseconds(frame.frame.arrived - sent));
    if (frame.frame.keyframe) key_delays_.push_back(delays_.back());
  }

  // One join after the other, each at another phase of the group.
  void Join() {
    if (static_cast<int>(join_ms_.size()) == options_.joins) {
      Report();
      return;
    }
    if (!viewers_.empty()) return;
    auto session = std::make_unique<media::RtcSession>(ports_.session());
    viewers_.push_back(std::make_unique<HubPeer>(
        loop_, viewer_http_, std::move(session), options_.whep,
        HubPeer::Handlers{nullptr, [this](const media::RtcSession::Frame& frame) { OnJoined(frame); }}));
    viewers_.back()->Start();
  }

  void OnJoined(const media::RtcSession::Frame& frame) {
    if (joined_ || !frame.frame.keyframe) return;
    joined_ = true;
    const auto& viewer = *viewers_.back();
    join_ms_.push_back(Milliseconds(frame.frame.arrived - viewer.posted_at()));
    connected_ms_.push_back(Milliseconds(frame.frame.arrived - viewer.connected_at()));
    viewers_.back()->Stop([this] {
      loop_.DeleteLater(std::move(viewers_.back()));
      viewers_.clear();
      joined_ = false;
      phase_.StartAfter(milliseconds{137});
    });
  }

  std::uint64_t Packets() const {
    std::uint64_t sum = 0;
    for (const auto& viewer : viewers_) sum += viewer->session().Figures().received.packets;
    return sum;
  }

  void Report() {
    nlohmann::json out;
    out["viewers"] = options_.viewers;
    out["camera_keyframe_requests"] = camera_->session().Figures().sent.plis;
    if (options_.joins > 0) {
      out["joins"] = join_ms_.size();
      out["post_to_picture_ms"] = {{"p50", Quantile(join_ms_, 0.5)},
                                   {"p95", Quantile(join_ms_, 0.95)},
                                   {"max", Quantile(join_ms_, 1)}};
      out["connected_to_picture_ms"] = {{"p50", Quantile(connected_ms_, 0.5)},
                                        {"p95", Quantile(connected_ms_, 0.95)}};
    } else {
      const double elapsed = ToSeconds(loop_.Now() - measured_from_);
      std::uint64_t lost = 0;
      for (const auto& viewer : viewers_) lost += viewer->session().Figures().received.lost;
      out["seconds"] = elapsed;
      out["packets_delivered"] = Packets() - packets_before_;
      out["packets_lost"] = lost;
      out["frames_delivered"] = frames_;
      out["frames_expected"] = static_cast<std::uint64_t>(elapsed * options_.shape.fps) * viewers_.size();
      out["frame_delay_ms"] = {{"p50", Quantile(delays_, 0.5)},
                               {"p95", Quantile(delays_, 0.95)},
                               {"p99", Quantile(delays_, 0.99)},
                               {"max", Quantile(delays_, 1)}};
      out["keyframe_delay_ms"] = {{"p50", Quantile(key_delays_, 0.5)}, {"p99", Quantile(key_delays_, 0.99)}};
    }
    std::printf("%s\n", out.dump().c_str());
    std::fflush(stdout);
    std::_Exit(0);  // the hub is ended by whoever started it
  }

  platform::Loop& loop_;
  media::RealPorts& ports_;
  Options options_;
  media::HttpClient camera_http_;
  media::HttpClient viewer_http_;
  SyntheticCamera source_;
  platform::Timer tick_;
  platform::Timer phase_;
  std::unique_ptr<HubPeer> camera_;
  std::vector<std::unique_ptr<HubPeer>> viewers_;
  std::unordered_map<std::uint32_t, Instant> sent_at_;
  Instant next_frame_;
  Instant measured_from_;
  std::uint64_t packets_before_ = 0;
  std::uint64_t frames_ = 0;
  bool settling_ = false;
  bool measuring_ = false;
  bool joined_ = false;
  std::vector<double> delays_;
  std::vector<double> key_delays_;
  std::vector<double> join_ms_;
  std::vector<double> connected_ms_;
};

int Main(int argc, char** argv) {
  Options options;
  CLI::App app{"Loads a hub with one synthetic camera and many viewers"};
  app.add_option("--whip", options.whip)->required();
  app.add_option("--whep", options.whep)->required();
  app.add_option("--viewers", options.viewers);
  app.add_option("--joins", options.joins);
  app.add_option("--seconds", options.seconds);
  app.add_option("--gop", options.shape.gop_seconds);
  CLI11_PARSE(app, argc, argv);
  platform::Loop loop;
  auto ports = media::RealPorts::Make();
  if (!ports) {
    std::fprintf(stderr, "bench: %s\n", ports.error().message.c_str());
    return 1;
  }
  Load load(loop, **ports, options);
  load.Run();
  return 0;
}

}  // namespace
}  // namespace latchkey::bench

int main(int argc, char** argv) {
  return latchkey::bench::Main(argc, argv);
}
