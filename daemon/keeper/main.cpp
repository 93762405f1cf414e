// latchkeyd: reads its configuration and registry, then runs the hub until it is told to end.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "daemon/base/version.h"
#include "daemon/keeper/config.h"
#include "daemon/keeper/keeper.h"
#include "daemon/keeper/program.h"
#include "daemon/keeper/registry.h"
#include "platform/crypto/ed25519.h"
#include "platform/crypto/openssl_crypto.h"
#include "platform/crypto/system_entropy.h"
#include "platform/log/log.h"
#include "platform/loop/loop.h"
#include "platform/loop/signal_watcher.h"
#include "platform/memory/memory.h"
#include "platform/store/secret_file.h"
#include "platform/store/sqlite_audit.h"
#include "platform/store/sqlite_registry.h"

namespace latchkey::keeper {
namespace {

constexpr const char* kDefaultConfig = "/etc/latchkey/latchkey.toml";
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

struct Arguments {
  std::string config;
  std::string state;
  std::string run;
  bool loopback = false;
  std::optional<std::uint16_t> http_port;
};

// systemd may name several folders, with colons between them; the first is ours.
std::string FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  const std::string text = value == nullptr ? "" : value;
  return text.substr(0, text.find(':'));
}

int Complain(const std::string& message) {
  (void)std::fprintf(stderr, "latchkeyd: %s\n", message.c_str());
  return kExitFailed;
}

// A file that was named must be there; the default one need not be.
Result<Config> ReadConfig(const std::string& named) {
  const std::string path = named.empty() ? kDefaultConfig : named;
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    const int error = errno;
    if (named.empty() && error == ENOENT) return Config{};
    return Fail(ErrorCode::kSystem,
                "cannot read the configuration " + path + ": " + std::generic_category().message(error));
  }
  std::string text(kMaxConfigFile + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (in.fail() && !in.eof()))
    return Fail(ErrorCode::kSystem, "cannot read the configuration " + path);
  text.resize(static_cast<std::size_t>(in.gcount()));
  return ParseConfig(text, path);
}

// The newest record and the checkpoint are what the log's own key has signed.
Status CheckEnds(platform::SqliteAudit& store, AuditBook& book,
                 const std::optional<ports::AuditRecord>& last) {
  const auto head = store.LastHead();
  if (!head) return tl::unexpected(head.error());
  if (last.has_value() != head->has_value()) return Fail(ErrorCode::kCorrupt, "its end was taken away");
  if (last && ((*head)->number != last->number || (*head)->hash != last->hash))
    return Fail(ErrorCode::kCorrupt, "it does not end where its head says");
  if (last && book.Judge(**head) != HeadVerdict::kFits)
    return Fail(ErrorCode::kCorrupt, "its head is not signed with audit.secret");
  const auto checkpoint = store.Checkpoint();
  if (!checkpoint) return tl::unexpected(checkpoint.error());
  if (*checkpoint && book.Judge(**checkpoint) != HeadVerdict::kFits)
    return Fail(ErrorCode::kCorrupt, "its checkpoint is not signed with audit.secret");
  return {};
}

Settings MakeSettings(const Arguments& arguments, const Config& config) {
  Settings settings;
  settings.loopback = arguments.loopback;
  settings.http_port =
      arguments.loopback ? arguments.http_port.value_or(config.http.loopback_port) : config.http.lan_port;
  settings.cache_bytes = config.camera.cache_bytes;
  settings.cache_frames = config.camera.cache_frames;
  settings.cache_age = config.camera.cache_age;
  settings.max_viewers = config.camera.max_viewers;
  settings.max_bitrate_kbit = config.camera.max_bitrate_kbit;
  settings.hold_least = config.camera.hold_least;
  settings.hold_most = config.camera.hold_most;
  settings.stale_after = config.camera.stale_after;
  settings.unavailable_after = config.camera.unavailable_after;
  return settings;
}

struct Audit {
  std::unique_ptr<platform::Ed25519Signer> signer;
  std::unique_ptr<platform::SqliteAudit> store;
  std::unique_ptr<AuditBook> book;
};

