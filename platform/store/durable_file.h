// Small files that are whole or not there. Private to platform/store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "daemon/base/bytes.h"
#include "daemon/base/result.h"
#include "platform/loop/unique_fd.h"

namespace latchkey::platform {

// What the system said while we were `doing` something: kLimit where there is no room, else kSystem.
tl::unexpected<Error> SystemError(const std::string& doing, int number);

enum class Links : std::uint8_t { kFollowed, kRefused };

// A regular file, for reading. kNotFound: there is none; kCorrupt: it is something else, at which we don't
// wait.
Result<UniqueFd> OpenFile(const std::string& path, Links links = Links::kFollowed);
// kDenied: others than its owner may read or write it.
Status CheckPrivate(const UniqueFd& fd, const std::string& path);
// What there is, up to all of `room`.
Result<std::size_t> ReadInto(const UniqueFd& fd, const std::string& path, MutableByteView room);

// Complete under another name before it gets its own: 0600, durable when this returns.
Status WriteDurably(const std::string& folder, const std::string& path, ByteView bytes);
// New names in the folder survive a power cut.
Status SyncFolder(const std::string& folder);

}  // namespace latchkey::platform
