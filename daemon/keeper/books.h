// What the keeper's desks share: the registry, the lanes, the questions and sessions under way, and the
// effects still to be carried out. It has no will of its own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/keeper/audit_book.h"
#include "daemon/keeper/effects.h"
#include "daemon/keeper/facts.h"
#include "daemon/keeper/http_identity.h"
#include "daemon/keeper/questions.h"
#include "daemon/keeper/refusals.h"
#include "daemon/keeper/registry.h"
#include "daemon/keeper/sessions.h"
#include "daemon/ports/crypto.h"
#include "daemon/ports/entropy.h"
#include "daemon/ports/stream_key.h"

namespace latchkey::keeper {

// What the children are told at their start.
struct Settings {
  bool loopback = false;
  std::uint16_t http_port = 0;
  std::uint32_t cache_bytes = 6 * 1024 * 1024;
  std::uint32_t cache_frames = 2048;
  Duration cache_age = seconds(30);
  std::uint32_t max_viewers = 64;
  std::uint32_t max_bitrate_kbit = 8000;
  Duration hold_least = milliseconds(60);
  Duration hold_most = milliseconds(1000);
  Duration stale_after = milliseconds(1000);
  Duration unavailable_after = milliseconds(2000);
};

enum class LaneState : std::uint8_t { kDown, kStarting, kReady };

// What the publisher's session was admitted with.
struct AdmittedKey {
  ports::KeyPin public_key{};
  std::vector<std::uint32_t> sources;  // SSRCs that it sends under
};

// One camera's lane, as far as the keeper knows.
struct LaneSlot {
  LaneState state = LaneState::kDown;
  Instant since{};  // of `state`
  bool told_to_suspend = false;
  bool dark = false;               // it has said since that nothing leaves it any more
  std::optional<Instant> dark_by;  // else it is ended then, when what it has said by then is read
  bool overdue = false;            // that time is up
  std::uint16_t udp_port = 0;
  Epoch epoch;  // 0: none lives
  Secret32 content_key;
  Instant epoch_began{};
  std::uint32_t epochs_wanted = 0;  // by the lane, since the moment below
  Instant epochs_wanted_since{};
  std::optional<SessionId> publisher;
  std::optional<AdmittedKey> admitted;  // of the publisher
  std::string key_refused;              // why, of the last session; empty: none was
  bool sdes = false;                    // the publisher's session is of the key that the hub made
  bool sdes_refused = false;            // the key that the hub made, until its owner does something
  std::optional<Instant> sdes_failed;   // when a session of it could last not be begun, or go on
  std::uint32_t blocks_wanted = 0;      // of indices, by the lane, since the moment below
  Instant blocks_wanted_since{};
  std::size_t blocks_waiting = 0;        // of indices, for the disk, also of sessions that have ended
  ports::StreamKeyDigest sdes_digest{};  // of the key that the hub made, as its session must show it
  wire::LaneStatus status;
  std::optional<Instant> status_at;
  std::uint64_t restarts = 0;

  // Why nobody publishes, as far as the keeper knows.
  [[nodiscard]] wire::UnavailableReason WhyOffline() const {
    return key_refused.empty() ? wire::UnavailableReason::kCameraOffline
                               : wire::UnavailableReason::kKeyRefused;
  }
  void ForgetPublisher() {
    publisher.reset();
    admitted.reset();
    sdes = false;
  }
};

// Counted for the metrics; a mix-up is our own fault, and noticed.
struct KeeperCounters {
  std::uint64_t questions = 0;
  std::uint64_t answered = 0;
  std::uint64_t refused = 0;
  std::uint64_t replies_dropped = 0;  // no such question any more
  std::uint64_t mixups = 0;           // a question, but not this principal, lane, session or wrap
  std::uint64_t timeouts = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t wraps = 0;
  std::uint64_t sessions_ended = 0;
  std::uint64_t open_failures = 0;
  std::uint64_t keys_admitted = 0;
  std::uint64_t keys_refused = 0;
  std::uint64_t violations = 0;
};

// What happens over and over is recorded the first time, and once more for the rest of so long a time.
constexpr Duration kRecordOften = seconds(60);
// Things that are counted so at once; of more, what was counted of the oldest is recorded early.
constexpr std::size_t kMaxRepeated = 256;

struct Repeated {
  audit::Kind kind = audit::Kind::kNone;
  About about;  // camera, viewer and facts tell one thing from another
  Facts facts;
  Instant since{};         // of the first time, which was recorded
  std::uint64_t more = 0;  // times since then
};

struct Books {
  Books(Registry& r, AuditBook& a, ports::Crypto& c, ports::Entropy& e, const Settings& s)
      : registry(r), audit(a), crypto(c), entropy(e), settings(s) {}

  Registry& registry;
  AuditBook& audit;
  ports::Crypto& crypto;
  ports::Entropy& entropy;
  Settings settings;
  HttpIdentity http;
  std::map<CameraId, LaneSlot> lanes;
  Questions questions;
  Sessions sessions;
  KeeperCounters counters;
  bool front_up = false;     // started and not ended
  bool front_ready = false;  // has said FrontReady
  Instant front_since{};
  std::uint64_t front_restarts = 0;
  // The log could not be written for too long: nobody may see anything that would not be recorded.
  bool unrecorded = false;
  std::vector<Repeated> repeated;  // records that came often
  std::uint64_t told_turn = 0;     // of the registry, in the log
  Instant now{};                   // of the call being carried out
  WallTime wall{};
  bool lists_changed = false;  // what pages show is not what they were told
  std::vector<Effect> effects;

  void ToFrontNow(wire::KeeperToFront message);
  void ToLaneNow(CameraId camera, wire::KeeperToLane message);
  // Every call begins with one of these. Without a wall clock it is the last one, gone on.
  void SetTime(Instant at, WallTime wall_at);
  void SetTime(Instant at);
  // Into the audit log. Says the registry's turn where the log has not been told it: an older registry that
  // is put back then shows at the next start.
  void Record(audit::Kind kind, const About& about, const Facts& facts = {});
  // The same for what somebody outside can make happen over and over.
  void RecordOften(audit::Kind kind, const About& about, Facts facts);
  // Of what began by then, how often it has happened since. To be called at each tick, and at the end.
  void RecordRepeated(Instant before);
  // An answer, session or wrap that was somebody else's.
  void NoteMixup(CameraId camera, std::string_view what);
  void Tell(std::string text, CameraId camera = {});
  void Refuse(const wire::Ticket& ticket, const Refusal& refusal);
  void FrontViolation(const std::string& why);
  void LaneViolation(CameraId camera, const std::string& why);

  // An id for a session that is to begin. Nothing when the one that was drawn is in use, which is recorded:
  // it is refused, never drawn again, because then the randomness is broken (invariant 6).
  [[nodiscard]] std::optional<SessionId> DrawSession(CameraId camera);
  // nullptr: no such camera.
  LaneSlot* Lane(CameraId camera);
  // The lane can be asked for this camera right now; otherwise why not.
  [[nodiscard]] std::optional<Refusal> WhyNot(CameraId camera);

 private:
  void RecordMore(Repeated& what);
};

}  // namespace latchkey::keeper
