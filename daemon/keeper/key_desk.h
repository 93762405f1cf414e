// Epochs, content keys and wraps: who may go on watching, decided anew each time, and how sessions end.
#pragma once

#include "daemon/access/policy.h"
#include "daemon/keeper/books.h"

namespace latchkey::keeper {

// Longest life of one content key.
constexpr Duration kEpochLife = hours(24);
// After an epoch could not be made (a full disk), before the next try.
constexpr Duration kEpochRetry = seconds(60);

class KeyDesk {
 public:
  explicit KeyDesk(Books& books) : books_(books) {}

  // A fresh number and key for an offer that may or may not begin it. Errors: the disk's.
  Result<Epoch> NewEpoch(CameraId camera, Secret32& content_key);
  // The lane has begun `epoch`: it stands, and every session of the camera gets its wrap or its end.
  void Adopt(CameraId camera, Epoch epoch, Secret32 content_key, Instant now, WallTime wall);
  // The lane is told to begin a new one within the camera's session. An error: everything is as before.
  Status Begin(CameraId camera, Instant now, WallTime wall);

  // May this viewer's session go on? By its own grant, at this moment.
  [[nodiscard]] tl::expected<ports::GrantRecord, access::ViewRefusal> Decide(ViewerId viewer, CameraId camera,
                                                                             GrantId grant,
                                                                             WallTime wall) const;
  // A wrap for the camera's present epoch, bound to what the grant says now.
  struct Wrap {
    wire::WrapBytes bytes{};
    Epoch epoch;
    std::uint8_t rights = 0;
    WallTime from{};
    WallTime until{};
  };
  Wrap MakeWrap(const Secret32& key, const std::array<std::uint8_t, 32>& fingerprint,
                const ports::GrantRecord& grant, WallTime wall);

  // Every session: ended if it may no longer be, renewed if its wrap is half used up. To be called at each
  // change of the registry and at least once a second.
  void Recheck(WallTime wall);
  // Epochs older than kEpochLife are followed by new ones.
  void Rotate(Instant now, WallTime wall);

  // Tells the lane and forgets the session. Questions about it get 404. `why` goes into the audit log.
  void EndSession(SessionId id, std::string_view why);
  // The same without telling the lane, which said so itself or is gone.
  void ForgetSession(SessionId id, std::string_view why);
  // Everything of one camera: questions refused, sessions forgotten, key erased. The lane is told nothing.
  void DropCamera(CameraId camera, const Refusal& refusal, std::string_view why);
  // Nobody waits for this question any more: what it began at the lane is undone.
  void Abandon(const wire::Ticket& ticket);
  // The same for every question of the camera, each refused.
  void RefuseQuestions(CameraId camera, const Refusal& refusal);
  // The camera's own session and its questions end.
  void EndPublisher(CameraId camera, const Refusal& refusal, std::string_view why);
  // The same for a viewer, at every camera.
  void EndViewer(ViewerId viewer, const Refusal& refusal, std::string_view why);

 private:
  void RenewAll(CameraId camera, WallTime wall);
  void Renew(Session& session, const ports::GrantRecord& grant, WallTime wall);

  Books& books_;
};

}  // namespace latchkey::keeper
