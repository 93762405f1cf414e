// Small files that are whole or not there. Private to platform/store.
#pragma once

#include <string>

#include "daemon/base/bytes.h"
#include "daemon/base/result.h"

namespace latchkey::platform {

// What the system said while we were `doing` something: kLimit where there is no room, else kSystem.
tl::unexpected<Error> SystemError(const std::string& doing, int number);

// Complete under another name before it gets its own: 0600, durable when this returns.
Status WriteDurably(const std::string& folder, const std::string& path, ByteView bytes);
// New names in the folder survive a power cut.
Status SyncFolder(const std::string& folder);

}  // namespace latchkey::platform
