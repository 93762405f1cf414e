// A tool's standing wish to be connected: POSTs the offer, runs the session, comes back after it broke, says
// DELETE at the end. One for a camera, one for each viewer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "platform/loop/loop.h"
#include "platform/loop/timer.h"
#include "tools/media/http_client.h"
#include "tools/media/impair.h"
#include "tools/media/leg.h"
#include "tools/media/rtc_session.h"

namespace latchkey::media {

struct ConnectionOptions {
  std::string url;
  ImpairOptions impairments;
  std::optional<PublishMedia> publish;  // nothing: a viewer
  // Whether the first refusal that may pass (409, 503, no answer) is waited out as well, or is final.
  bool patient = true;
};

// Sums over sessions; round trip, loss and estimate are the later one's.
void Add(SessionFigures& sum, const SessionFigures& part);
void Add(ImpairCounters& sum, const ImpairCounters& part);

class Connection {
 public:
  // Between attempts: doubles from the first to the longest, begins anew after a session that stood.
  static constexpr Duration kFirstDelay = milliseconds{500};
  static constexpr Duration kLongestDelay = seconds{2};

  struct Handlers {
    std::function<void()> on_connected;
    // Each whole frame of a viewer.
    std::function<void(RtcSession::Frame)> on_frame;
    // The hub wants a keyframe of a camera.
    std::function<void()> on_keyframe_wanted;
    // For a person: why it isn't connected. Called once for each distinct reason in a row.
    std::function<void(const std::string&)> on_trouble;
    // It is no use to go on (bad token, no such camera).
    std::function<void(const std::string&)> on_fatal;
  };

  Connection(platform::Loop& loop, HttpClient& http, SessionPorts ports, ConnectionOptions options,
             Handlers handlers);

  void Start();
  // Ends the session and DELETEs it; `done` follows, at once when there is nothing to end.
  void Stop(std::function<void()> done);

  // The session of now, connected or not; null between attempts.
  [[nodiscard]] RtcSession* session() { return leg_ ? &leg_->session() : nullptr; }
  [[nodiscard]] bool connected() const { return connected_; }
  // After the session was used from outside the handlers.
  void Flush();

  // Over all sessions so far.
  [[nodiscard]] SessionFigures Figures() const;
  [[nodiscard]] ImpairCounters impaired() const;
  [[nodiscard]] std::uint32_t sessions() const { return sessions_; }
  // When the POST of the first session was sent.
  [[nodiscard]] std::optional<Instant> first_post() const { return first_post_; }
  [[nodiscard]] long last_status() const { return last_status_; }

 private:
  void Attempt();
  void OnPosted(HttpReply reply);
  void OnProgress();
  void Lose(const std::string& why);
  void Retire();
  void RetryLater();
  void Trouble(const std::string& why);
  void DeleteSession();
  void EndWith(std::function<void()> done);

  platform::Loop& loop_;
  HttpClient& http_;
  SessionPorts ports_;
  ConnectionOptions options_;
  Handlers handlers_;
  platform::Timer retry_;
  std::unique_ptr<Leg> leg_;
  std::string location_;
  std::string last_trouble_;
  Duration delay_ = kFirstDelay;
  bool connected_ = false;
  bool posting_ = false;
  bool stopping_ = false;
  bool ever_connected_ = false;
  std::uint32_t sessions_ = 0;
  std::uint64_t attempt_ = 0;  // seeds each session's impairments differently, yet repeatably
  std::optional<Instant> first_post_;
  long last_status_ = 0;
  std::function<void()> done_;  // of a Stop() that waits for the POST's answer
  SessionFigures retired_;
  ImpairCounters retired_impaired_;
};

}  // namespace latchkey::media
