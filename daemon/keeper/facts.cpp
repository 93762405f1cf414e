#include "daemon/keeper/facts.h"

#include <nlohmann/json.hpp>

#include "daemon/audit/chain.h"
#include "daemon/base/check.h"

namespace latchkey::keeper {

struct Facts::Object {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  void Set(std::string_view name, nlohmann::ordered_json value) {
    LATCHKEY_CHECK(json.size() < kMaxFacts);
    json[std::string(name)] = std::move(value);
  }
};

Facts::Facts() : object_(std::make_unique<Object>()) {}
Facts::~Facts() = default;
Facts::Facts(Facts&&) noexcept = default;
Facts& Facts::operator=(Facts&&) noexcept = default;

Facts& Facts::Text(std::string_view name, std::string_view value) {
  object_->Set(name, std::string(value.substr(0, kMaxFact)));
  return *this;
}

Facts& Facts::Number(std::string_view name, std::uint64_t value) {
  object_->Set(name, value);
  return *this;
}

Facts& Facts::Flag(std::string_view name, bool value) {
  object_->Set(name, value);
  return *this;
}

std::string Facts::str() const {
  // A character that was cut in two becomes U+FFFD. Control characters of a field are six bytes each.
  std::string text = object_->json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  if (text.size() > audit::kMaxBody) text = "{\"too_long\":true}";
  return text;
}

std::string WithNumber(std::string body, std::string_view name, std::uint64_t value) {
  LATCHKEY_CHECK(body.size() >= 2 && body.back() == '}');
  const std::string field =
      (body.size() > 2 ? ",\"" : "\"") + std::string(name) + "\":" + std::to_string(value);
  if (body.size() + field.size() > audit::kMaxBody) return body;
  body.insert(body.size() - 1, field);
  return body;
}

}  // namespace latchkey::keeper
