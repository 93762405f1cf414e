#include "platform/store/text_file.h"

#include "daemon/base/bytes.h"
#include "platform/store/durable_file.h"

namespace latchkey::platform {
namespace {

tl::unexpected<Error> TooLong(const std::string& path, std::size_t most) {
  return Fail(ErrorCode::kLimit,
              path + " is larger than " + std::to_string(most) + " bytes: is it the right file?");
}

}  // namespace

Result<std::optional<std::string>> ReadTextFile(const std::string& path, std::size_t most) {
  const auto fd = OpenFile(path);
  if (!fd && fd.error().code == ErrorCode::kNotFound) return std::optional<std::string>();
  if (!fd) return tl::unexpected(fd.error());
  ByteVector room(most + 1);
  const auto size = ReadInto(*fd, path, room);
  if (!size) return tl::unexpected(size.error());
  if (*size > most) return TooLong(path, most);
  return std::optional<std::string>(AsText(ByteView(room).first(*size)));
}

Result<SecretText> ReadSecretTextFile(const std::string& path, std::size_t most, bool check_mode) {
  const auto fd = OpenFile(path);
  if (!fd) return tl::unexpected(fd.error());
  if (check_mode) {
    if (auto is_private = CheckPrivate(*fd, path); !is_private) return tl::unexpected(is_private.error());
  }
  const SecretBytes room(most + 1);
  const auto size = ReadInto(*fd, path, room.bytes());
  if (!size) return tl::unexpected(size.error());
  if (*size > most) return TooLong(path, most);
  return SecretText(AsText(ByteView(room.bytes()).first(*size)));
}

Status WriteTextFile(const std::string& folder, const std::string& path, std::string_view text) {
  return WriteDurably(folder, path, AsBytes(text));
}

}  // namespace latchkey::platform
