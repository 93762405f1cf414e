// The fields of a command on the control socket, read by name and checked.
#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/base/result.h"

namespace latchkey::keeper {

using Json = nlohmann::ordered_json;

// The fields of one command: each is asked for by name, and one that nobody asked for is refused.
class Fields {
 public:
  explicit Fields(const Json& object) : object_(object) { asked_.emplace_back("command"); }

  // The field's text; nothing when it is missing or null.
  Result<std::optional<std::string>> OptionalText(const char* name) {
    asked_.emplace_back(name);
    const auto at = object_.find(name);
    if (at == object_.end() || at->is_null()) return std::optional<std::string>{};
    if (!at->is_string()) return Fail(ErrorCode::kInvalid, std::string(name) + " must be a text");
    return std::optional<std::string>{at->get<std::string>()};
  }
  Result<std::string> Text(const char* name) {
    auto text = OptionalText(name);
    if (!text) return tl::unexpected(text.error());
    if (!*text) return Fail(ErrorCode::kInvalid, std::string(name) + " is missing");
    return std::move(**text);
  }
  Result<bool> Flag(const char* name) {
    asked_.emplace_back(name);
    const auto at = object_.find(name);
    if (at == object_.end() || at->is_null()) return false;
    if (!at->is_boolean()) return Fail(ErrorCode::kInvalid, std::string(name) + " must be true or false");
    return at->get<bool>();
  }
  template <class IdType>
  Result<IdType> Id(const char* name) {
    const auto text = Text(name);
    if (!text) return tl::unexpected(text.error());
    const auto id = IdType::FromHex(*text);
    if (!id) {
      return Fail(ErrorCode::kInvalid,
                  std::string(name) + " must be a whole id of 32 lower-case hexadecimal digits");
    }
    return *id;
  }
  [[nodiscard]] Status NothingElse() const {
    for (const auto& [name, value] : object_.items()) {
      if (std::find(asked_.begin(), asked_.end(), name) == asked_.end()) {
        return Fail(ErrorCode::kInvalid, "this command has no " + name);
      }
    }
    return {};
  }

 private:
  const Json& object_;
  std::vector<std::string> asked_;
};

}  // namespace latchkey::keeper
