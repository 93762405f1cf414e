#include "platform/store/durable_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace latchkey::platform {

tl::unexpected<Error> SystemError(const std::string& doing, int number) {
  const ErrorCode code = number == ENOSPC || number == EDQUOT ? ErrorCode::kLimit : ErrorCode::kSystem;
  return Fail(code, doing + ": " + std::generic_category().message(number));
}

Result<UniqueFd> OpenFile(const std::string& path, Links links) {
  const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (links == Links::kRefused ? O_NOFOLLOW : 0);
  UniqueFd fd(::open(path.c_str(), flags));
  if (!fd.valid()) {
    auto error = SystemError("cannot read " + path, errno);
    if (errno == ENOENT) error.value().code = ErrorCode::kNotFound;
    return error;
  }
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return SystemError("cannot look at " + path, errno);
  if (!S_ISREG(info.st_mode))
    return Fail(ErrorCode::kCorrupt, "cannot read " + path + ": it is no regular file, put one there");
  return fd;
}

Status CheckPrivate(const UniqueFd& fd, const std::string& path) {
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return SystemError("cannot look at " + path, errno);
  if ((info.st_mode & 077U) == 0) return {};
  return Fail(ErrorCode::kDenied, path + " is readable by others: chmod 600 it, and think who read it");
}

Result<std::size_t> ReadInto(const UniqueFd& fd, const std::string& path, MutableByteView room) {
  std::size_t size = 0;
  while (size < room.size()) {
    const ssize_t n = ::read(fd.get(), room.data() + size, room.size() - size);
    if (n < 0) return SystemError("cannot read " + path, errno);
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  return size;
}

Status WriteDurably(const std::string& folder, const std::string& path, ByteView bytes) {
  const std::string fresh = path + ".new";
  // Of an attempt that a power cut ended. A file of ours from the first byte on: its mode is ours, and nobody
  // has it open.
  if (::unlink(fresh.c_str()) != 0 && errno != ENOENT) return SystemError("cannot remove " + fresh, errno);
  const UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return SystemError("cannot write " + fresh, errno);
  const ssize_t n = ::write(fd.get(), bytes.data(), bytes.size());
  if (n < 0) return SystemError("cannot write " + fresh, errno);
  if (static_cast<std::size_t>(n) != bytes.size()) return SystemError("cannot write " + fresh, ENOSPC);
  if (::fsync(fd.get()) != 0) return SystemError("cannot write " + fresh, errno);
  if (::rename(fresh.c_str(), path.c_str()) != 0) return SystemError("cannot make " + path, errno);
  return SyncFolder(folder);
}

Status SyncFolder(const std::string& folder) {
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return SystemError("cannot write to " + folder, errno);
  return {};
}

}  // namespace latchkey::platform
