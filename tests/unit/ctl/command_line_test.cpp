#include "tools/latchkeyctl/command_line.h"

#include <vector>

#include "tests/support/catch.h"

namespace latchkey::ctl {
namespace {

Outcome<void> Parse(std::vector<const char*> words, Invocation& invocation) {
  words.insert(words.begin(), "latchkeyctl");
  return ParseCommandLine(static_cast<int>(words.size()), words.data(), invocation);
}
std::string WhyNot(const std::vector<const char*>& words) {
  Invocation invocation;
  const auto parsed = Parse(words, invocation);
  REQUIRE_FALSE(parsed.has_value());
  CHECK(parsed.error().exit_code == kExitUsage);
  return parsed.error().message;
}

TEST_CASE("command line: a command and its fields") {
  Invocation invocation;
  REQUIRE(
      Parse({"--run", "/r", "grant", "add", "--viewer", "Anna", "--camera", "Door", "--json"}, invocation));
  CHECK(invocation.run == "/r");
  CHECK(invocation.json);
  CHECK(invocation.command == "grant add");
  CHECK(invocation.fields == Json{{"viewer", "Anna"}, {"camera", "Door"}});
}

TEST_CASE("command line: a word that is no command is named, with those that are") {
  const std::string ad = WhyNot({"camera", "ad", "Nursery"});
  CHECK(ad.find("no command \"camera ad\"") != std::string::npos);
  CHECK(ad.find("add, list, rename, remove, pin, confirm, rotate, transfer") != std::string::npos);
  const std::string kamera = WhyNot({"--run", "/camera", "kamera", "add"});
  CHECK(kamera.find("no command \"kamera\"") != std::string::npos);
  CHECK(kamera.find("camera, viewer, grant, suspend, suspension, resume, audit, incident, watching, "
                    "certificate, status") != std::string::npos);
  CHECK(WhyNot({"--json", "grant", "remove", "x"}).find("add, list, revoke") != std::string::npos);
}

TEST_CASE("command line: a command that isn't finished is told what may follow") {
  CHECK(WhyNot({}).find("say what to do: one of camera") != std::string::npos);
  CHECK(WhyNot({"viewer", "--json"}).find("after \"viewer\": one of add, list, rotate, remove") !=
        std::string::npos);
}

TEST_CASE("command line: what a command lacks, or doesn't know, is named") {
  CHECK(WhyNot({"camera", "add"}).find("name") != std::string::npos);
  CHECK(WhyNot({"grant", "add", "--viewer", "x"}).find("--camera") != std::string::npos);
  CHECK(WhyNot({"status", "--what"}).find("--what") != std::string::npos);
  CHECK(WhyNot({"camera", "add", "add", "list"}).find("list") != std::string::npos);
}

TEST_CASE("command line: that JSON is wanted is known even when the line is wrong") {
  for (const std::vector<const char*>& words :
       {std::vector<const char*>{"--json", "camera", "ad"}, {"camera", "ad", "--json"}, {"--json"}}) {
    Invocation invocation;
    CHECK_FALSE(Parse(words, invocation).has_value());
    CHECK(invocation.json);
  }
}

}  // namespace
}  // namespace latchkey::ctl
