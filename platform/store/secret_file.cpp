#include "platform/store/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "daemon/base/bytes.h"
#include "daemon/base/ids.h"
#include "platform/loop/unique_fd.h"
#include "platform/store/durable_file.h"

namespace latchkey::platform {
namespace {

constexpr std::size_t kDigits = 64;

// In its own memory from the first byte on. systemd's are readable by their service alone.
Result<Secret32> ReadSecret(const UniqueFd& fd, const std::string& path, bool check_mode) {
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return SystemError("cannot look at " + path, errno);
  if (!S_ISREG(info.st_mode)) return Fail(ErrorCode::kCorrupt, path + " is not a regular file: move it away");
  if (check_mode && (info.st_mode & 077U) != 0)
    return Fail(ErrorCode::kDenied, path + " is readable by others: chmod 600 it, and think who read it");
  Secret<kDigits + 2> text;
  const auto room = text.RevealForWriting();
  std::size_t size = 0;
  while (size < room.size()) {
    const ssize_t n = ::read(fd.get(), room.data() + size, room.size() - size);
    if (n < 0) return SystemError("cannot read " + path, errno);
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  std::string_view digits = AsText(text.Reveal().first(size));
  if (digits.ends_with('\n')) digits.remove_suffix(1);
  Secret32 secret;
  if (digits.size() != kDigits || !internal::HexDecodeExact(digits, secret.RevealForWriting())) {
    return Fail(ErrorCode::kCorrupt,
                path + " is not 64 hexadecimal digits: restore it from a backup (nothing was changed)");
  }
  return secret;
}

Result<Secret32> MakeSecret(const std::string& folder, const std::string& path, ports::Entropy& entropy) {
  Secret32 secret;
  entropy.Fill(secret.RevealForWriting());
  Secret<kDigits> text;
  internal::HexEncode(secret.Reveal(), text.RevealForWriting());
  if (auto written = WriteDurably(folder, path, text.Reveal()); !written)
    return tl::unexpected(written.error());
  return secret;
}

}  // namespace

Result<Secret32> LoadSecret(const SecretFileOptions& options, ports::Entropy& entropy) {
  if (!options.credentials.empty()) {
    const std::string path = options.credentials + "/" + options.name;
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.valid()) return ReadSecret(fd, path, false);
    if (errno != ENOENT) return SystemError("cannot read " + path, errno);
  }
  const std::string path = options.folder + "/" + options.name;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (fd.valid()) return ReadSecret(fd, path, true);
  if (errno != ENOENT) return SystemError("cannot read " + path, errno);
  if (options.make) return MakeSecret(options.folder, path, entropy);
  return Fail(ErrorCode::kNotFound, path + " is missing, but " + options.used_with +
                                        " was used with it: restore it from a backup" +
                                        (options.or_else.empty() ? "" : ", or " + options.or_else));
}

}  // namespace latchkey::platform
