// The command line of latchkeyctl: what is asked of the daemon, and how the answer is shown.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/latchkeyctl/client.h"

namespace latchkey::ctl {

struct Invocation {
  std::string run;
  bool json = false;
  bool watch = false;
  // Of `audit` and `incident`, which are answered here.
  std::string state;               // read this state folder instead of asking the daemon
  std::string file;                // an export, or the report to write
  std::vector<std::string> heads;  // kept heads of the log
  std::string key;                 // its public key, as written down
  std::uint64_t last = 50;         // records to show
  std::string command;             // "camera add"
  Json fields = Json::object();
};

// Reads the line into `invocation`, whose `run` is the default. A failure without a message has said all
// there is to say (--help, --version; exit code 0). `invocation.json` is right in either case.
Outcome<void> ParseCommandLine(int argc, const char* const* argv, Invocation& invocation);

}  // namespace latchkey::ctl
