#include "daemon/keeper/control.h"

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "daemon/base/base64.h"
#include "daemon/keeper/words.h"
#include "tests/unit/keeper/house.h"

namespace latchkey::keeper {
namespace {

using Json = nlohmann::json;

class Owner {
 public:
  House house;

  Json Ask(const Json& command) { return AskText(command.dump()); }
  Json AskText(const std::string& text) {
    const std::string reply =
        AnswerControl(*house.keeper, text, "http://127.0.0.1:8480", house.now, house.wall);
    house.Run();
    CHECK(reply.size() < 96 * 1024);
    CHECK(reply.find('\n') == std::string::npos);
    return Json::parse(reply);
  }
  Json Ok(const Json& command) {
    Json reply = Ask(command);
    INFO(reply.dump());
    REQUIRE(reply.contains("ok"));
    return reply["ok"];
  }
  std::string Error(const Json& command) {
    const Json reply = Ask(command);
    INFO(reply.dump());
    REQUIRE(reply.contains("error"));
    return reply["error"];
  }
};

std::set<std::string> KeysOf(const Json& object) {
  std::set<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.insert(key);
  return keys;
}
using Keys = std::set<std::string>;

}  // namespace

TEST_CASE("control: camera add gives id, token and URL, and the token works") {
  Owner owner;
  const Json camera = owner.Ok({{"command", "camera add"}, {"name", "Nursery"}, {"model", "M1"}});
  CHECK(KeysOf(camera) == Keys{"id", "token", "publish_url"});
  const std::string id = camera["id"];
  CHECK(camera["publish_url"] == "http://127.0.0.1:8480/whip/" + id);
  const auto token = access::ParseToken(camera["token"].get<std::string>());
  REQUIRE(token.has_value());
  CHECK(owner.house.registry->OwnerOf(access::DigestOf(owner.house.crypto, *token)) ==
        TokenOwner(*CameraId::FromHex(id)));
  const Json list = owner.Ok({{"command", "camera list"}});
  REQUIRE(list["cameras"].size() == 1);
  CHECK(list["cameras"][0]["name"] == "Nursery");
  CHECK(list["cameras"][0]["model"] == "M1");
  CHECK_FALSE(list.dump().find("lk_") != std::string::npos);
}

TEST_CASE("control: a whole enrolment, its changes and its end") {
  Owner owner;
  const std::string camera = owner.Ok({{"command", "camera add"}, {"name", "One"}})["id"];
  const Json viewer = owner.Ok({{"command", "viewer add"}, {"name", "Anna"}});
  CHECK(KeysOf(viewer) == Keys{"id", "token"});
  const Json grant = owner.Ok({{"command", "grant add"},
                               {"viewer", viewer["id"]},
                               {"camera", camera},
                               {"for", "30d"},
                               {"rights", "live,listen"}});
  CHECK(KeysOf(grant) == Keys{"id"});
  const Json grants = owner.Ok({{"command", "grant list"}})["grants"];
  REQUIRE(grants.size() == 1);
  CHECK(grants[0]["viewer"] == viewer["id"]);
  CHECK(grants[0]["viewer_name"] == "Anna");
  CHECK(grants[0]["camera"] == camera);
  CHECK(grants[0]["camera_name"] == "One");
  CHECK(grants[0]["rights"] == "live,listen");
  CHECK(grants[0]["holds"] == true);
  CHECK(grants[0]["not_before"] == "2027-01-15T08:00:00Z");
  CHECK(grants[0]["not_after"] == "2027-02-14T08:00:00Z");
  CHECK(owner.Ok({{"command", "camera rename"}, {"id", camera}, {"name", "Two"}}).empty());
  const Json rotated = owner.Ok({{"command", "camera rotate"}, {"id", camera}});
  CHECK(KeysOf(rotated) == Keys{"id", "token", "publish_url"});
  CHECK(owner.Ok({{"command", "camera transfer"}, {"id", camera}})["token"] != rotated["token"]);
  CHECK(owner.Ok({{"command", "grant list"}})["grants"].empty());
  CHECK(owner.Error({{"command", "grant revoke"}, {"id", grant["id"]}}).find("no grant") !=
        std::string::npos);
  CHECK(owner.Ok({{"command", "viewer remove"}, {"id", viewer["id"]}}).empty());
  CHECK(owner.Ok({{"command", "camera remove"}, {"id", camera}}).empty());
  CHECK(owner.Ok({{"command", "status"}})["cameras"].empty());
}

TEST_CASE("control: a grant without an end has none, and one from tomorrow on doesn't hold yet") {
  Owner owner;
  const std::string camera = owner.Ok({{"command", "camera add"}, {"name", "One"}})["id"];
  const std::string viewer = owner.Ok({{"command", "viewer add"}, {"name", "Anna"}})["id"];
  owner.Ok({{"command", "grant add"}, {"viewer", viewer}, {"camera", camera}});
  Json grants = owner.Ok({{"command", "grant list"}})["grants"];
  CHECK(grants[0]["not_after"].is_null());
  CHECK(grants[0]["rights"] == "live,still");
  owner.Ok({{"command", "grant revoke"}, {"id", grants[0]["id"]}});
  owner.Ok({{"command", "grant add"},
            {"viewer", viewer},
            {"camera", camera},
            {"not_before", "2027-01-16T00:00:00Z"},
            {"for", "2h"}});
  grants = owner.Ok({{"command", "grant list"}})["grants"];
  CHECK(grants[0]["holds"] == false);
  CHECK(grants[0]["not_after"] == "2027-01-16T02:00:00Z");
}

TEST_CASE("control: ids are taken whole and exactly") {
  Owner owner;
  const std::string camera = owner.Ok({{"command", "camera add"}, {"name", "One"}})["id"];
  const std::string viewer = owner.Ok({{"command", "viewer add"}, {"name", "Anna"}})["id"];
  std::string upper = camera;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  for (const std::string& bad :
       {camera.substr(0, 31), camera + "0", upper + "A", std::string("One"), std::string(), " " + camera}) {
    INFO(bad);
    CHECK(owner.Error({{"command", "grant add"}, {"viewer", viewer}, {"camera", bad}}).find("whole id") !=
          std::string::npos);
    CHECK(owner.Error({{"command", "camera remove"}, {"id", bad}}).find("whole id") != std::string::npos);
  }
  // An id of another kind is nobody's.
  CHECK(owner.Error({{"command", "grant add"}, {"viewer", camera}, {"camera", camera}}).find("no viewer") !=
        std::string::npos);
  CHECK(owner.Error({{"command", "camera remove"}, {"id", viewer}}).find("no camera") != std::string::npos);
}

TEST_CASE("control: what is not a command is refused and changes nothing") {
  Owner owner;
  for (const char* text :
       {"", "{", "[]", "null", "\"status\"", "{}", "{\"command\": 3}", "{\"command\": \"camera\"}",
        "{\"command\": \"camera  add\", \"name\": \"x\"}", "{\"command\": \"\\u0000\"}"}) {
    INFO(text);
    CHECK(owner.AskText(text).contains("error"));
  }
  CHECK(owner.AskText(std::string(kMaxControlCommand + 1, ' ')).contains("error"));
  CHECK(owner.AskText(std::string(30000, '[')).contains("error"));
  CHECK(owner.AskText("{\"command\": \"camera add\", \"name\": \"\xff\"}").contains("error"));
  CHECK(owner.Error({{"command", "camera add"}}).find("name is missing") != std::string::npos);
  CHECK(owner.Error({{"command", "camera add"}, {"name", 3}}).find("must be a text") != std::string::npos);
  CHECK(owner.Error({{"command", "camera add"}, {"name", "x"}, {"nam", "y"}}).find("no nam") !=
        std::string::npos);
  CHECK(owner.Error({{"command", "camera add"}, {"name", "x"}, {"pin", "12"}}).find("pin") !=
        std::string::npos);
  CHECK(owner.Error({{"command", "camera add"}, {"name", "x"}, {"sdes", "yes"}}).find("sdes") !=
        std::string::npos);
  CHECK(owner.Error({{"command", "viewer add"}, {"name", ""}}).find("empty") != std::string::npos);
  CHECK(owner.house.registry->cameras().empty());
  CHECK(owner.house.registry->viewers().empty());
}

TEST_CASE("control: a command's other field of an unknown name is refused before anything is changed") {
  Owner owner;
  const std::string camera = owner.Ok({{"command", "camera add"}, {"name", "One"}})["id"];
  CHECK(owner.Error({{"command", "camera remove"}, {"id", camera}, {"force", true}}).find("no force") !=
        std::string::npos);
  CHECK(owner.Error({{"command", "suspend"}, {"all", true}, {"reason", "x"}, {"x", 1}}).find("no x") !=
        std::string::npos);
  CHECK(owner.house.registry->cameras().size() == 1);
  CHECK(owner.house.registry->suspensions().empty());
}

TEST_CASE("control: suspend takes one of camera, model and all, and a reason; resume a root cause") {
  Owner owner;
  const std::string camera = owner.Ok({{"command", "camera add"}, {"name", "One"}, {"model", "M1"}})["id"];
  CHECK(owner.Error({{"command", "suspend"}, {"reason", "x"}}).find("one of") != std::string::npos);
  CHECK(
      owner.Error({{"command", "suspend"}, {"all", true}, {"model", "M1"}, {"reason", "x"}}).find("one of") !=
      std::string::npos);
  CHECK(owner.Error({{"command", "suspend"}, {"all", true}}).find("reason") != std::string::npos);
  const Json suspension = owner.Ok({{"command", "suspend"}, {"camera", camera}, {"reason", "recall"}});
  CHECK(KeysOf(suspension) == Keys{"id", "cameras"});
  CHECK(suspension["cameras"] == 1);
  Json status = owner.Ok({{"command", "status"}})["cameras"][0];
  CHECK(status["state"] == "suspended");
  CHECK(status["reason"] == "recall");
  CHECK(owner.Ok({{"command", "camera list"}})["cameras"][0]["suspension"]["id"] == suspension["id"]);
  CHECK(owner.Error({{"command", "resume"}, {"id", suspension["id"]}}).find("root_cause") !=
        std::string::npos);
  owner.Ok({{"command", "resume"}, {"id", suspension["id"]}, {"root_cause", "fixed"}});
  status = owner.Ok({{"command", "status"}})["cameras"][0];
  CHECK(status["state"] == "unavailable");
}

TEST_CASE(
    "control: every suspension that stands is listed with what it covers, and one that is lifted is not") {
  Owner owner;
  CHECK(owner.Ok({{"command", "suspension list"}})["suspensions"].empty());
  const std::string camera = owner.Ok({{"command", "camera add"}, {"name", "One"}, {"model", "M1"}})["id"];
  std::map<std::string, Json> made;
  for (const Json& what :
       {Json{{"camera", camera}}, Json{{"model", "M1"}}, Json{{"model", "M2"}}, Json{{"all", true}}}) {
    Json command{{"command", "suspend"}, {"reason", "recall"}};
    command.update(what);
    const Json suspended = owner.Ok(command);
    CHECK(suspended["cameras"] == (what == Json{{"model", "M2"}} ? 0 : 1));
    made[suspended["id"]] = what;
  }
  Json listed = owner.Ok({{"command", "suspension list"}})["suspensions"];
  REQUIRE(listed.size() == 4);
  for (const Json& item : listed) {
    const Json& what = made.at(item["id"]);
    INFO(item.dump());
    CHECK(item["scope"] == what.begin().key());
    CHECK(item.value("camera_name", "") == (what.contains("camera") ? "One" : ""));
    CHECK(item.value("model", "") == what.value("model", ""));
    CHECK(item["reason"] == "recall");
    CHECK(item["automatic"] == false);
    CHECK(item["since"] == "2027-01-15T08:00:00Z");
    owner.Ok({{"command", "resume"}, {"id", item["id"]}, {"root_cause", "fixed"}});
  }
  CHECK(owner.Ok({{"command", "suspension list"}})["suspensions"].empty());
}

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

TEST_CASE("control: status has the figures that the lane told") {
  Owner owner;
  House& house = owner.house;
  house.StartFront();
  const auto camera = house.Camera("One");
  house.StartLane(camera.id);
  wire::LaneStatus status;
  status.state = wire::CameraState::kLive;
  status.fps_milli = 24975;
  status.bitrate_kbit = 2500;
  status.loss_permille = 15;
  status.hub_delay_us = 1250;
  status.viewers = 3;
  house.Lane(camera.id, status);
  const Json row = owner.Ok({{"command", "status"}})["cameras"][0];
  CHECK(KeysOf(row) ==
        Keys{"id", "name", "state", "fps", "bitrate_kbit", "loss_pct", "hub_delay_ms", "viewers"});
  CHECK(row["state"] == "live");
  CHECK(row["fps"] == 24.975);
  CHECK(row["bitrate_kbit"] == 2500);
  CHECK(row["loss_pct"] == 1.5);
  CHECK(row["hub_delay_ms"] == 1.25);
  CHECK(row["viewers"] == 3);
}

TEST_CASE(
    "control: who is watching is told by name, with the figures of the leg; a session of nobody is not") {
  Home home;
  const Watching watching = home.house.View(home.viewer, home.camera.id);
  wire::LaneStatus status;
  status.state = wire::CameraState::kLive;
  wire::ViewerLeg leg;
  leg.session = watching.session;
  leg.delivered_kbit = 2480;
  leg.loss_permille = 12;
  leg.round_trip_us = 3500;
  leg.packets = 900;
  leg.resent = 7;
  REQUIRE(status.legs.TryPush(leg));
  leg.session = home.house.entropy.MakeId<SessionId>();
  REQUIRE(status.legs.TryPush(leg));
  home.house.Lane(home.camera.id, status);
  const auto ask = [&] {
    return Json::parse(AnswerControl(*home.house.keeper, R"({"command":"watching"})", "", home.house.now,
                                     home.house.wall))["ok"]["watching"];
  };
  Json rows = ask();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0]["camera_name"] == "Nursery");
  CHECK(rows[0]["viewer_name"] == "Anna");
  CHECK(rows[0]["delivered_kbit"] == 2480);
  CHECK(rows[0]["limit_kbit"].is_null());
  CHECK(rows[0]["loss_pct"] == 1.2);
  CHECK(rows[0]["round_trip_ms"] == 3.5);
  CHECK(rows[0]["packets_resent"] == 7);
  // The same words of another camera's lane are about nobody of its own.
  home.house.Lane(home.other_camera.id, status);
  CHECK(ask().size() == 1);
  home.house.now += kStatusFresh + milliseconds(1);
  CHECK(ask().empty());
}

