// One viewer: receives, decodes, reads marks, keeps the figures.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "platform/loop/loop.h"
#include "platform/loop/timer.h"
#include "tools/media/connection.h"
#include "tools/media/figures.h"
#include "tools/media/recorder.h"
#include "tools/media/video_decoder.h"

namespace latchkey::view {

// A frame that is shown later than this after the mark in it was drawn is late.
constexpr Duration kLate = milliseconds{500};
// A keyframe is asked for when nothing could be decoded for so long, and again after each such time.
constexpr Duration kAskKeyframeAfter = milliseconds{500};

struct ViewerOptions {
  std::string whep;
  media::ImpairOptions impairments;
  std::optional<std::string> expect_mark;
  std::optional<std::string> record;
  std::optional<std::string> snapshot;  // file for the first picture
  bool decode = true;
  bool patient = false;
};

// The figures of --json; those of several viewers add up.
struct ViewerFigures {
  std::uint64_t frames = 0;
  std::uint64_t frames_late = 0;
  std::uint64_t frames_cached = 0;  // older than the session: from the hub's cache, not counted as latency
  std::uint64_t frames_undecodable = 0;
  std::uint64_t keyframes = 0;
  std::uint64_t marks_ok = 0;
  std::uint64_t marks_foreign = 0;
  std::uint64_t marks_unread = 0;
  std::uint64_t marks_repeated = 0;  // a frame number not above the one before it
  std::uint64_t marks_missing = 0;   // frame numbers skipped between the marks read, whoever left them out
  std::optional<Duration> first_frame;
  media::Percentiles latency;
  std::uint64_t freezes = 0;
  Duration freeze_time{0};
  media::SessionFigures session;
  media::ImpairCounters impaired;
  std::uint32_t sessions = 0;
  long last_status = 0;
  bool refused = false;
  Duration watched{0};  // since the first POST

  void Add(const ViewerFigures& other);
  [[nodiscard]] nlohmann::json ToJson() const;
  // One line for a person.
  [[nodiscard]] std::string ToText() const;
};

class Viewer {
 public:
  Viewer(platform::Loop& loop, media::HttpClient& http, media::SessionPorts ports,
         const ViewerOptions& options, std::function<void()> on_over);
  Viewer(const Viewer&) = delete;
  Viewer& operator=(const Viewer&) = delete;

  void Start();
  // Ends the session; `done` follows.
  void Stop(std::function<void()> done);
  // The hub said a final no.
  [[nodiscard]] bool refused() const { return refused_; }
  [[nodiscard]] ViewerFigures Figures() const;

 private:
  media::Connection::Handlers Handlers();
  void OnFrame(media::RtcSession::Frame frame);
  bool Decode(const media::RtcSession::Frame& frame);
  void ReadMarkOf(const media::PictureView& picture, Instant now);
  void OnWatchdog();
  void Say(const std::string& what) const;

  platform::Loop& loop_;
  ViewerOptions options_;
  std::function<void()> on_over_;
  std::optional<std::uint64_t> expected_;
  media::Connection connection_;
  platform::Timer watchdog_;
  std::optional<media::VideoDecoder> decoder_;
  std::optional<wire::Codec> codec_;
  bool wait_for_keyframe_ = true;
  std::optional<media::Recorder> recorder_;
  media::PictureCount pictures_;
  Instant connected_at_;
  Instant decodable_at_;  // the last time that something could be decoded, or a keyframe was asked for
  media::FreezeMeter freezes_;
  ViewerFigures figures_;
  bool refused_ = false;
};

}  // namespace latchkey::view
