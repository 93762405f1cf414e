// What systemd is told of a service of Type=notify (sd_notify(3)), without its library.
#pragma once

#include <string_view>

namespace latchkey::platform {

// Sends `state` ("READY=1", "STOPPING=1") to $NOTIFY_SOCKET. Nothing happens where no service manager
// listens: a program started by hand is not the worse for it.
void NotifyServiceManager(std::string_view state);

}  // namespace latchkey::platform
