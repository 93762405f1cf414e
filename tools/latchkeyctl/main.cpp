// latchkeyctl: the owner's orders to latchkeyd. Prints tables, or with --json one object a line.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <tuple>
#include <utility>

#include "daemon/audit/chain.h"
#include "platform/loop/clock.h"
#include "platform/loop/loop.h"
#include "platform/loop/signal_watcher.h"
#include "platform/loop/timer.h"
#include "tools/latchkeyctl/audit.h"
#include "tools/latchkeyctl/client.h"
#include "tools/latchkeyctl/command_line.h"
#include "tools/latchkeyctl/incident.h"
#include "tools/latchkeyctl/moments.h"
#include "tools/latchkeyctl/names.h"
#include "tools/latchkeyctl/render.h"

namespace latchkey::ctl {
namespace {

constexpr const char* kDefaultRun = "/run/latchkey";

// To stderr: as a person reads it, or for scripts as one JSON object.
void Say(const Invocation& invocation, const char* kind, const std::string& what) {
  std::string text = "latchkeyctl: " + what;
  if (invocation.json) text = Json{{kind, what}}.dump(-1, ' ', false, Json::error_handler_t::replace);
  (void)std::fprintf(stderr, "%s\n", text.c_str());
}

int Complain(const Invocation& invocation, const Failure& failure) {
  if (!failure.message.empty()) Say(invocation, "error", failure.message);
  return failure.exit_code;
}

AskFunction AskDaemon(const Invocation& invocation) {
  return [run = invocation.run](Json command) { return Ask(run, std::move(command)); };
}

Outcome<Json> Verify(const Invocation& invocation) {
  if (invocation.state.empty() && invocation.file.empty())
    return VerifyDaemon(AskDaemon(invocation), invocation.heads, invocation.key);
  const auto source =
      invocation.file.empty() ? FromStateFolder(invocation.state) : FromExport(invocation.file);
  if (!source) return tl::unexpected(source.error());
  return VerifyAudit(*source, invocation.heads, invocation.key);
}

Outcome<std::string> Audit(const Invocation& invocation) {
  if (invocation.command == "audit verify") {
    const auto verified = Verify(invocation);
    if (!verified) return tl::unexpected(verified.error());
    return invocation.json ? verified->dump() + "\n" : RenderVerified(*verified);
  }
  const auto source =
      invocation.state.empty() ? FromDaemon(AskDaemon(invocation)) : FromStateFolder(invocation.state);
  if (!source) return tl::unexpected(source.error());
  if (invocation.command == "audit show") return ShowAudit(*source, invocation.last, invocation.json);
  if (invocation.command == "audit head") {
    if (!source->head) return tl::unexpected(Failure{kExitRefused, "the log is empty"});
    const std::string head = audit::FormatHead(*source->head);
    return invocation.json ? Json{{"head", head}}.dump() + "\n" : head + "\n";
  }
  const auto count = ExportAudit(*source, invocation.file);
  if (!count) return tl::unexpected(count.error());
  return invocation.json ? Json{{"records", *count}}.dump() + "\n"
                         : std::to_string(*count) + " records are in " + invocation.file + "\n";
}

Outcome<IncidentQuestion> QuestionOf(const Invocation& invocation, WallTime now) {
  IncidentQuestion question;
  for (const auto& [name, missing, at] :
       {std::tuple("from", "", &question.from), std::tuple("to", "now", &question.to)}) {
    const std::string text = invocation.fields.value(name, missing);
    const auto moment = ParseTime(text, now);
    if (!moment) {
      return tl::unexpected(
          Failure{kExitUsage, "--" + std::string(name) + " " + text +
                                  " is no time: write 2026-11-03T18:00:00Z, 2026-11-03, -2h or now"});
    }
    *at = *moment;
  }
  if (question.from >= question.to) return tl::unexpected(Failure{kExitUsage, "--from must be before --to"});
  if (invocation.fields.contains("model")) question.model = invocation.fields.value("model", "");
  if (invocation.fields.contains("loss_above_pct"))
    question.loss_above_pct = invocation.fields.value("loss_above_pct", 0.0);
  return question;
}

Outcome<std::string> Incident(const Invocation& invocation) {
  const WallTime now = platform::WallNow();
  const auto question = QuestionOf(invocation, now);
  if (!question) return tl::unexpected(question.error());
  const auto incident = GatherIncident(AskDaemon(invocation), *question, now);
  if (!incident) return tl::unexpected(incident.error());
  if (!invocation.file.empty()) {
    std::ofstream out(invocation.file, std::ios::trunc);
    out << IncidentHtml(*incident);
    out.close();
    if (!out) return tl::unexpected(Failure{kExitRefused, "cannot write " + invocation.file});
  }
  if (invocation.json)
    return IncidentJson(*incident).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  return IncidentText(*incident) +
         (invocation.file.empty() ? "" : "\nThe report is in " + invocation.file + "\n");
}

// One question, with whole ids in the place of names.
Outcome<std::string> Once(const Invocation& invocation) {
  auto fields = WithWholeIds(invocation.command, invocation.fields,
                             [&](Json command) { return Ask(invocation.run, std::move(command)); });
  if (!fields) return tl::unexpected(fields.error());
  Json command{{"command", invocation.command}};
  command.update(*fields);
  auto answer = Ask(invocation.run, std::move(command));
  if (!answer) return tl::unexpected(answer.error());
  if (invocation.command == "suspend") {
    if (invocation.fields.contains("model") && answer->value("cameras", 1) == 0) {
      Say(invocation, "warning",
          "suspended, but no camera is of this model now: only one that is added later will be dark");
    }
    answer->erase("cameras");
    if (!invocation.json && ::isatty(STDERR_FILENO) == 1) {
      Say(invocation, "note",
          "lift it with: latchkeyctl resume " + answer->value("id", "").substr(0, 8) +
              " --root-cause \"what it was\"");
    }
  }
  if (!invocation.json) return Render(invocation.command, *answer);
  const Json shown = invocation.command == "status" ? StatusForScripts(*answer) : *answer;
  return shown.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

void Print(const std::string& text) {
  (void)std::fwrite(text.data(), 1, text.size(), stdout);
  (void)std::fflush(stdout);
}

// To the beginning of what `text` took up, and clears from there: what stood above stays.
std::string Over(const std::string& text) {
  const auto lines = std::count(text.begin(), text.end(), '\n');
  return lines == 0 ? "" : "\x1b[" + std::to_string(lines) + "A\x1b[J";
}

// Until Ctrl-C, or until the daemon is gone. On a terminal the table stays in its place.
int Watch(const Invocation& invocation) {
  const bool in_place = !invocation.json && ::isatty(STDOUT_FILENO) == 1;
  int code = kExitOk;
  std::string shown;
  platform::Loop loop;
  const auto show = [&] {
    const auto text = Once(invocation);
    if (!text) {
      code = Complain(invocation, text.error());
      return loop.Stop();
    }
    Print((in_place ? Over(shown) : "") + *text);
    shown = *text;
  };
  platform::Timer timer(loop, show);
  const platform::SignalWatcher on_int(loop, SIGINT, [&](int) { loop.Stop(); });
  const platform::SignalWatcher on_term(loop, SIGTERM, [&](int) { loop.Stop(); });
  timer.StartRepeating(seconds(1));
  show();
  if (code == kExitOk) loop.Run();
  return code;
}

int Main(int argc, char** argv) {
  Invocation invocation;
  invocation.run = kDefaultRun;
  if (const char* run = std::getenv("RUNTIME_DIRECTORY"); run != nullptr && *run != '\0') {
    // systemd may name several folders, with colons between them; the first is the daemon's.
    const std::string folders = run;
    invocation.run = folders.substr(0, folders.find(':'));
  }
  if (auto parsed = ParseCommandLine(argc, argv, invocation); !parsed) {
    return Complain(invocation, parsed.error());
  }
  if (invocation.watch) return Watch(invocation);
  const bool audit = invocation.command.starts_with("audit ");
  const auto text = audit                              ? Audit(invocation)
                    : invocation.command == "incident" ? Incident(invocation)
                                                       : Once(invocation);
  if (!text) return Complain(invocation, text.error());
  Print(*text);
  return kExitOk;
}

}  // namespace
}  // namespace latchkey::ctl

int main(int argc, char** argv) {
  return latchkey::ctl::Main(argc, argv);
}
