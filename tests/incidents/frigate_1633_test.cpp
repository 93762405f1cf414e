// Frigate, issue 1633 of 2021: a camera's name was searched for within paths and topics, so that of "garten"
// and "vorgarten" the one got the other's pictures.
//
// Here: names that stand within names, models within models, beginnings of ids and other spellings of them.
// Each means itself or nothing, wherever a person or a request can say it.
#include <algorithm>

#include "tests/incidents/home.h"
#include "tests/support/catch.h"
#include "tools/latchkeyctl/names.h"

namespace latchkey::incidents {
namespace {

const std::vector<std::string> kNames{"garten", "vorgarten", "gartenhaus", "Garten", "garten ", "gart"};

struct Gardens : Home {
  Gardens() {
    for (const std::string& name : kNames) Camera(name);
    for (auto& camera : cameras) Viewer("Viewer of " + camera->name, *camera);
  }
};

TEST_CASE(
    "frigate 1633: each viewer sees the garden of its grant, and no other whose name is within its name") {
  Gardens home;
  for (auto& camera : home.cameras) home.PublishAndConnect(*camera);
  for (auto& viewer : home.viewers) home.WatchAndConnect(*viewer);
  for (auto& viewer : home.viewers) CHECK(home.Sees(*viewer));
  home.CheckEverySight();
}

TEST_CASE("frigate 1633: a request by a name, by part of an id or by another spelling of it finds nothing") {
  Gardens home;
  HomeCamera& garden = *home.cameras.front();
  HomeViewer& viewer = *home.viewers.front();
  home.PublishAndConnect(garden);
  home.hub.Run(milliseconds(200));
  const std::string id = garden.own.id.ToHex();
  std::string upper = id;
  std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return std::toupper(c); });
  std::vector<std::string> others{upper,    id.substr(0, 31), id.substr(0, 8), id + "0",
                                  "0" + id, " " + id,         id + "/",        id + "."};
  others.insert(others.end(), kNames.begin(), kNames.end());
  home.Watch(viewer);
  const std::string offer = viewer.asking.offer;
  std::map<ports::HttpExchange, std::string> asked;
  std::map<std::string, int> answers;
  home.hub.on_response = [&](ports::HttpExchange exchange, const ports::HttpResponse& response) {
    answers[asked[exchange]] = response.status;
  };
  for (const std::string& other : others)
    asked[home.hub.Request(ports::HttpMethod::kPost, "/whep/" + other, viewer.own.token, offer)] = other;
  home.hub.DeliverLetters();
  home.hub.Step();
  for (const std::string& other : others) {
    INFO(other);
    CHECK(answers[other] == (other == id ? 201 : 404));
  }
}

TEST_CASE("frigate 1633: what a person types means the camera of exactly this name") {
  ctl::Json items = ctl::Json::array();
  Gardens home;
  for (const auto& camera : home.cameras)
    items.push_back({{"id", camera->own.id.ToHex()}, {"name", camera->name}});
  for (const auto& camera : home.cameras) {
    INFO(camera->name);
    CHECK(ctl::IdOf("camera", camera->name, items).value_or("none") == camera->own.id.ToHex());
  }
  for (const char* name : {"arten", "vor", "GARTEN", " garten", "gartenhau", "vorgarten "}) {
    INFO(name);
    CHECK_FALSE(ctl::IdOf("camera", name, items).has_value());
  }
}

TEST_CASE("frigate 1633: a model that is suspended is that model, not one whose name has it within") {
  Home home;
  const std::vector<std::string> models{"cam", "cam2", "webcam", "Cam", "ca"};
  std::vector<CameraId> ids;
  for (const std::string& model : models) {
    auto added = home.hub.owner().AddCamera({"A " + model, model, std::nullopt, false}, home.hub.wall);
    REQUIRE(added.has_value());
    ids.push_back(added->id);
  }
  keeper::NewSuspension order;
  order.scope = ports::SuspensionScope::kModel;
  order.model = "cam";
  order.reason = "recalled";
  const auto suspended = home.hub.owner().Suspend(order, home.hub.wall);
  REQUIRE(suspended.has_value());
  CHECK(suspended->cameras == 1);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    INFO(models[i]);
    CHECK((home.hub.keeper().registry().SuspensionOf(ids[i]) != nullptr) == (models[i] == "cam"));
  }
}

TEST_CASE("frigate 1633: a page lists the cameras of its grants, whatever their names have within") {
  Gardens home;
  std::vector<std::string> listed;
  home.hub.meddling.tamper = [&](Letter& letter) {
    const auto list = Read<wire::CameraList, wire::KeeperToFront>(letter);
    if (!list) return;
    for (const wire::CameraView& view : list->cameras.items()) listed.push_back(view.name.str());
  };
  for (std::size_t i = 0; i < home.viewers.size(); ++i) {
    listed.clear();
    (void)home.hub.Request(ports::HttpMethod::kGet, "/api/v1/cameras", home.viewers[i]->own.token);
    home.hub.DeliverLetters();
    CHECK(listed == std::vector<std::string>{kNames[i]});
  }
}

}  // namespace
}  // namespace latchkey::incidents
