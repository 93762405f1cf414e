// latchkeyd: reads its configuration and registry, then runs the hub until it is told to end.
#include <sys/stat.h>

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
#include "daemon/keeper/main_audit.h"
#include "daemon/keeper/program.h"
#include "daemon/keeper/registry.h"
#include "platform/crypto/openssl_crypto.h"
#include "platform/crypto/secure_heap.h"
#include "platform/crypto/system_entropy.h"
#include "platform/log/log.h"
#include "platform/loop/clock.h"
#include "platform/loop/loop.h"
#include "platform/loop/signal_watcher.h"
#include "platform/memory/memory.h"
#include "platform/store/secret_file.h"
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

int Run(const Arguments& arguments) {
  const auto config = ReadConfig(arguments.config);
  if (!config) return Complain(config.error().message);
  if (arguments.state.empty()) return Complain("no state folder: give --state DIR (or set STATE_DIRECTORY)");
  if (arguments.run.empty()) return Complain("no run folder: give --run DIR (or set RUNTIME_DIRECTORY)");
  ProgramOptions options{arguments.loopback, arguments.run, "", {}, *config};
  if (auto reach = CheckReach(options); !reach) return Complain(reach.error().message);
  if (::mkdir(arguments.run.c_str(), 0750) != 0 && errno != EEXIST) {
    return Complain("cannot make the run folder " + arguments.run + ": " +
                    std::generic_category().message(errno));
  }

  platform::Logger log("latchkeyd",
                       platform::ParseLogLevel(config->log.level).value_or(platform::LogLevel::kInfo));
  platform::SystemEntropy entropy;
  platform::OpenSslCrypto crypto;
  const std::string credentials = FromEnvironment("CREDENTIALS_DIRECTORY");
  auto store = platform::SqliteRegistry::Open({arguments.state, 0}, entropy);
  if (!store) return Complain(store.error().message);
  const auto bound = (*store)->SecretCheck();
  if (!bound) return Complain(arguments.state + "/registry.db: " + bound.error().message);
  const auto secret =
      platform::LoadSecret({credentials, arguments.state, "registry.secret", !*bound}, entropy);
  if (!secret) return Complain(secret.error().message);
  auto registry = Registry::Load(**store, crypto, entropy, *secret);
  if (!registry) return Complain(arguments.state + "/registry.db: " + registry.error().message);

  auto identity = ProgramIdentity::Load(
      {arguments.state, credentials, config->http, config->media.addresses, arguments.loopback}, entropy,
      platform::WallNow());
  if (!identity) return Complain(identity.error().message);

  options.audit_path = arguments.state + "/audit.db";
  auto audit = OpenAudit({arguments.state, credentials, options.audit_path}, **store, crypto, entropy);
  if (!audit) return Complain(audit.error().message);

  platform::Loop loop;
  if (const auto use = SecretMemory(); use.unlocked > 0) {
    log.Warning("keys may reach swap: raise the limit of locked memory (LimitMEMLOCK=, ulimit -l)",
                {{"bytes", use.unlocked}});
  }
  options.identity = std::move(*identity);
  Keeper keeper(**registry, *audit->book, crypto, entropy, MakeSettings(arguments, *config));
  keeper.SetHttpIdentity(options.identity.Get());
  Program program(loop, log, std::move(options), keeper, *audit->book, crypto, **store,
                  std::move(audit->store));
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
  (void)latchkey::platform::OpenSecureHeap();
  return Run(arguments);
}
