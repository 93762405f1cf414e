// JSON for a reply. Names are people's: broken UTF-8 is replaced, never an exception.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace latchkey::front {

inline std::string JsonText(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace latchkey::front
