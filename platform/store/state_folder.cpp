#include "platform/store/state_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <system_error>

#include "daemon/base/bytes.h"

namespace latchkey::platform {
namespace {

tl::unexpected<Error> SystemError(const std::string& doing, int number) {
  const ErrorCode code = number == ENOSPC || number == EDQUOT ? ErrorCode::kLimit : ErrorCode::kSystem;
  return Fail(code, doing + ": " + std::generic_category().message(number));
}

Status WriteAndSync(const std::string& path, std::string_view text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return SystemError("cannot write " + path, errno);
  const ssize_t n = ::write(fd.get(), text.data(), text.size());
  if (n < 0) return SystemError("cannot write " + path, errno);
  if (static_cast<std::size_t>(n) != text.size()) return SystemError("cannot write " + path, ENOSPC);
  if (::fsync(fd.get()) != 0) return SystemError("cannot write " + path, errno);
  return {};
}

}  // namespace

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
  return SyncFolder();
}

Status StateFolder::WriteMarker(const RegistryId& id) const {
  const std::string path = File("registry.id");
  const std::string fresh = path + ".new";
  if (auto written = WriteAndSync(fresh, id.ToHex() + "\n"); !written) return written;
  if (::rename(fresh.c_str(), path.c_str()) != 0) return SystemError("cannot make " + path, errno);
  return SyncFolder();
}

Status StateFolder::SyncFolder() const {
  const UniqueFd fd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return SystemError("cannot write to " + path_, errno);
  return {};
}

}  // namespace latchkey::platform
