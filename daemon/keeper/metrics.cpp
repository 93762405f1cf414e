#include "daemon/keeper/metrics.h"

#include <algorithm>
#include <functional>
#include <string_view>

#include "daemon/keeper/words.h"

namespace latchkey::keeper {
namespace {

class Exposition {
 public:
  void Family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    out_ += "# HELP latchkey_" + name_ + " ";
    out_ += help;
    out_ += "\n# TYPE latchkey_" + name_ + " ";
    out_ += type;
    out_ += '\n';
  }
  void Value(const std::string& labels, std::uint64_t value) {
    out_ += "latchkey_" + name_;
    if (!labels.empty()) out_ += '{' + labels + '}';
    out_ += ' ' + std::to_string(value) + '\n';
  }
  void Single(std::string_view name, std::string_view type, std::string_view help, std::uint64_t value) {
    Family(name, type, help);
    Value("", value);
  }
  std::string Take() { return std::move(out_); }

 private:
  std::string name_;
  std::string out_;
};

std::string Label(std::string_view name, std::string_view value) {
  std::string out(name);
  out += "=\"";
  out += value;
  out += '"';
  return out;
}

std::string CameraLabel(CameraId id) {
  return Label("camera", id.ToHex().substr(0, 8));
}

using PerCamera = std::function<std::uint64_t(const LaneSlot&)>;

void Cameras(Exposition& out, const Books& books, std::string_view name, std::string_view type,
             std::string_view help, const PerCamera& value) {
  out.Family(name, type, help);
  for (const auto& [id, lane] : books.lanes) out.Value(CameraLabel(id), value(lane));
}

void States(Exposition& out, Books& books, const PageDesk& pages, Instant now) {
  out.Family("camera_state", "gauge", "1 for the state that the camera is in.");
  for (const auto& camera : books.registry.cameras()) {
    const auto view = pages.View(camera, now);
    out.Value(CameraLabel(camera.id) + ',' + Label("state", CameraStateName(view.state)), 1);
  }
}

void Drops(Exposition& out, const Books& books) {
  out.Family("dropped_datagrams_total", "counter",
             "Datagrams and packets dropped, by reason, all cameras together.");
  for (std::size_t i = 1; i < kDropReasonCount; ++i) {
    std::uint64_t sum = 0;
    for (const auto& [id, lane] : books.lanes) sum += lane.status.drops[i];
    out.Value(Label("reason", DropReasonName(static_cast<DropReason>(i))), sum);
  }
}

// All cameras together: one by one they would not fit one record.
void Repair(Exposition& out, const Books& books) {
  const auto sum = [&](std::string_view name, std::string_view help, const PerCamera& value) {
    std::uint64_t total = 0;
    for (const auto& [id, lane] : books.lanes) total += value(lane);
    out.Single(name, "counter", help, total);
  };
  sum("packets_asked_total", "Packets asked of cameras again.",
      [](const LaneSlot& l) { return l.status.packets_asked; });
  sum("packets_lost_total", "Packets of cameras given up.",
      [](const LaneSlot& l) { return l.status.packets_lost; });
  sum("frames_too_fast_total", "Frames dropped because their camera sends too fast.",
      [](const LaneSlot& l) { return l.status.frames_too_fast; });
  sum("packets_resent_total", "Packets sent to viewers again.",
      [](const LaneSlot& l) { return l.status.packets_resent; });
  sum("frames_skipped_total", "Frames passed over for viewers whose leg carries less than the stream.",
      [](const LaneSlot& l) { return l.status.frames_skipped; });
}

void KeeperItself(Exposition& out, const Books& books, const PageDesk& pages) {
  const KeeperCounters& c = books.counters;
  out.Single("questions_total", "counter", "Requests that reached the keeper.", c.questions);
  out.Single("answered_total", "counter", "Requests answered with a session or its end.", c.answered);
  out.Single("refused_total", "counter", "Requests refused.", c.refused);
  out.Single("replies_dropped_total", "counter", "Replies that met no question any more.", c.replies_dropped);
  out.Single("mixups_total", "counter",
             "Replies of another principal, lane, session or wrap. Ours; should be 0.", c.mixups);
  out.Single("question_timeouts_total", "counter", "Questions that a lane did not answer in time.",
             c.timeouts);
  out.Single("cancelled_total", "counter", "Questions whose client went away.", c.cancelled);
  out.Single("wraps_total", "counter", "Content keys wrapped for viewers.", c.wraps);
  out.Single("sessions_ended_total", "counter", "Sessions of cameras and viewers that ended.",
             c.sessions_ended);
  out.Single("open_failures_total", "counter", "Sealed frames that did not open. Ours; should be 0.",
             c.open_failures);
  out.Single("keys_admitted_total", "counter", "Stream keys of cameras that were admitted.", c.keys_admitted);
  out.Single("keys_refused_total", "counter", "Stream keys or certificates of cameras that were refused.",
             c.keys_refused);
  out.Single("protocol_violations_total", "counter", "Processes ended for what they said. Ours; should be 0.",
             c.violations);
  out.Single("front_restarts_total", "counter", "Restarts of the front.", books.front_restarts);
  out.Single("cameras", "gauge", "Cameras enrolled.", books.registry.cameras().size());
  out.Single("viewers", "gauge", "Viewers enrolled.", books.registry.viewers().size());
  out.Single("grants", "gauge", "Grants that stand.", books.registry.grants().size());
  out.Single("suspensions", "gauge", "Suspensions that stand.", books.registry.suspensions().size());
  out.Single("sessions", "gauge", "Sessions of cameras and viewers.", books.sessions.size());
  out.Single("pages", "gauge", "Pages that are told of changes.", pages.size());
}

}  // namespace

