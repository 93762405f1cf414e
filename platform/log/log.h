// Lines for people on stderr (and through it the journal). Never per packet, never a secret.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/base/address.h"
#include "daemon/base/ids.h"

namespace latchkey::platform {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError, kOff };
// "debug", "info", "warning", "error", "off": the words of the configuration.
std::optional<LogLevel> ParseLogLevel(std::string_view text);
std::string_view LogLevelName(LogLevel level);

// name=value behind a message. Text is quoted and escaped where it has spaces or control characters.
struct LogField {
  std::string_view name;
  std::string value;

  LogField(std::string_view n, std::string_view v) : name(n), value(v) {}
  LogField(std::string_view n, const std::string& v) : name(n), value(v) {}
  LogField(std::string_view n, const char* v) : name(n), value(v) {}
  LogField(std::string_view n, bool v) : name(n), value(v ? "yes" : "no") {}
  template <class T>
  requires(std::integral<T> && !std::same_as<T, bool>) LogField(std::string_view n, T v)
      : name(n), value(std::to_string(v)) {}
  // Addresses are personal: the last part is left out.
  LogField(std::string_view n, const SocketAddress& v);
  LogField(std::string_view n, const IpAddress& v);
  // The first 8 digits: enough to find it in the registry, useless as an unguessable URL.
  template <class Tag>
  LogField(std::string_view n, const Id<Tag>& v) : name(n), value(v.ToHex().substr(0, 8)) {}
};

//   2026-11-03 10:00:00.123 info  latchkeyd: lane started pid=4711 camera=01234567
// In the journal (JOURNAL_STREAM names stderr) the time is left out and "<6>" tells the level.
class Logger {
 public:
  using Fields = std::initializer_list<LogField>;
  Logger(std::string program, LogLevel level);
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;
  ~Logger();

  void Debug(std::string_view message, Fields fields = {});
  void Info(std::string_view message, Fields fields = {});
  void Warning(std::string_view message, Fields fields = {});
  void Error(std::string_view message, Fields fields = {});

  void SetLevel(LogLevel level);
  [[nodiscard]] bool enabled(LogLevel level) const;

 private:
  void Write(LogLevel level, std::string_view message, Fields fields);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// "192.0.2.x", "2001:db8:0:1::x"; loopback stays whole.
std::string RedactAddress(const IpAddress& address);
// What of a person's label may stand in a log: its length ("12 characters").
std::string RedactName(std::string_view name);
// One line of printable text: control characters and non-ASCII as \xNN, at most `max` bytes.
std::string OneLine(std::string_view text, std::size_t max = 256);

}  // namespace latchkey::platform
