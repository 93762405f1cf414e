// Results of control paths. Per packet there is DropReason (counters.h) instead; see STYLE in
// ARCHITECTURE.md for the three tiers of errors.
#pragma once

#include <string>
#include <utility>

#if __has_include(<tl/expected.hpp>)
#include <tl/expected.hpp>
#else
#error "install libexpected-dev (tl::expected)"
#endif

namespace latchkey {

// What kind of failure, for callers that must tell them apart.
enum class ErrorCode : unsigned char {
  kInvalid,      // the input is malformed or out of range
  kUnsupported,  // well-formed, but nothing in it can be used
  kNotFound,
  kConflict,
  kDenied,
  kLimit,   // a bound was reached
  kSystem,  // the operating system or a library said no
  kCorrupt  // stored data is damaged or of another version
};

// An error that a person may read: what, where, and what to do.
struct Error {
  ErrorCode code = ErrorCode::kInvalid;
  std::string message;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> Fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}

}  // namespace latchkey
