#include "tools/latchkeyctl/names.h"

#include "tests/support/catch.h"

namespace latchkey::ctl {
namespace {

const std::string kOne = "cafe0000000000000000000000000001";
const std::string kTwo = "cafe0000000000000000000000000002";
const std::string kThree = "0123456789abcdef0123456789abcdef";

Json Cameras() {
  return Json::array({{{"id", kOne}, {"name", "Front door"}},
                      {{"id", kTwo}, {"name", "Nursery"}},
                      {{"id", kThree}, {"name", "Küche"}}});
}

std::string WhyNot(const std::string& text, const Json& items) {
  const auto id = IdOf("camera", text, items);
  REQUIRE_FALSE(id.has_value());
  CHECK(id.error().exit_code == kExitRefused);
  return id.error().message;
}

TEST_CASE("names: a name exactly, a whole id, or its beginning when only one begins so") {
  CHECK(IdOf("camera", "Nursery", Cameras()).value_or("") == kTwo);
  CHECK(IdOf("camera", "Küche", Cameras()).value_or("") == kThree);
  CHECK(IdOf("camera", kOne, Cameras()).value_or("") == kOne);
  CHECK(IdOf("camera", kOne.substr(0, 31) + "1", Cameras()).value_or("") == kOne);
  CHECK(IdOf("camera", "0123", Cameras()).value_or("") == kThree);
}

TEST_CASE("names: what is nobody's is refused with where to look, and nothing is guessed") {
  for (const char* text : {"", "nursery", "Nurs", "Nursery ", "012", "0123456789ABCDEF", "0123z", "beef"}) {
    INFO(text);
    CHECK(WhyNot(text, Cameras()).find("latchkeyctl camera list") != std::string::npos);
  }
  CHECK(WhyNot("012", Cameras()).find("at least 4 digits") != std::string::npos);
  CHECK(WhyNot("Nursery", Json::array()).find("there is no camera \"Nursery\"") != std::string::npos);
}

TEST_CASE("names: what nothing is suspended of is not asked for by an id") {
  const auto id = IdOf("suspension", "Nursery", Json::array());
  REQUIRE_FALSE(id.has_value());
  CHECK(id.error().message.starts_with("nothing is suspended"));
  CHECK(IdOf("suspension", "Nursery", {{{"id", kOne}, {"camera_name", "Nursery"}}}).value_or("") == kOne);
}

TEST_CASE("names: what may be more than one is refused with the ids of all that it may be") {
  for (const std::string text : {"cafe", "cafe000000000000000000000000000"}) {
    const std::string why = WhyNot(text, Cameras());
    CHECK(why.find(kOne) != std::string::npos);
    CHECK(why.find(kTwo) != std::string::npos);
    CHECK(why.find(kThree) == std::string::npos);
  }
  // One's name is the beginning of another's id: neither goes before the other.
  Json items = Cameras();
  items[1]["name"] = "0123";
  const std::string why = WhyNot("0123", items);
  CHECK(why.find(kTwo) != std::string::npos);
  CHECK(why.find(kThree) != std::string::npos);
  items[0]["name"] = "Twice";
  items[1]["name"] = "Twice";
  CHECK(WhyNot("Twice", items).find("more than one camera") != std::string::npos);
}

TEST_CASE("names: a command's fields are looked up each in its own list, and whole ids in none") {
  std::vector<std::string> asked;
  const auto ask = [&](Json command) -> Outcome<Json> {
    asked.push_back(command["command"]);
    if (asked.back() == "viewer list") return Json{{"viewers", {{{"id", kTwo}, {"name", "Nursery"}}}}};
    return Json{{"cameras", Cameras()}};
  };
  auto fields =
      WithWholeIds("grant add", {{"viewer", "Nursery"}, {"camera", "Front door"}, {"rights", "live"}}, ask);
  REQUIRE(fields.has_value());
  CHECK(*fields == Json{{"viewer", kTwo}, {"camera", kOne}, {"rights", "live"}});
  CHECK(asked == std::vector<std::string>{"viewer list", "camera list"});
  asked.clear();
  // The daemon alone says whether there is such an id.
  const std::string unknown(32, 'f');
  fields = WithWholeIds("camera remove", {{"id", unknown}}, ask);
  CHECK(*fields == Json{{"id", unknown}});
  // A name to be given is nobody's yet.
  fields = WithWholeIds("camera rename", {{"id", "Nursery"}, {"name", "Front door"}}, ask);
  CHECK(*fields == Json{{"id", kTwo}, {"name", "Front door"}});
  CHECK(asked == std::vector<std::string>{"camera list"});
  CHECK_FALSE(WithWholeIds("suspend", {{"camera", "Nurserry"}, {"reason", "x"}}, ask).has_value());
}

TEST_CASE("names: without a list there is no id") {
  const auto ask = [](const Json&) -> Outcome<Json> {
    return tl::unexpected(Failure{kExitNotReachable, "latchkeyd does not run"});
  };
  const auto fields = WithWholeIds("resume", {{"id", "cafe"}}, ask);
  REQUIRE_FALSE(fields.has_value());
  CHECK(fields.error().exit_code == kExitNotReachable);
}

}  // namespace
}  // namespace latchkey::ctl
