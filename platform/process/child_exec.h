// What happens between fork and exec. Private to platform/process.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace latchkey::platform {

// Everything that needs memory is made before fork(); behind it only async-signal-safe calls are left.
class ExecPlan {
 public:
  ExecPlan(const std::string& path, const std::vector<std::string>& arguments,
           const std::vector<std::string>& environment);
  ExecPlan(const ExecPlan&) = delete;
  ExecPlan& operator=(const ExecPlan&) = delete;

  // In the child: dies with `parent`, puts `channel` at descriptor 3, and becomes the program. When that
  // fails, writes errno to `report` and exits with 127.
  [[noreturn]] void RunInChild(int channel, int report, pid_t parent);

 private:
  std::vector<std::string> texts_;
  std::vector<char*> argv_;
  std::vector<char*> envp_;
};

}  // namespace latchkey::platform
