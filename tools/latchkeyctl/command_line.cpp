#include "tools/latchkeyctl/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/base/version.h"

namespace latchkey::ctl {
namespace {

constexpr const char* kWhichPin =
    "SHA-256 of its certificate's public key (64 hexadecimal digits); first-use: of the one that it shows "
    "first; none: any";
constexpr const char* kWhich = "its id, the beginning of it, or its name";

// The command line as a tree of subcommands, each filling the fields of its command.
class CommandLine {
 public:
  explicit CommandLine(Invocation& invocation) : invocation_(invocation) {
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.add_option("--run", invocation.run,
                    "run folder of the daemon (default $RUNTIME_DIRECTORY or /run/latchkey)");
    app_.add_flag("--json", invocation.json, "print JSON");
    app_.set_version_flag("--version", VersionLine("latchkeyctl"));
    Cameras();
    Viewers();
    Grants();
    Suspensions();
    Audit();
    Command(app_, "watching", "watching", "who is watching which camera right now, and how well it arrives");
    Command(app_, "certificate", "certificate",
            "the page's certificate, to compare with what a browser shows");
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
    Text(Command(parent, word, command, help), "id", "id", kWhich)->required();
  }

  void Cameras() {
    CLI::App* group = Group("camera", "enrol and manage cameras");
    CLI::App* add = Command(*group, "add", "camera add", "enrol a camera; prints its token, once");
    Text(add, "name", "name", "a label of at most 64 bytes that no other has")->required();
    Text(add, "--model", "model", "what it is, so that a model can be suspended");
    Text(add, "--pin", "pin", kWhichPin);
    Flag(add, "--sdes", "sdes",
         "without DTLS: it brings its key in its offer (RFC 4568), or sends under one that is printed, once");
    Text(add, "--codec", "codec", "of what is sent under that key: h264 (the default) or vp8");
    Command(*group, "list", "camera list", "all cameras");
    CLI::App* rename = Command(*group, "rename", "camera rename", "give it another label");
    Text(rename, "id", "id", kWhich)->required();
    Text(rename, "name", "name", "the new label")->required();
    WithId(*group, "remove", "camera remove", "forget it, and every grant for it");
    CLI::App* pin = Command(*group, "pin", "camera pin", "insist on one certificate; another is refused");
    Text(pin, "id", "id", kWhich)->required();
    Text(pin, "pin", "pin", kWhichPin)->required();
    WithId(*group, "confirm", "camera confirm",
           "the certificate that was pinned at first use is the right one");
    WithId(*group, "rotate", "camera rotate", "a new token; the old one is worth nothing");
    WithId(*group, "transfer", "camera transfer", "a new owner: a new token, and every grant for it ends");
  }

  void Viewers() {
    CLI::App* group = Group("viewer", "enrol and manage viewers");
    CLI::App* add =
        Command(*group, "add", "viewer add", "enrol a device that watches; prints its token, once");
    Text(add, "name", "name", "a label of at most 64 bytes that no other has")->required();
    Command(*group, "list", "viewer list", "all viewers");
    WithId(*group, "rotate", "viewer rotate", "a new token; the old one is worth nothing, and its views end");
    WithId(*group, "remove", "viewer remove", "forget it, and every grant of it");
  }

  void Grants() {
    CLI::App* group = Group("grant", "who may see what");
    CLI::App* add = Command(*group, "add", "grant add", "let a viewer see a camera; prints the grant's id");
    Text(add, "--viewer", "viewer", "the viewer: its id, the beginning of it, or its name")->required();
    Text(add, "--camera", "camera", "the camera: its id, the beginning of it, or its name")->required();
    Text(add, "--rights", "rights", "of live, still and listen, with commas (default live,still)");
    auto* length = Text(add, "--for", "for", "how long, like 30d, 12h or 45m (default: until it is revoked)");
    Text(add, "--until", "not_after", "until when, in UTC: 2026-11-05T18:00:00Z")->excludes(length);
    Text(add, "--from", "not_before", "from when on, in UTC: 2026-11-03T18:00:00Z (default: now)");
    Command(*group, "list", "grant list", "all grants");
    CLI::App* revoke =
        Command(*group, "revoke", "grant revoke", "end it; whoever watches by it stops at once");
    Text(revoke, "id", "id", "the grant's id, or the beginning of it")->required();
  }

  void Suspensions() {
    CLI::App* suspend =
        Command(app_, "suspend", "suspend", "make cameras currently unavailable; prints its id");
    CLI::Option_group* what = suspend->add_option_group("what");
    Text(what, "--camera", "camera", "one camera: its id, the beginning of it, or its name");
    Text(what, "--model", "model", "every camera of a model");
    Flag(what, "--all", "all", "every camera");
    what->require_option(1);
    Text(suspend, "--reason", "reason", "shown to viewers")->required();
    CLI::App* standing = Group("suspension", "what is suspended, and why");
    Command(*standing, "list", "suspension list", "every suspension that stands");
    CLI::App* resume = Command(app_, "resume", "resume", "lift a suspension");
    Text(resume, "id", "id", "the suspension's id, or the beginning of it")->required();
    Text(resume, "--root-cause", "root_cause", "what the cause was; recorded")->required();
  }

