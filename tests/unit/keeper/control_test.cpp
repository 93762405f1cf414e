#include <map>
#include <set>
#include <string>

#include "daemon/keeper/words.h"
#include "tests/unit/keeper/owner.h"

namespace latchkey::keeper {

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
  const Json renewed = owner.Ok({{"command", "viewer rotate"}, {"id", viewer["id"]}});
  CHECK(KeysOf(renewed) == Keys{"id", "token"});
  CHECK(renewed["id"] == viewer["id"]);
  CHECK(renewed["token"] != viewer["token"]);
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

TEST_CASE("control: a grant ends at the second that it names, or after so long, and not by both") {
  Owner owner;
  const std::string camera = owner.Ok({{"command", "camera add"}, {"name", "One"}})["id"];
  const std::string viewer = owner.Ok({{"command", "viewer add"}, {"name", "Anna"}})["id"];
  Json grant{{"command", "grant add"}, {"viewer", viewer}, {"camera", camera}};
  grant["not_after"] = "2027-01-15T08:00:07Z";
  owner.Ok(grant);
  const auto listed = [&] { return owner.Ok({{"command", "grant list"}})["grants"][0]; };
  CHECK(listed()["not_after"] == "2027-01-15T08:00:07Z");
  owner.house.Advance(seconds(7) - milliseconds(1));
  CHECK(listed()["holds"] == true);
  owner.house.Advance(milliseconds(1));
  CHECK(listed()["holds"] == false);
  CHECK(owner.Error(grant).find("past: by the hub's clock it is 2027-01-15T08:00:07Z") != std::string::npos);
  CHECK(owner
            .Error({{"command", "grant add"},
                    {"viewer", viewer},
                    {"camera", camera},
                    {"not_before", "2027-01-13T00:00:00Z"},
                    {"for", "1d"}})
            .find("is past") != std::string::npos);
  grant["not_before"] = "2027-01-16T00:00:00Z";
  grant["not_after"] = "2027-01-15T12:00:00Z";
  CHECK(owner.Error(grant).find("before it begins") != std::string::npos);
  grant["not_after"] = "next week";
  CHECK(owner.Error(grant).find("2026-11-03T18:00:00Z") != std::string::npos);
  grant["not_after"] = "2027-01-16T00:00:00Z";
  grant["for"] = "1h";
  CHECK(owner.Error(grant).find("one of for and not_after") != std::string::npos);
}

TEST_CASE("control: the certificate is shown as it stands, and on loopback there is none") {
  Owner owner;
  CHECK(owner.Error({{"command", "certificate"}}).find("plain HTTP") != std::string::npos);
  HttpIdentity http;
  http.names = {"latchkey.local"};
  http.certificate = "PEM";
  http.key = SecretText("a key in PEM");
  http.view = {"AB:CD", "abcd", {"latchkey.local"}, owner.house.wall, owner.house.wall + hours(1), false};
  owner.house.keeper->SetHttpIdentity(std::move(http));
  const Json shown = owner.Ok({{"command", "certificate"}});
  CHECK(KeysOf(shown) == Keys{"fingerprint", "public_key", "names", "not_before", "not_after", "imported"});
  CHECK(shown["fingerprint"] == "AB:CD");
  CHECK(shown["not_after"] == "2027-01-15T09:00:00Z");
  CHECK(shown["imported"] == false);
  owner.house.keeper->HandleFrontStart(owner.house.now);
  owner.house.Run();
  const auto config = owner.house.ToFront<wire::FrontConfig>();
  REQUIRE(config.has_value());
  CHECK(config->names.items()[0].str() == "latchkey.local");
  CHECK(config->certificate.str() == "PEM");
  CHECK(config->key.Reveal() == "a key in PEM");
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
                                     home.house.wall, [&] { home.house.Run(); }))["ok"]["watching"];
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

}  // namespace latchkey::keeper
