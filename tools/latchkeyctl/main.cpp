// latchkeyctl: the owner's orders to latchkeyd. Prints tables, or with --json one object a line.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "platform/loop/loop.h"
#include "platform/loop/signal_watcher.h"
#include "platform/loop/timer.h"
#include "tools/latchkeyctl/client.h"
#include "tools/latchkeyctl/render.h"

namespace latchkey::ctl {
namespace {

constexpr const char* kDefaultRun = "/run/latchkey";

struct Invocation {
  std::string run = kDefaultRun;
  bool json = false;
  bool watch = false;
  std::string command;  // "camera add"
  Json fields = Json::object();
};

// The command line as a tree of subcommands, each filling the fields of its command.
class CommandLine {
 public:
  explicit CommandLine(Invocation& invocation) : invocation_(invocation) {
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.add_option("--run", invocation.run,
                    "run folder of the daemon (default $RUNTIME_DIRECTORY or /run/latchkey)");
    app_.add_flag("--json", invocation.json, "print JSON");
    Cameras();
    Viewers();
    Grants();
    Suspensions();
    auto* status = Command(app_, "status", "status", "every camera, its state and figures");
    status->add_flag("--watch", invocation.watch, "print it again every second, until Ctrl-C");
  }

  CLI::App& app() { return app_; }

 private:
  CLI::App* Group(const char* name, const char* help) {
    CLI::App* group = app_.add_subcommand(name, help);
    group->require_subcommand(1);
    group->fallthrough();
    return group;
  }
  CLI::App* Command(CLI::App& parent, const char* word, std::string command, const char* help) {
    CLI::App* app = parent.add_subcommand(word, help);
    app->fallthrough();
    app->parse_complete_callback([this, command = std::move(command)] { invocation_.command = command; });
    return app;
  }
  CLI::Option* Text(CLI::App* app, const char* option, const char* field, const char* help) {
    const auto put = [this, field](const std::string& value) { invocation_.fields[field] = value; };
    return app->add_option_function<std::string>(option, put, help);
  }
  CLI::Option* Flag(CLI::App* app, const char* option, const char* field, const char* help) {
    const auto put = [this, field](std::int64_t count) { invocation_.fields[field] = count > 0; };
    return app->add_flag_function(option, put, help);
  }
  void WithId(CLI::App& parent, const char* word, const std::string& command, const char* help) {
    Text(Command(parent, word, command, help), "id", "id", "the whole id")->required();
  }

  void Cameras() {
    CLI::App* group = Group("camera", "enrol and manage cameras");
    CLI::App* add = Command(*group, "add", "camera add", "enrol a camera; prints its token, once");
    Text(add, "name", "name", "a label of at most 64 bytes")->required();
    Text(add, "--model", "model", "what it is, so that a model can be suspended");
    Text(add, "--pin", "pin", "SHA-256 of its certificate's public key, 64 hexadecimal digits");
    Flag(add, "--sdes", "sdes", "it may bring its key by SDES");
    Command(*group, "list", "camera list", "all cameras");
    CLI::App* rename = Command(*group, "rename", "camera rename", "give it another label");
    Text(rename, "id", "id", "the whole id")->required();
    Text(rename, "name", "name", "the new label")->required();
    WithId(*group, "remove", "camera remove", "forget it, and every grant for it");
    WithId(*group, "rotate", "camera rotate", "a new token; the old one is worth nothing");
    WithId(*group, "transfer", "camera transfer", "a new owner: a new token, and every grant for it ends");
  }

  void Viewers() {
    CLI::App* group = Group("viewer", "enrol and manage viewers");
    CLI::App* add =
        Command(*group, "add", "viewer add", "enrol a device that watches; prints its token, once");
    Text(add, "name", "name", "a label of at most 64 bytes")->required();
    Command(*group, "list", "viewer list", "all viewers");
    WithId(*group, "remove", "viewer remove", "forget it, and every grant of it");
  }

  void Grants() {
    CLI::App* group = Group("grant", "who may see what");
    CLI::App* add = Command(*group, "add", "grant add", "let a viewer see a camera; prints the grant's id");
    Text(add, "--viewer", "viewer", "the viewer's whole id")->required();
    Text(add, "--camera", "camera", "the camera's whole id")->required();
    Text(add, "--rights", "rights", "of live, still and listen, with commas (default live,still)");
    Text(add, "--for", "for", "how long, like 30d, 12h or 45m (default: until it is revoked)");
    Text(add, "--from", "not_before", "from when on, in UTC: 2026-11-03T18:00:00Z (default: now)");
    Command(*group, "list", "grant list", "all grants");
    WithId(*group, "revoke", "grant revoke", "end it; whoever watches by it stops at once");
  }

  void Suspensions() {
    CLI::App* suspend =
        Command(app_, "suspend", "suspend", "make cameras currently unavailable; prints its id");
    CLI::Option_group* what = suspend->add_option_group("what");
    Text(what, "--camera", "camera", "one camera, by its whole id");
    Text(what, "--model", "model", "every camera of a model");
    Flag(what, "--all", "all", "every camera");
    what->require_option(1);
    Text(suspend, "--reason", "reason", "shown to viewers")->required();
    CLI::App* resume = Command(app_, "resume", "resume", "lift a suspension");
    Text(resume, "id", "id", "the suspension's whole id")->required();
    Text(resume, "--root-cause", "root_cause", "what the cause was; recorded")->required();
  }

  Invocation& invocation_;
  CLI::App app_{"latchkeyctl: the owner's orders to latchkeyd"};
};

int Complain(const Failure& failure) {
  (void)std::fprintf(stderr, "latchkeyctl: %s\n", failure.message.c_str());
  return failure.exit_code;
}

Outcome<std::string> Once(const Invocation& invocation) {
  Json command{{"command", invocation.command}};
  command.update(invocation.fields);
  const auto answer = Ask(invocation.run, std::move(command));
  if (!answer) return tl::unexpected(answer.error());
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
      code = Complain(text.error());
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
  if (const char* run = std::getenv("RUNTIME_DIRECTORY")) {
    // systemd may name several folders, with colons between them; the first is the daemon's.
    const std::string folders = run;
    invocation.run = folders.substr(0, folders.find(':'));
  }
  CommandLine line(invocation);
  try {
    line.app().parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return line.app().exit(error) == 0 ? kExitOk : kExitUsage;
  }
  if (invocation.watch) return Watch(invocation);
  const auto text = Once(invocation);
  if (!text) return Complain(text.error());
  Print(*text);
  return kExitOk;
}

}  // namespace
}  // namespace latchkey::ctl

int main(int argc, char** argv) {
  return latchkey::ctl::Main(argc, argv);
}
