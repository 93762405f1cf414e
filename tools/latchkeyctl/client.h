// One question to the daemon over its control socket, one answer.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "daemon/base/result.h"

namespace latchkey::ctl {

using Json = nlohmann::ordered_json;

// Exit codes, part of the interface.
constexpr int kExitOk = 0;
constexpr int kExitRefused = 1;       // the daemon said no, and why
constexpr int kExitUsage = 2;         // the command line is wrong
constexpr int kExitNotReachable = 3;  // no daemon, or no right to speak to it

struct Failure {
  int exit_code = kExitRefused;
  std::string message;
};
template <class T>
using Outcome = tl::expected<T, Failure>;

// The reply's "ok". Lists are asked for page by page and put together.
Outcome<Json> Ask(const std::string& run_folder, Json command);

}  // namespace latchkey::ctl