std::string MetricsText(Books& books, const PageDesk& pages, Instant now) {
  Exposition out;
  KeeperItself(out, books, pages);
  Repair(out, books);
  States(out, books, pages, now);
  Cameras(out, books, "camera_fps_milli", "gauge", "Frames from the camera per 1000 s.",
          [](const LaneSlot& l) { return l.status.fps_milli; });
  Cameras(out, books, "camera_bitrate_kbit", "gauge", "Media from the camera.",
          [](const LaneSlot& l) { return l.status.bitrate_kbit; });
  Cameras(out, books, "camera_loss_permille", "gauge", "Packets lost on the camera's leg.",
          [](const LaneSlot& l) { return l.status.loss_permille; });
  Cameras(out, books, "camera_hub_delay_us", "gauge", "p99 of what the hub adds.",
          [](const LaneSlot& l) { return l.status.hub_delay_us; });
  Cameras(out, books, "camera_viewers", "gauge", "Viewers.",
          [](const LaneSlot& l) { return l.status.viewers; });
  Cameras(out, books, "camera_frames_total", "counter", "Whole frames in.",
          [](const LaneSlot& l) { return l.status.frames_in; });
  Cameras(out, books, "camera_packets_in_total", "counter", "Packets in.",
          [](const LaneSlot& l) { return l.status.packets_in; });
  Cameras(out, books, "camera_packets_out_total", "counter", "Packets out to viewers.",
          [](const LaneSlot& l) { return l.status.packets_out; });
  Cameras(out, books, "camera_cache_bytes", "gauge", "Sealed frames held.",
          [](const LaneSlot& l) { return l.status.cache_bytes; });
  Cameras(out, books, "camera_keyframe_requests_total", "counter", "Keyframes asked of the camera.",
          [](const LaneSlot& l) { return l.status.keyframe_requests; });
  Cameras(out, books, "camera_hold_ms", "gauge", "How long a picture with a hole may hold up the others.",
          [](const LaneSlot& l) { return l.status.hold_ms; });
  Cameras(out, books, "camera_round_trip_us", "gauge",
          "Round trip of a request to the camera. 0: not measured.",
          [](const LaneSlot& l) { return l.status.round_trip_us; });
  Cameras(out, books, "camera_lane_restarts_total", "counter", "Restarts of the camera's lane.",
          [](const LaneSlot& l) { return l.restarts; });
  Drops(out, books);
  return out.Take();
}

}  // namespace latchkey::keeper
