#include "daemon/keeper/sessions.h"

#include <algorithm>

#include "daemon/base/check.h"

namespace latchkey::keeper {

Session& Sessions::Add(Session session) {
  LATCHKEY_CHECK(sessions_.size() < kMaxSessions);
  const SessionId id = session.id;
  const auto [at, added] = sessions_.emplace(id, std::move(session));
  LATCHKEY_CHECK(added);
  return at->second;
}

Session* Sessions::Find(SessionId id) {
  const auto at = sessions_.find(id);
  return at == sessions_.end() ? nullptr : &at->second;
}

std::size_t Sessions::ViewersOf(CameraId camera) const {
  return static_cast<std::size_t>(std::count_if(sessions_.begin(), sessions_.end(), [&](const auto& entry) {
    return entry.second.camera == camera && entry.second.is_viewer();
  }));
}

}  // namespace latchkey::keeper
