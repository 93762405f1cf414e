// Small text files of the daemon and its owner: certificates and keys.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/base/result.h"
#include "daemon/base/secret.h"

namespace latchkey::platform {

// The whole file; nothing when there is none. kLimit when it has more than `most` bytes; kSystem otherwise.
// The message names the file.
[[nodiscard]] Result<std::optional<std::string>> ReadTextFile(const std::string& path, std::size_t most);

// The same of a secret, which is in secret memory from the first byte on. kDenied when `check_mode` and
// others may read it; kNotFound when there is none.
[[nodiscard]] Result<SecretText> ReadSecretTextFile(const std::string& path, std::size_t most,
                                                    bool check_mode);

// Complete under another name before it gets its own, in this folder: 0600, durable when this returns.
[[nodiscard]] Status WriteTextFile(const std::string& folder, const std::string& path, std::string_view text);

}  // namespace latchkey::platform
