#include "platform/store/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <span>

#include "daemon/base/bytes.h"
#include "platform/loop/unique_fd.h"
#include "platform/store/durable_file.h"

namespace latchkey::platform {
namespace {

// What there is, up to all of `room`.
Result<std::size_t> ReadInto(const UniqueFd& fd, const std::string& path, std::span<std::uint8_t> room) {
  std::size_t size = 0;
  while (size < room.size()) {
    const ssize_t n = ::read(fd.get(), room.data() + size, room.size() - size);
    if (n < 0) return SystemError("cannot read " + path, errno);
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  return size;
}

tl::unexpected<Error> TooLong(const std::string& path, std::size_t most) {
  return Fail(ErrorCode::kLimit,
              path + " is larger than " + std::to_string(most) + " bytes: is it the right file?");
}

}  // namespace

Result<std::optional<std::string>> ReadTextFile(const std::string& path, std::size_t most) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    if (errno == ENOENT) return std::optional<std::string>();
    return SystemError("cannot read " + path, errno);
  }
  ByteVector room(most + 1);
  const auto size = ReadInto(fd, path, room);
  if (!size) return tl::unexpected(size.error());
  if (*size > most) return TooLong(path, most);
  return std::optional<std::string>(AsText(ByteView(room).first(*size)));
}

Result<SecretText> ReadSecretTextFile(const std::string& path, std::size_t most, bool check_mode) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    auto error = SystemError("cannot read " + path, errno);
    if (errno == ENOENT) error.value().code = ErrorCode::kNotFound;
    return error;
  }
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return SystemError("cannot look at " + path, errno);
  if (check_mode && (info.st_mode & 077U) != 0)
    return Fail(ErrorCode::kDenied, path + " is readable by others: chmod 600 it, and think who read it");
  const SecretBytes room(most + 1);
  const auto size = ReadInto(fd, path, room.bytes());
  if (!size) return tl::unexpected(size.error());
  if (*size > most) return TooLong(path, most);
  return SecretText(AsText(ByteView(room.bytes()).first(*size)));
}

Status WriteTextFile(const std::string& folder, const std::string& path, std::string_view text) {
  return WriteDurably(folder, path, AsBytes(text));
}

}  // namespace latchkey::platform
