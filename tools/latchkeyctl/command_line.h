// The command line of latchkeyctl: what is asked of the daemon, and how the answer is shown.
#pragma once

#include <string>

#include "tools/latchkeyctl/client.h"

namespace latchkey::ctl {

struct Invocation {
  std::string run;
  bool json = false;
  bool watch = false;
  std::string command;  // "camera add"
  Json fields = Json::object();
};

// Reads the line into `invocation`, whose `run` is the default. A failure without a message has said all
// there is to say (--help, --version; exit code 0). `invocation.json` is right in either case.
Outcome<void> ParseCommandLine(int argc, const char* const* argv, Invocation& invocation);

}  // namespace latchkey::ctl
