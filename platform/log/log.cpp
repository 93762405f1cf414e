#include "platform/log/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace latchkey::platform {
namespace {

constexpr std::array kLevelNames = {std::string_view("debug"), std::string_view("info"),
                                    std::string_view("warning"), std::string_view("error"),
                                    std::string_view("off")};
static_assert(kLevelNames.size() == static_cast<std::size_t>(LogLevel::kOff) + 1);

// systemd sets JOURNAL_STREAM to device:inode of the stderr it gave; a redirection makes it untrue.
bool StderrIsJournal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat info {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &info) != 0) return false;
  return std::string(stream) == std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino);
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
    case LogLevel::kOff: break;
  }
  return spdlog::level::off;
}

// sd-daemon(3): a priority in angle brackets in front of the line.
std::string_view JournalPriority(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "<7>";
    case LogLevel::kInfo: return "<6>";
    case LogLevel::kWarning: return "<4>";
    case LogLevel::kError:
    case LogLevel::kOff: break;
  }
  return "<3>";
}

bool IsPlain(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (c <= ' ' || c > '~' || c == '"' || c == '=' || c == '\\') return false;
  }
  return true;
}

std::string Quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : OneLine(text)) {
    if (c == '"') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

struct Logger::Impl {
  std::string program;
  bool journal = false;
  spdlog::logger logger;
};

Logger::Logger(std::string program, LogLevel level)
    : impl_(new Impl{std::move(program), StderrIsJournal(),
                     spdlog::logger("latchkey", std::make_shared<spdlog::sinks::stderr_sink_st>())}) {
  impl_->logger.set_pattern(impl_->journal ? "%v" : "%Y-%m-%d %H:%M:%S.%e %-7l %v");
  impl_->logger.flush_on(spdlog::level::debug);
  SetLevel(level);
}

Logger::~Logger() = default;

void Logger::Debug(std::string_view message, Fields fields) {
  Write(LogLevel::kDebug, message, fields);
}
void Logger::Info(std::string_view message, Fields fields) {
  Write(LogLevel::kInfo, message, fields);
}
void Logger::Warning(std::string_view message, Fields fields) {
  Write(LogLevel::kWarning, message, fields);
}
void Logger::Error(std::string_view message, Fields fields) {
  Write(LogLevel::kError, message, fields);
}

void Logger::SetLevel(LogLevel level) {
  impl_->logger.set_level(ToSpdlog(level));
}
bool Logger::enabled(LogLevel level) const {
  return impl_->logger.should_log(ToSpdlog(level));
}

void Logger::Write(LogLevel level, std::string_view message, Fields fields) {
  if (!enabled(level)) return;
  std::string line;
  if (impl_->journal) {
    line += JournalPriority(level);
  } else {
    line += impl_->program;
    line += ": ";
  }
  line += OneLine(message, 1024);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    line += IsPlain(field.value) && field.value.size() <= 256 ? field.value : Quote(field.value);
  }
  impl_->logger.log(ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

LogField::LogField(std::string_view n, const SocketAddress& v)
    : name(n), value(RedactAddress(v.ip) + ":" + std::to_string(v.port)) {}
LogField::LogField(std::string_view n, const IpAddress& v) : name(n), value(RedactAddress(v)) {}

std::optional<LogLevel> ParseLogLevel(std::string_view text) {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (kLevelNames[i] == text) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

std::string_view LogLevelName(LogLevel level) {
  return kLevelNames[static_cast<std::size_t>(level)];
}

std::string RedactAddress(const IpAddress& address) {
  if (address.IsLoopback() || address.IsUnspecified()) return address.ToString();
  if (address.is_v4()) {
    const std::string text = address.ToString();
    return text.substr(0, text.rfind('.')) + ".x";
  }
  // The network's 64 bits stay, the host's go.
  std::array<std::uint8_t, 16> network = address.bytes();
  for (std::size_t i = 8; i < network.size(); ++i) network[i] = 0;
  std::string text = IpAddress::V6(network).ToString();
  while (!text.empty() && text.back() == ':') text.pop_back();
  return text + "::x";
}

std::string RedactName(std::string_view name) {
  return std::to_string(name.size()) + " characters";
}

std::string OneLine(std::string_view text, std::size_t max) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool printable = byte >= 0x20 && byte < 0x7f;
    if (out.size() + (printable ? 1 : 4) > max) break;
    if (printable) {
      out += c;
    } else {
      out += "\\x";
      out += kHex[byte >> 4U];
      out += kHex[byte & 0xfU];
    }
  }
  return out;
}

}  // namespace latchkey::platform
