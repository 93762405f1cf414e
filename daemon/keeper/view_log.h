// What the audit log is told of sessions: whom they are about, and how each leg of a view did.
#pragma once

#include <string_view>

#include "daemon/keeper/books.h"

namespace latchkey::keeper {

// A view under way is recorded so often.
constexpr Duration kViewPeriod = seconds(60);

[[nodiscard]] About AboutOf(const Session& session);
// Packets, loss and jitter of both legs since the last record, and where the viewer is.
[[nodiscard]] Facts TellView(const Session& session);

// The session was answered: from now on its viewer may see the camera.
void BeginView(Books& books, Session& session, std::uint8_t rights);
// What the lane says of its sessions. Those of other cameras are nobody's here.
void NoteLegs(Books& books, CameraId camera, const wire::LaneStatus& status);

}  // namespace latchkey::keeper
