// What an incident's answer says, as text, JSON and a report.
#include "tools/latchkeyctl/incident.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/audit/record_json.h"
#include "tests/support/catch.h"
#include "tests/unit/ctl/samples.h"

namespace latchkey::ctl {
namespace {

using ports::AuditKind;

// A daemon that answers from these.
struct Hub {
  std::vector<ports::AuditView> views;
  std::vector<ports::AuditRecord> events;
  std::vector<Json> asked;
  Outcome<Json> Answer(const Json& command) {
    asked.push_back(command);
    const auto name = command["command"].get<std::string>();
    Json list = Json::array();
    if (name == "incident names") {
      return Json{{"cameras",
                   {{{"id", Filled<CameraId>(1).ToHex()}, {"name", "Nursery"}, {"model", "M1"}},
                    {{"id", Filled<CameraId>(2).ToHex()}, {"name", "<b>Garden</b>"}, {"model", "M2"}}}},
                  {"viewers", {{{"id", Filled<ViewerId>(4).ToHex()}, {"name", "Anna & Ben"}}}},
                  {"records", Json::array()}};
    }
    const auto after = command.value("after", std::uint64_t{0});
    if (name == "incident views") {
      for (const auto& view : views) {
        if (view.number > after && list.empty()) list.push_back(audit::ToJson(view));
      }
      return Json{{"total", views.size()}, {"views", list}};
    }
    for (const auto& record : events) {
      if (record.number > after && list.empty()) list.push_back(audit::ToJson(record));
    }
    return Json{{"records", list}};
  }
  void AddView(std::uint64_t number, std::uint8_t camera) {
    ports::AuditView view;
    view.number = number;
    view.camera = Filled<CameraId>(camera);
    view.viewer = Filled<ViewerId>(4);
    view.first_epoch = Epoch{3};
    view.last_epoch = Epoch{5};
    view.began = At(10);
    view.ended = At(70);
    view.viewer_loss_permille = 31;
    view.network = "192.0.2.7:4000";
    views.push_back(view);
  }
  void AddEvent(std::uint64_t number, AuditKind kind, const std::string& body) {
    ports::AuditRecord record;
    record.number = number;
    record.at = At(20);
    record.kind = static_cast<std::uint8_t>(kind);
    record.camera = Filled<CameraId>(2);
    record.body = body;
    events.push_back(record);
  }
  Incident Gather(IncidentQuestion question = {At(0), At(100), {}, {}}) {
    auto gathered =
        GatherIncident([this](const Json& command) { return Answer(command); }, question, At(200));
    REQUIRE(gathered.has_value());
    return std::move(*gathered);
  }
};

bool Has(const std::string& text, const std::string& words) {
  INFO(text);
  return text.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE(
    "incident: the answer names who saw which camera, in which epochs, from where, and what the loss was") {
  Hub hub;
  hub.AddView(5, 1);
  hub.AddView(9, 2);
  const Incident incident = hub.Gather();
  REQUIRE(incident.views.size() == 2);
  const std::string text = IncidentText(incident);
  CHECK(Has(text, "2 views of 2 cameras by 1 viewer."));
  CHECK(Has(text, "No check failed."));
  CHECK(Has(text, "Anna & Ben  epoch 3-5  192.0.2.7:4000"));
  CHECK(Has(text, "3.1 % to the viewer"));
  const Json json = IncidentJson(incident);
  CHECK(json["views"][0]["camera_name"] == "Nursery");
  CHECK(json["views"][0]["first_epoch"] == 3);
  CHECK(json["may_have_gone_astray"] == false);
  CHECK(json["checks_failed"] == 0);
}

TEST_CASE("incident: what is not measured yet is no zero, and what nobody said is left out") {
  Hub hub;
  hub.AddView(5, 1);
  hub.views[0].ended.reset();
  hub.views[0].network.clear();
  hub.AddEvent(3, AuditKind::kCameraAdded, R"({"model":"","name":"Door","sdes":false})");
  const Incident incident = hub.Gather();
  const std::string text = IncidentText(incident);
  CHECK(Has(text, "10Z, goes on  Anna & Ben  epoch 3-5  not told yet\n"));
  CHECK(Has(text, "name Door, sdes false"));
  CHECK_FALSE(Has(text, "model"));
  CHECK_FALSE(Has(IncidentHtml(incident), "0.0 %"));
  const Json json = IncidentJson(incident)["views"][0];
  for (const char* name :
       {"packets", "camera_loss_pct", "viewer_loss_pct", "camera_jitter_ms", "viewer_jitter_ms"}) {
    INFO(name);
    CHECK(json[name].is_null());
  }
}

TEST_CASE("incident: model and loss are asked of the hub, by whole ids") {
  Hub hub;
  (void)hub.Gather({At(0), At(100), "M2", 2.5});
  const auto asked = std::find_if(hub.asked.begin(), hub.asked.end(),
                                  [](const Json& j) { return j["command"] == "incident views"; });
  REQUIRE(asked != hub.asked.end());
  CHECK((*asked)["cameras"] == Json::array({Filled<CameraId>(2).ToHex()}));
  CHECK((*asked)["loss_above_permille"] == 25);
  const auto none = GatherIncident([&](const Json& command) { return hub.Answer(command); },
                                   {At(0), At(100), "M9", {}}, At(200));
  REQUIRE_FALSE(none.has_value());
  CHECK(Has(none.error().message, "there are: M1, M2"));
}

TEST_CASE("incident: a frame that did not open may have gone astray; a key that was refused may not") {
  Hub hub;
  hub.AddEvent(3, AuditKind::kKeyRefused, R"({"why":"its key was used before"})");
  CHECK(Has(Verdict(hub.Gather()), "Keys were refused, so nothing was shown"));
  CHECK_FALSE(hub.Gather().MayHaveGoneAstray());
  CHECK(Has(IncidentText(hub.Gather()),
            "! 2027-01-15T08:00:20Z  key refused  <b>Garden</b>  why its key was used"));
  hub.AddEvent(4, AuditKind::kOpenFailed, R"({"frame":41})");
  CHECK(hub.Gather().MayHaveGoneAstray());
  CHECK(Has(Verdict(hub.Gather()), "A check failed"));
  CHECK(IncidentJson(hub.Gather())["checks_failed"] == 2);
}

TEST_CASE("incident: a view that goes on and is not told of yet has not failed to connect") {
  ports::AuditView view;
  CHECK(NetworkOf(view) == "not told yet");
  CHECK_FALSE(IsMeasured(view));
  view.ended = At(70);
  CHECK(IsMeasured(view));
  // The hub was killed before it told.
  view.cut_short = true;
  CHECK_FALSE(IsMeasured(view));
  CHECK(NetworkOf(view) == "not known: the hub ended meanwhile");
  view.cut_short = false;
  CHECK(NetworkOf(view) == "never connected");
  view.network = "192.0.2.7:4000";
  CHECK(NetworkOf(view) == "192.0.2.7:4000");
  CHECK(EpochsOf(view) == "0");
  view.last_epoch = Epoch{2};
  CHECK(EpochsOf(view) == "0-2");
  CHECK(Count(1, "check", "checks") == "1 check");
  CHECK(Count(0, "check", "checks") == "0 checks");
}

TEST_CASE("incident: in the report names are text, and nothing is fetched from anywhere") {
  Hub hub;
  hub.AddView(5, 2);
  hub.AddEvent(6, AuditKind::kSuspended, R"({"reason":"<script>alert(1)</script>"})");
  const std::string html = IncidentHtml(hub.Gather());
  CHECK(Has(html, "&lt;b&gt;Garden&lt;/b&gt;"));
  CHECK(Has(html, "&lt;script&gt;alert(1)"));
  CHECK(html.find("<script") == std::string::npos);
  CHECK(html.find("<b>") == std::string::npos);
  CHECK(Has(html, "default-src 'none'"));
  for (const char* outside : {"http:", "https:", "src=", "url("}) {
    INFO(outside);
    CHECK(html.find(outside) == std::string::npos);
  }
  CHECK(Has(html, "<svg"));
}

}  // namespace latchkey::ctl