TEST_CASE("control: long lists come in pages that fit, each item once") {
  Owner owner;
  const auto camera = owner.house.Camera("One");
  const auto viewer = owner.house.Viewer("Anna");
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(owner.house.registry->AddGrant(
        {viewer.id, camera.id, 7, owner.house.wall, owner.house.wall + seconds(i + 1)}, owner.house.wall));
  }
  std::set<std::string> seen;
  Json command{{"command", "grant list"}};
  for (int page = 0; page < 20; ++page) {
    const Json reply = owner.Ok(command);
    for (const Json& grant : reply["grants"]) CHECK(seen.insert(grant["id"]).second);
    if (!reply.contains("more")) break;
    command["after"] = reply["grants"].back()["id"];
  }
  CHECK(seen.size() == 1000);
}

TEST_CASE("control: suspensions with the longest reasons there are come in pages that fit") {
  Owner owner;
  const std::string reason(kMaxReason, '"');
  for (std::size_t i = 0; i < kMaxSuspensions; ++i) {
    owner.Ok({{"command", "suspend"}, {"model", std::string(kMaxLabel, '"')}, {"reason", reason}});
  }
  std::set<std::string> seen;
  Json command{{"command", "suspension list"}};
  for (int page = 0; page < 20; ++page) {
    const Json reply = owner.Ok(command);
    for (const Json& item : reply["suspensions"]) CHECK(seen.insert(item["id"]).second);
    if (!reply.contains("more")) break;
    command["after"] = reply["suspensions"].back()["id"];
  }
  CHECK(seen.size() == kMaxSuspensions);
}

}  // namespace latchkey::keeper
