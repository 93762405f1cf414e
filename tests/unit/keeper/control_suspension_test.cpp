// Suspensions as the owner orders, lists and lifts them.
#include <map>
#include <set>
#include <string>

#include "daemon/keeper/words.h"
#include "tests/unit/keeper/owner.h"

namespace latchkey::keeper {

TEST_CASE("control: what an order ends has ended before the disk is waited for") {
  Home home;
  House& house = home.house;
  const Watching watching = house.View(home.viewer, home.camera.id);
  Json command;
  SECTION("a grant") {
    command = {{"command", "grant revoke"}, {"id", home.grant.ToHex()}};
  }
  SECTION("a viewer") {
    command = {{"command", "viewer remove"}, {"id", home.viewer.id.ToHex()}};
  }
  SECTION("a viewer's token") {
    command = {{"command", "viewer rotate"}, {"id", home.viewer.id.ToHex()}};
  }
  SECTION("a camera's token") {
    command = {{"command", "camera rotate"}, {"id", home.camera.id.ToHex()}};
  }
  SECTION("a camera's owner") {
    command = {{"command", "camera transfer"}, {"id", home.camera.id.ToHex()}};
  }
  SECTION("a camera") {
    command = {{"command", "camera remove"}, {"id", home.camera.id.ToHex()}};
  }
  SECTION("a suspension") {
    command = {{"command", "suspend"}, {"all", true}, {"reason", "now"}};
  }
  const std::string name = command["command"];
  const bool suspends = name == "suspend";
  // There are a publisher of each camera, and the viewer.
  const std::map<std::string, std::size_t> left{
      {"suspend", 0}, {"camera rotate", 2}, {"camera transfer", 1}, {"camera remove", 1}};
  const std::size_t stay = left.contains(name) ? left.at(name) : 2;
  const int writes = house.store.writes;
  bool first = true;
  const auto carry_out = [&] {
    if (first) CHECK(house.store.writes == writes);
    first = false;
    house.Run();
    CHECK(house.keeper->sessions() == stay);
    CHECK(house.ToLane<wire::SessionEnd>(home.camera.id).has_value() != suspends);
    CHECK(house.ToLane<wire::Suspend>(home.camera.id).has_value() == suspends);
  };
  // Somebody is asking just now.
  if (name == "viewer rotate") house.Front(house.ViewRequest(home.camera.id, home.viewer.token));
  house.store.failing = true;
  Json reply =
      Json::parse(AnswerControl(*house.keeper, command.dump(), "", house.now, house.wall, carry_out));
  CHECK(reply.contains("error"));
  CHECK_FALSE(first);
  // Whoever was asking is told to come again, not that the token is unknown.
  if (name == "viewer rotate") CHECK(house.RefusedStatus() == 503);
  // The log says what was under way, and not that it was done.
  if (name == "viewer rotate") {
    CHECK(house.Recorded(audit::Kind::kViewEnded).back().body.find("is being replaced") != std::string::npos);
    CHECK(house.Recorded(audit::Kind::kTokenRotated).empty());
  }
  if (name.starts_with("camera") || suspends) return;
  house.ForgetMessages();
  // It could not be written: everything stands, and the viewer may come again.
  house.Run();
  house.View(home.viewer, home.camera.id);
  house.store.failing = false;
  reply = Json::parse(AnswerControl(*house.keeper, command.dump(), "", house.now, house.wall, carry_out));
  CHECK(reply.contains("ok"));
  house.Front(house.ViewRequest(home.camera.id, home.viewer.token));
  CHECK(house.RefusedStatus() == (name == "grant revoke" ? 403 : 401));
}

TEST_CASE("control: an order whose lanes are not dark is answered with the camera's name, as an error") {
  Owner owner;
  const Json order{{"command", "suspend"}, {"all", true}, {"reason", "x"}};
  const auto say = [&](const Json& command) {
    return AnswerControl(*owner.house.keeper, command.dump(), "", owner.house.now, owner.house.wall,
                         [&] { owner.house.Run(); });
  };
  const auto not_dark = [](const std::string& reply) {
    REQUIRE(TellsOfSuspension(reply));
    return Json::parse(NotDarkReply(reply, "Nur\"sery")).at("error").get<std::string>();
  };
  // The suspension is told, because it is needed to resume.
  const std::string done = say(order);
  const std::string stands = not_dark(done);
  CHECK(stands.find("Nur\"sery") != std::string::npos);
  CHECK(stands.find(Json::parse(done)["ok"]["id"].get<std::string>()) != std::string::npos);
  // As is that it isn't on the disk.
  owner.house.store.failing = true;
  const std::string unkept = not_dark(say({{"command", "suspend"}, {"model", "M"}, {"reason", "x"}}));
  CHECK(unkept.find("Nur\"sery") != std::string::npos);
  CHECK(unkept.find("only until the daemon restarts") != std::string::npos);
  owner.house.store.failing = false;
  for (const Json& other : {Json{{"command", "camera add"}, {"name", "One"}, {"sdes", true}},
                            Json{{"command", "viewer add"}, {"name", "A"}}, Json{{"command", "camera list"}},
                            Json{{"command", "suspension list"}}, Json{{"command", "status"}},
                            Json{{"command", "suspend"}, {"reason", "x"}}}) {
    CHECK_FALSE(TellsOfSuspension(say(other)));
  }
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
  CHECK(
      owner.Error({{"command", "resume"}, {"id", suspension["id"]}, {"root_cause", ""}}).find("root cause") !=
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
