#include "platform/store/durable_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "platform/loop/unique_fd.h"

namespace latchkey::platform {

tl::unexpected<Error> SystemError(const std::string& doing, int number) {
  const ErrorCode code = number == ENOSPC || number == EDQUOT ? ErrorCode::kLimit : ErrorCode::kSystem;
  return Fail(code, doing + ": " + std::generic_category().message(number));
}

Status WriteDurably(const std::string& folder, const std::string& path, ByteView bytes) {
  const std::string fresh = path + ".new";
  const UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
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
