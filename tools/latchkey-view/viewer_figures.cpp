#include <algorithm>
#include <cmath>

#include "tools/latchkey-view/viewer.h"
#include "tools/media/cli.h"

namespace latchkey::view {

void ViewerFigures::Add(const ViewerFigures& other) {
  frames += other.frames;
  frames_late += other.frames_late;
  frames_cached += other.frames_cached;
  frames_undecodable += other.frames_undecodable;
  keyframes += other.keyframes;
  marks_ok += other.marks_ok;
  marks_foreign += other.marks_foreign;
  marks_unread += other.marks_unread;
  marks_repeated += other.marks_repeated;
  marks_missing += other.marks_missing;
  // Of several viewers the slowest counts.
  if (other.first_frame) first_frame = std::max(first_frame.value_or(Duration{0}), *other.first_frame);
  latency.AddAll(other.latency);
  freezes += other.freezes;
  freeze_time += other.freeze_time;
  media::Add(session, other.session);
  media::Add(impaired, other.impaired);
  sessions += other.sessions;
  // Of several the one that isn't a success.
  if (last_status == 0 || last_status == 201) last_status = other.last_status;
  refused = refused || other.refused;
  watched = std::max(watched, other.watched);
}

std::string ViewerFigures::ToText() const {
  std::string text = std::to_string(frames) + " frames";
  if (marks_ok > 0) text += ", " + std::to_string(marks_ok) + " with the right mark";
  if (marks_foreign > 0) text += ", " + std::to_string(marks_foreign) + " OF ANOTHER CAMERA";
  if (marks_unread > 0) text += ", " + std::to_string(marks_unread) + " without a readable mark";
  if (first_frame) text += ", the first after " + std::to_string(ToMilliseconds(*first_frame)) + " ms";
  text += ", " + std::to_string(freezes) + (freezes == 1 ? " freeze" : " freezes");
  if (!latency.empty()) {
    text += ", latency " + std::to_string(std::lround(media::RoundedMs(latency.At(50)))) + " ms (p99 " +
            std::to_string(std::lround(media::RoundedMs(latency.At(99)))) + " ms)";
  }
  return text;
}

nlohmann::json ViewerFigures::ToJson() const {
  const auto ms_or_null = [](const std::optional<Duration>& d) {
    return d ? nlohmann::json(media::RoundedMs(*d)) : nlohmann::json();
  };
  const auto percentile = [&](double p) {
    return latency.empty() ? nlohmann::json() : nlohmann::json(media::RoundedMs(latency.At(p)));
  };
  const double lasted = std::max(0.001, ToSeconds(watched));
  return {
      {"frames", frames},
      {"frames_late", frames_late},
      {"frames_cached", frames_cached},
      {"frames_undecodable", frames_undecodable},
      {"frames_damaged", session.received.frames_damaged},
      {"keyframes", keyframes},
      {"marks_ok", marks_ok},
      {"marks_foreign", marks_foreign},
      {"marks_unread", marks_unread},
      {"marks_repeated", marks_repeated},
      {"marks_missing", marks_missing},
      {"first_frame_ms", ms_or_null(first_frame)},
      {"latency_ms", {{"p50", percentile(50)}, {"p95", percentile(95)}, {"p99", percentile(99)}}},
      {"freezes", freezes},
      {"freeze_ms", media::RoundedMs(freeze_time)},
      {"packets", session.received.packets},
      {"lost", session.received.lost},
      {"repaired", session.received.repaired},
      {"duplicates", session.received.duplicates},
      {"nacks", session.received.nacked},
      {"nack_messages", session.nack_messages},
      {"plis", session.plis_sent},
      {"audio_packets", session.audio_packets},
      {"bitrate_kbit", std::lround(static_cast<double>(session.received.payload_bytes) * 8 / 1000 / lasted)},
      {"rtt_ms", ms_or_null(session.round_trip)},
      {"sessions", sessions},
      {"datagrams_refused", session.dropped},
      {"impaired", media::ToJson(impaired)},
      {"last_status", last_status},
      {"seconds", lasted},
  };
}

}  // namespace latchkey::view
