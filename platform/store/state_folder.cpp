#include "platform/store/state_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "daemon/base/bytes.h"
#include "platform/store/durable_file.h"

namespace latchkey::platform {

Result<StateFolder> StateFolder::Lock(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return SystemError("cannot make the state folder " + path, errno);
  }
  const std::string lock_path = path + "/lock";
  UniqueFd fd(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return SystemError("cannot use the state folder: " + lock_path, errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return SystemError("cannot lock " + lock_path, errno);
    return Fail(ErrorCode::kConflict, "another latchkeyd uses the state folder " + path +
                                          ": end it first, or choose another --state");
  }
  return StateFolder(path, std::move(fd));
}

Result<StateFolder::Found> StateFolder::Look() const {
  Found found;
  struct stat info {};
  const std::string registry = File("registry.db");
  if (::lstat(registry.c_str(), &info) == 0) {
    if (!S_ISREG(info.st_mode))
      return Fail(ErrorCode::kCorrupt, registry + " is not a regular file: move it away");
    found.registry = true;
    found.size = static_cast<std::uint64_t>(info.st_size);
  } else if (errno != ENOENT) {
    return SystemError("cannot look at " + registry, errno);
  }
  found.log = ::lstat((registry + "-wal").c_str(), &info) == 0;

  const std::string marker = File("registry.id");
  const UniqueFd fd(::open(marker.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) {
    if (errno == ENOENT) return found;
    return SystemError("cannot read " + marker, errno);
  }
  std::array<char, 64> text{};
  const ssize_t n = ::read(fd.get(), text.data(), text.size());
  if (n < 0) return SystemError("cannot read " + marker, errno);
  std::string_view line(text.data(), static_cast<std::size_t>(n));
  if (line.ends_with('\n')) line.remove_suffix(1);
  found.marker = RegistryId::FromHex(line);
  // Written after the registry, in one piece: a damaged marker beside a registry is written anew from it,
  // and one without a registry still says that there was one.
  if (!found.marker && !found.registry) {
    return Fail(ErrorCode::kCorrupt,
                marker + " is damaged and registry.db is missing: restore both from a backup");
  }
  return found;
}

Status StateFolder::MakeNewFile() const {
  const std::string path = File("registry.new");
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) {
    if (::unlink((path + suffix).c_str()) != 0 && errno != ENOENT)
      return SystemError("cannot remove " + path + suffix, errno);
  }
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return SystemError("cannot make " + path, errno);
  return {};
}

Status StateFolder::AdoptNewFile() const {
  const std::string from = File("registry.new");
  const std::string to = File("registry.db");
  const UniqueFd fd(::open(from.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return SystemError("cannot write " + from, errno);
  if (::rename(from.c_str(), to.c_str()) != 0) return SystemError("cannot make " + to, errno);
  return SyncFolder(path_);
}

Status StateFolder::WriteMarker(const RegistryId& id) const {
  return WriteDurably(path_, File("registry.id"), AsBytes(id.ToHex() + "\n"));
}

}  // namespace latchkey::platform
