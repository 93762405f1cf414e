// What the owner says and hears of cameras without DTLS.
#include <utility>
#include <vector>

#include "daemon/base/base64.h"
#include "tests/unit/keeper/owner.h"

namespace latchkey::keeper {

TEST_CASE("control: a camera with SDES gets a key, shown with its token and never again") {
  Owner owner;
  const auto added = owner.Ok({{"command", "camera add"}, {"name", "One"}, {"sdes", true}, {"codec", "vp8"}});
  const auto key = Base64Decode(added["sdes_key"].get<std::string>());
  REQUIRE(key);
  CHECK(key->size() == 30);
  CHECK(added["sdes_suite"] == "AES_CM_128_HMAC_SHA1_80");
  CHECK(owner.house.registry->cameras().front().enrolment->vp8);
  const auto listed = owner.Ok({{"command", "camera list"}})["cameras"][0];
  CHECK(listed["sdes"] == true);
  CHECK_FALSE(listed.contains("sdes_key"));
  const auto renewed = owner.Ok({{"command", "camera rotate"}, {"id", added["id"]}});
  CHECK(renewed["sdes_key"] != added["sdes_key"]);
  CHECK_FALSE(owner.Ok({{"command", "camera add"}, {"name", "Two"}}).contains("sdes_key"));
}

TEST_CASE("control: what does not go with SDES is refused, and no camera is added") {
  Owner owner;
  const std::vector<std::pair<Json, std::string>> cases{
      {{{"command", "camera add"}, {"name", "One"}, {"sdes", true}, {"pin", "first-use"}}, "no certificate"},
      {{{"command", "camera add"}, {"name", "One"}, {"sdes", true}, {"codec", "av1"}}, "h264 or vp8"},
      {{{"command", "camera add"}, {"name", "One"}, {"codec", "vp8"}}, "with sdes"},
  };
  for (const auto& [command, words] : cases) {
    INFO(words);
    CHECK(owner.Error(command).find(words) != std::string::npos);
  }
  CHECK(owner.house.registry->cameras().empty());
}

TEST_CASE("control: the port of an enrolled camera is put into its reply, and into no other") {
  const std::string reply = R"({"ok":{"id":"a","sdes_key":"b","sdes_port":0,"token":"c"}})";
  CHECK(Json::parse(AddSdesPort(reply, 47003))["ok"]["sdes_port"] == 47003);
  CHECK(Json::parse(AddSdesPort(reply, 47003))["ok"]["sdes_key"] == "b");
  for (const char* other : {R"({"ok":{"id":"a"}})", R"({"error":"sdes_port"})", "no JSON"})
    CHECK(AddSdesPort(other, 47003) == other);
}

}  // namespace latchkey::keeper
