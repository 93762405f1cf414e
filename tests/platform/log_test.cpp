#include "platform/log/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>

#include "platform/loop/unique_fd.h"
#include "tests/support/catch.h"

namespace latchkey::platform {
namespace {

IpAddress Ip(const char* text) {
  return *IpAddress::Parse(text);
}

// stderr into a pipe for as long as this lives.
class Captured {
 public:
  Captured() : saved_(::dup(STDERR_FILENO)) {
    int fds[2] = {-1, -1};
    REQUIRE(::pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
    reading_ = UniqueFd(fds[0]);
    const UniqueFd writing(fds[1]);
    REQUIRE(::dup2(writing.get(), STDERR_FILENO) == STDERR_FILENO);
  }
  ~Captured() { (void)::dup2(saved_.get(), STDERR_FILENO); }
  std::string Read() {
    std::array<char, 8192> bytes{};
    const ssize_t got = ::read(reading_.get(), bytes.data(), bytes.size());
    return got > 0 ? std::string(bytes.data(), static_cast<std::size_t>(got)) : "";
  }

 private:
  UniqueFd saved_;
  UniqueFd reading_;
};

TEST_CASE("log: a line has a time, a level, the program, the message and its fields") {
  Captured captured;
  Logger log("latchkeyd", LogLevel::kInfo);
  log.Info("lane started", {{"pid", 4711}, {"name", "two words"}, {"ok", true}});
  const std::string line = captured.Read();
  INFO(line);
  CHECK(line.find(" info ") == 23);
  CHECK(line.find("latchkeyd: lane started pid=4711 name=\"two words\" ok=yes\n") != std::string::npos);
}

TEST_CASE("log: in the journal there is a priority instead of the time") {
  Captured captured;
  struct stat info {};
  REQUIRE(::fstat(STDERR_FILENO, &info) == 0);
  const std::string stream = std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino);
  REQUIRE(::setenv("JOURNAL_STREAM", stream.c_str(), 1) == 0);
  {
    Logger log("latchkeyd", LogLevel::kInfo);
    log.Warning("careful");
    log.Error("no");
  }
  REQUIRE(::setenv("JOURNAL_STREAM", "1:1", 1) == 0);
  CHECK(captured.Read() == "<4>careful\n<3>no\n");
  Logger elsewhere("latchkeyd", LogLevel::kInfo);
  elsewhere.Info("hello");
  CHECK(captured.Read().find("latchkeyd: hello") != std::string::npos);
  REQUIRE(::unsetenv("JOURNAL_STREAM") == 0);
}

TEST_CASE("log: nothing below the level is written, and the level can change") {
  Captured captured;
  Logger log("x", LogLevel::kWarning);
  log.Info("quiet");
  CHECK(captured.Read().empty());
  CHECK_FALSE(log.enabled(LogLevel::kDebug));
  log.SetLevel(LogLevel::kDebug);
  log.Debug("loud");
  CHECK(captured.Read().find("loud") != std::string::npos);
  log.SetLevel(LogLevel::kOff);
  log.Error("off");
  CHECK(captured.Read().empty());
}

TEST_CASE("log: what a stranger wrote can't begin a line of its own or fake a field") {
  Captured captured;
  Logger log("x", LogLevel::kInfo);
  log.Info("offer\nforged: line", {{"agent", std::string("a\r\n<0>panic\x1b[31m ok=yes")}});
  const std::string line = captured.Read();
  INFO(line);
  CHECK(line.find('\n') == line.size() - 1);
  CHECK(line.find('\x1b') == std::string::npos);
  CHECK(line.find("agent=\"a\\x0d\\x0a<0>panic\\x1b[31m ok=yes\"") != std::string::npos);
}

TEST_CASE("log: addresses lose their host, ids all but eight digits, names everything but their length") {
  CHECK(RedactAddress(Ip("192.0.2.17")) == "192.0.2.x");
  CHECK(RedactAddress(Ip("2001:db8:1:2:3:4:5:6")) == "2001:db8:1:2::x");
  CHECK(RedactAddress(Ip("127.0.0.1")) == "127.0.0.1");
  CHECK(RedactAddress(Ip("::1")) == "::1");
  CHECK(LogField("a", SocketAddress{Ip("192.0.2.17"), 5000}).value == "192.0.2.x:5000");
  CHECK(RedactName("Grandma's bedroom") == "17 characters");
  const auto id = CameraId::FromHex("0123456789abcdef0123456789abcdef");
  REQUIRE(id);
  CHECK(LogField("camera", *id).value == "01234567");
}

TEST_CASE("log: the configuration's words are levels, others are none") {
  CHECK(ParseLogLevel("warning") == LogLevel::kWarning);
  CHECK(ParseLogLevel("off") == LogLevel::kOff);
  CHECK_FALSE(ParseLogLevel("Warning"));
  CHECK_FALSE(ParseLogLevel(""));
  CHECK(LogLevelName(LogLevel::kDebug) == "debug");
}

}  // namespace
}  // namespace latchkey::platform