// The log and its key belong together: one without the other is a log that was moved away, or a copy.
Result<Audit> OpenAudit(const std::string& state, const std::string& path, ports::Crypto& crypto,
                        ports::Entropy& entropy) {
  const std::string credentials = FromEnvironment("CREDENTIALS_DIRECTORY");
  const bool used = ::access(path.c_str(), F_OK) == 0;
  const auto key = platform::LoadSecret({credentials, state, "audit.secret", false}, entropy);
  if (!key && key.error().code != ErrorCode::kNotFound) return tl::unexpected(key.error());
  if (used && !key) return tl::unexpected(key.error());
  auto store = platform::SqliteAudit::Open({path, !key, 0}, entropy);
  if (!store) return tl::unexpected(store.error());
  const auto seed = platform::LoadSecret({credentials, state, "audit.secret", !key}, entropy);
  if (!seed) return tl::unexpected(seed.error());
  auto signer = platform::Ed25519Signer::Create(*seed);
  if (!signer) return tl::unexpected(signer.error());
  const auto last = (*store)->Last();
  if (!last) return Fail(last.error().code, path + ": " + last.error().message);
  Audit audit{std::move(*signer), std::move(*store), nullptr};
  audit.book = std::make_unique<AuditBook>(crypto, *audit.signer, audit.store->log(), *last);
  if (auto sound = CheckEnds(*audit.store, *audit.book, *last); !sound) {
    return Fail(sound.error().code,
                path + ": " + sound.error().message +
                    ". Restore the state folder from a backup, or look at it with latchkeyctl audit verify "
                    "--state " +
                    state + " (nothing was changed)");
  }
  return audit;
}

int Run(const Arguments& arguments) {
  const auto config = ReadConfig(arguments.config);
  if (!config) return Complain(config.error().message);
  if (arguments.state.empty()) return Complain("no state folder: give --state DIR (or set STATE_DIRECTORY)");
  if (arguments.run.empty()) return Complain("no run folder: give --run DIR (or set RUNTIME_DIRECTORY)");
  ProgramOptions options{arguments.loopback, arguments.run, "", *config};
  if (auto reach = CheckReach(options); !reach) return Complain(reach.error().message);
  if (::mkdir(arguments.run.c_str(), 0750) != 0 && errno != EEXIST) {
    return Complain("cannot make the run folder " + arguments.run + ": " +
                    std::generic_category().message(errno));
  }

  platform::Logger log("latchkeyd",
                       platform::ParseLogLevel(config->log.level).value_or(platform::LogLevel::kInfo));
  platform::SystemEntropy entropy;
  platform::OpenSslCrypto crypto;
  auto store = platform::SqliteRegistry::Open({arguments.state, 0}, entropy);
  if (!store) return Complain(store.error().message);
  const auto bound = (*store)->SecretCheck();
  if (!bound) return Complain(arguments.state + "/registry.db: " + bound.error().message);
  const auto secret = platform::LoadSecret(
      {FromEnvironment("CREDENTIALS_DIRECTORY"), arguments.state, "registry.secret", !*bound}, entropy);
  if (!secret) return Complain(secret.error().message);
  auto registry = Registry::Load(**store, crypto, entropy, *secret);
  if (!registry) return Complain(arguments.state + "/registry.db: " + registry.error().message);

  options.audit_path = arguments.state + "/audit.db";
  auto audit = OpenAudit(arguments.state, options.audit_path, crypto, entropy);
  if (!audit) return Complain(audit.error().message);

  platform::Loop loop;
  Keeper keeper(**registry, *audit->book, crypto, entropy, MakeSettings(arguments, *config));
  Program program(loop, log, options, keeper, *audit->book, crypto, std::move(audit->store));
  const auto on_signal = [&](int) { program.Shutdown(); };
  const platform::SignalWatcher on_term(loop, SIGTERM, on_signal);
  const platform::SignalWatcher on_int(loop, SIGINT, on_signal);
  if (auto started = program.Start(); !started) return Complain(started.error().message);
  loop.Run();
  program.Finish();
  if (!program.failure()) return 0;
  return program.failure()->empty() ? kExitFailed : Complain(*program.failure());
}

}  // namespace
}  // namespace latchkey::keeper

int main(int argc, char** argv) {
  using namespace latchkey::keeper;
  Arguments arguments;
  arguments.state = FromEnvironment("STATE_DIRECTORY");
  arguments.run = FromEnvironment("RUNTIME_DIRECTORY");
  CLI::App app{"latchkeyd: shows the cameras of a home on that home's screens, and to nobody else"};
  app.add_option("--config", arguments.config, "configuration (default " + std::string(kDefaultConfig) + ")");
  app.add_option("--state", arguments.state, "folder of the registry (default $STATE_DIRECTORY)");
  app.add_option("--run", arguments.run, "folder of the control socket (default $RUNTIME_DIRECTORY)");
  app.set_version_flag("--version", latchkey::VersionLine("latchkeyd"));
  auto* loopback = app.add_flag("--loopback", arguments.loopback,
                                "everything on 127.0.0.1, plain HTTP, nothing else bound");
  app.add_option("--http-port", arguments.http_port, "port of the page with --loopback (0: any free one)")
      ->check(CLI::Range(0, 65535))
      ->needs(loopback);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  (void)std::signal(SIGPIPE, SIG_IGN);
  // Content keys live here: in no core file, and in nobody's debugger.
  (void)latchkey::platform::HardenProcess();
  return Run(arguments);
}
