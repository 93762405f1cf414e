#include "tools/latchkey-cam/camera.h"

#include <cmath>
#include <csignal>
#include <cstdio>
#include <memory>
#include <thread>
#include <utility>

#include "daemon/base/ids.h"
#include "platform/loop/poller.h"
#include "platform/loop/signal_watcher.h"
#include "platform/loop/timer.h"
#include "tools/media/cli.h"
#include "tools/media/connection.h"
#include "tools/media/real_ports.h"
#include "tools/media/video_decoder.h"

namespace latchkey::cam {
namespace {

// How long the end may take: DELETE's answer.
constexpr Duration kGoodbye = seconds{2};

void Say(const std::string& what) {
  (void)std::fprintf(stderr, "latchkey-cam: %s\n", what.c_str());
}

class Camera {
 public:
  Camera(const CameraOptions& options, media::RealPorts& ports, std::unique_ptr<media::Source> source);
  int Run();

 private:
  [[nodiscard]] media::ConnectionOptions ConnectionFor() const;
  media::Connection::Handlers Handlers();
  void OnFrames();
  void End();
  void Report() const;

  const CameraOptions& options_;
  std::unique_ptr<media::Source> source_;
  media::FrameQueue queue_;
  platform::Loop loop_;
  media::HttpClient http_;
  media::Connection connection_;
  platform::Poller frames_;
  platform::Timer end_;
  platform::SignalWatcher interrupt_;
  platform::SignalWatcher terminate_;
  Instant begun_;
  bool ending_ = false;
  int exit_code_ = media::kExitOk;
  Status source_status_;  // written by the source's thread, read after it was joined
  std::thread thread_;
};

Camera::Camera(const CameraOptions& options, media::RealPorts& ports, std::unique_ptr<media::Source> source)
    : options_(options),
      source_(std::move(source)),
      http_(loop_, options.http),
      connection_(loop_, http_, ports.session(), ConnectionFor(), Handlers()),
      frames_(loop_, queue_.wake_fd(), [this](platform::Poller::Events) { OnFrames(); }),
      end_(loop_, [this] { ending_ ? loop_.Stop() : End(); }),
      interrupt_(loop_, SIGINT, [this](int) { End(); }),
      terminate_(loop_, SIGTERM, [this](int) { End(); }) {}

media::ConnectionOptions Camera::ConnectionFor() const {
  media::PublishMedia publish;
  publish.video = options_.source.codec;
  publish.h264_profile = source_->h264_profile().value_or(wire::kWebProfileLevel);
  publish.audio = source_->has_audio();
  publish.sdes = options_.sdes;
  media::ConnectionOptions connection;
  connection.url = options_.whip;
  connection.impairments = options_.impairments;
  connection.publish = publish;
  return connection;
}

media::Connection::Handlers Camera::Handlers() {
  media::Connection::Handlers handlers;
  handlers.on_connected = [] { Say("connected"); };
  handlers.on_keyframe_wanted = [this] { queue_.RequestKeyframe(); };
  handlers.on_trouble = [](const std::string& why) { Say(why + "; trying again"); };
  handlers.on_fatal = [this](const std::string& why) {
    Say(why);
    exit_code_ = media::kExitRefused;
    End();
  };
  return handlers;
}

int Camera::Run() {
  Say(source_->Description());
  begun_ = loop_.Now();
  frames_.Watch({true, false});
  thread_ = std::thread([this] {
    source_status_ = source_->Run(queue_);
    queue_.MarkEnded();
  });
  if (options_.duration_s > 0)
    end_.StartAfter(Duration{static_cast<std::int64_t>(options_.duration_s * 1e9)});
  connection_.Start();
  loop_.Run();
  queue_.Stop();
  thread_.join();
  if (!source_status_) {
    Say(source_status_.error().message);
    exit_code_ = media::kExitUsage;
  } else if (exit_code_ == media::kExitOk && connection_.sessions() == 0) {
    exit_code_ = media::kExitRefused;
  }
  if (options_.json) Report();
  return exit_code_;
}

void Camera::OnFrames() {
  queue_.ClearWake();
  while (const auto frame = queue_.Pop()) {
    if (auto* session = connection_.session()) session->SendFrame(*frame, loop_.Now());
  }
  connection_.Flush();
  if (queue_.ended()) End();
}

void Camera::End() {
  if (ending_) return;
  ending_ = true;
  frames_.Stop();
  end_.StartAfter(kGoodbye);
  connection_.Stop([this] { loop_.Stop(); });
}

void Camera::Report() const {
  const media::SessionFigures figures = connection_.Figures();
  const double lasted = ToSeconds(loop_.Now() - begun_);
  nlohmann::json report{
      {"frames", figures.sent.frames},
      {"keyframes", figures.sent.keyframes},
      {"packets", figures.sent.packets},
      {"audio_packets", figures.audio_packets},
      {"nacks", figures.sent.nacked},
      {"rtx", figures.sent.retransmitted},
      {"plis", figures.sent.plis},
      {"bitrate_kbit",
       std::lround(static_cast<double>(figures.sent.payload_bytes) * 8 / 1000 / std::max(lasted, 0.001))},
      {"remb_kbit", figures.remb_bps / 1000},
      {"loss_pct", figures.reported_loss * 100},
      {"sessions", connection_.sessions()},
      {"source_dropped", queue_.dropped()},
      {"datagrams_refused", figures.dropped},
      {"impaired", media::ToJson(connection_.impaired())},
      {"seconds", lasted},
      {"last_status", connection_.last_status()},
  };
  report["rtt_ms"] =
      figures.round_trip ? nlohmann::json(media::RoundedMs(*figures.round_trip)) : nlohmann::json();
  (void)std::printf("%s\n", report.dump().c_str());
}

}  // namespace

int RunCamera(const CameraOptions& options) {
  media::SilenceLibraries();
  auto source = media::OpenSource(options.source, [](const std::string& note) { Say(note); });
  if (!source) {
    Say(source.error().message);
    return media::kExitUsage;
  }
  auto ports = media::RealPorts::Make(options.key_file);
  if (!ports) {
    Say(ports.error().message);
    return media::kExitUsage;
  }
  if (!options.key_file.empty()) {
    Say("key " + internal::HexEncode((*ports)->public_key()) +
        ": latchkeyctl camera list shows it where it is pinned");
  }
  Camera camera(options, **ports, std::move(*source));
  return camera.Run();
}

}  // namespace latchkey::cam