  void Audit() {
    CLI::App* group = Group("audit", "the log of everything that happened: who saw what, under which keys");
    const auto offline = [this](CLI::App* app) {
      return app->add_option("--state", invocation_.state, "read this state folder; the daemon need not run");
    };
    CLI::App* show = Command(*group, "show", "audit show", "the newest records");
    show->add_option("--last", invocation_.last, "how many (default 50)")->check(CLI::Range(1, 1'000'000));
    offline(show);
    CLI::App* verify = Command(*group, "verify", "audit verify",
                               "check that nothing in it was changed, taken out or cut off");
    auto* state = offline(verify);
    verify->add_option("--file", invocation_.file, "check what `audit export` wrote")->excludes(state);
    verify->add_option("--head", invocation_.heads,
                       "a head that was kept elsewhere: the log has to agree with it; may come again");
    verify->add_option("--key", invocation_.key, "the log's public key, as it was written down");
    CLI::App* to_file =
        Command(*group, "export", "audit export", "all of it into a file, a JSON object a line");
    to_file->add_option("file", invocation_.file, "the file")->required();
    offline(to_file);
    Command(*group, "head", "audit head", "its signed head: keep it elsewhere, and verify against it later");

    CLI::App* incident = Command(app_, "incident", "incident",
                                 "which viewers saw which cameras, and whether any check failed");
    Text(incident, "--from", "from", "2026-11-03T18:00:00Z, 2026-11-03, or how long ago: -2h, -3d")
        ->required();
    Text(incident, "--to", "to", "the same, or now (default)");
    Text(incident, "--model", "model", "only cameras of this model");
    incident
        ->add_option_function<double>(
            "--loss-above", [this](const double& pct) { invocation_.fields["loss_above_pct"] = pct; },
            "only views in which a leg lost more than so many percent in a minute")
        ->check(CLI::Range(0.0, 100.0));
    incident->add_option("--html", invocation_.file, "write a report with timelines to this file");
  }

  Invocation& invocation_;
  CLI::App app_{"latchkeyctl: the owner's orders to latchkeyd"};
};

std::vector<const CLI::App*> Subcommands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* sub) { return !sub->get_name().empty(); });
}

// "add, list, rename".
std::string Listed(const std::vector<const CLI::App*>& commands) {
  std::string names;
  for (const CLI::App* command : commands) names += (names.empty() ? "" : ", ") + command->get_name();
  return names;
}

// Follows the words of the line down the tree. Why they name no command, and which there are there.
std::optional<std::string> WhyNoCommand(const CLI::App& root, const std::vector<std::string_view>& words) {
  const CLI::App* app = &root;
  std::string path;
  for (auto word = words.begin(); word != words.end(); ++word) {
    const auto commands = Subcommands(*app);
    if (commands.empty()) return std::nullopt;
    if (*word == "--run" && word + 1 != words.end()) ++word;
    if (word->starts_with("-") || (word != words.begin() && *(word - 1) == "--run")) continue;
    path += (path.empty() ? "" : " ") + std::string(*word);
    const auto found = std::find_if(commands.begin(), commands.end(),
                                    [&](const CLI::App* command) { return command->get_name() == *word; });
    if (found == commands.end()) {
      return "there is no command \"" + path + "\": here comes one of " + Listed(commands);
    }
    app = *found;
  }
  const auto commands = Subcommands(*app);
  if (commands.empty()) return std::nullopt;
  return (path.empty() ? "say what to do" : "say what to do after \"" + path + "\"") + ": one of " +
         Listed(commands);
}

}  // namespace

Outcome<void> ParseCommandLine(int argc, const char* const* argv, Invocation& invocation) {
  CommandLine line(invocation);
  const std::vector<std::string_view> words(argv + std::min(argc, 1), argv + argc);
  try {
    line.app().parse(argc, argv);
  } catch (const CLI::Success& shown) {
    (void)line.app().exit(shown);
    return tl::unexpected(Failure{kExitOk, ""});
  } catch (const CLI::ParseError& error) {
    // The parser may have stopped before it came to the flag.
    invocation.json = std::find(words.begin(), words.end(), "--json") != words.end();
    const auto no_command = WhyNoCommand(line.app(), words);
    const std::string why = no_command.value_or(error.what());
    return tl::unexpected(Failure{kExitUsage, why + " (--help tells more)"});
  }
  return {};
}

}  // namespace latchkey::ctl
