// Sessions that the lanes hold for cameras and viewers, as the keeper knows them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/base/ids.h"
#include "daemon/base/secret.h"
#include "daemon/base/time.h"
#include "daemon/keeper/registry.h"
#include "daemon/wire/ipc_messages.h"

namespace latchkey::keeper {

// Of one camera: its viewers (camera.max_viewers, at most this many) and its publisher. One more viewer is
// refused with 503.
constexpr std::size_t kMaxViewersPerCamera = 256;
constexpr std::size_t kMaxSessions = kMaxCameras * (kMaxViewersPerCamera + 1);

// How a viewer's session did since it was recorded last.
struct ViewFigures {
  std::string network;  // where the viewer is: address and port
  Instant since{};      // the last record
  // In all.
  std::uint64_t packets = 0;
  std::uint64_t resent = 0;
  std::uint64_t skipped = 0;
  // The worst since then.
  std::uint32_t camera_loss_permille = 0;
  std::uint32_t camera_jitter_us = 0;
  std::uint32_t viewer_loss_permille = 0;
  std::uint32_t viewer_jitter_us = 0;
  std::uint32_t round_trip_us = 0;  // the newest
};

struct Session {
  SessionId id;
  CameraId camera;
  wire::Ticket ticket;    // of the question that began it
  TokenOwner owner;       // the camera itself, or a viewer
  bool answered = false;  // its client has been told the id
  Instant answered_at{};

  // A viewer's alone:
  GrantId grant;
  std::array<std::uint8_t, 32> fingerprint{};
  Secret32 key;  // from the front's proof; renews wraps for the session's life
  Epoch wrap_epoch;
  WallTime wrap_from{};
  WallTime wrap_until{};
  ViewFigures figures;

  [[nodiscard]] bool is_viewer() const { return std::holds_alternative<ViewerId>(owner); }
};

class Sessions {
 public:
  Session& Add(Session session);
  // Lives until the next Add or Remove; nullptr when there is none.
  Session* Find(SessionId id);
  void Remove(SessionId id) { sessions_.erase(id); }
  [[nodiscard]] std::size_t size() const { return sessions_.size(); }
  [[nodiscard]] std::size_t ViewersOf(CameraId camera) const;

  template <class Predicate>
  [[nodiscard]] std::vector<SessionId> Pick(Predicate&& which) const {
    std::vector<SessionId> ids;
    for (const auto& [id, session] : sessions_) {
      if (which(session)) ids.push_back(id);
    }
    return ids;
  }

 private:
  std::unordered_map<SessionId, Session> sessions_;
};

}  // namespace latchkey::keeper
