#include "platform/store/secret_file.h"

#include <string_view>

#include "daemon/base/bytes.h"
#include "daemon/base/ids.h"
#include "platform/store/durable_file.h"

namespace latchkey::platform {
namespace {

constexpr std::size_t kDigits = 64;

// In its own memory from the first byte on. systemd's are readable by their service alone.
Result<Secret32> ReadSecret(const UniqueFd& fd, const std::string& path, bool check_mode) {
  if (check_mode) {
    if (auto is_private = CheckPrivate(fd, path); !is_private) return tl::unexpected(is_private.error());
  }
  Secret<kDigits + 2> text;
  const auto room = text.RevealForWriting();
  const auto size = ReadInto(fd, path, room);
  if (!size) return tl::unexpected(size.error());
  std::string_view digits = AsText(text.Reveal().first(*size));
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
    const auto fd = OpenFile(path);
    if (fd) return ReadSecret(*fd, path, false);
    if (fd.error().code != ErrorCode::kNotFound) return tl::unexpected(fd.error());
  }
  const std::string path = options.folder + "/" + options.name;
  const auto fd = OpenFile(path, Links::kRefused);
  if (fd) return ReadSecret(*fd, path, true);
  if (fd.error().code != ErrorCode::kNotFound) return tl::unexpected(fd.error());
  if (options.make) return MakeSecret(options.folder, path, entropy);
  return Fail(ErrorCode::kNotFound, path + " is missing, but " + options.used_with +
                                        " was used with it: restore it from a backup" +
                                        (options.or_else.empty() ? "" : ", or " + options.or_else));
}

}  // namespace latchkey::platform
