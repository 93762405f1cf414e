// What a record of the audit log says beside whom it is about: one JSON object, built field by field.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace latchkey::keeper {

// Longest text of one field in bytes of UTF-8; what is longer is cut, so that a record is never too long.
constexpr std::size_t kMaxFact = 512;
// Fields of one record.
constexpr std::size_t kMaxFacts = 12;

class Facts {
 public:
  Facts();
  ~Facts();
  Facts(Facts&&) noexcept;
  Facts& operator=(Facts&&) noexcept;

  Facts& Text(std::string_view name, std::string_view value);
  Facts& Number(std::string_view name, std::uint64_t value);
  Facts& Flag(std::string_view name, bool value);

  // Fields in the order in which they came.
  [[nodiscard]] std::string str() const;

 private:
  struct Object;
  std::unique_ptr<Object> object_;
};

// The same with one more field. `body` is as str() gives it; one that would be too long stays as it is.
[[nodiscard]] std::string WithNumber(std::string body, std::string_view name, std::uint64_t value);

}  // namespace latchkey::keeper
