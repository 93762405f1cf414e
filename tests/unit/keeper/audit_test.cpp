// What the audit log is told, and what happens when it can't be written or does not hold together.
#include <functional>

#include "daemon/audit/chain.h"
#include "tests/unit/keeper/house.h"

namespace latchkey::keeper {
namespace {

using audit::Kind;

std::string LastBody(const House& house, Kind kind) {
  const auto records = house.Recorded(kind);
  return records.empty() ? "" : records.back().body;
}
bool Says(const std::string& body, std::string_view words) {
  INFO(body);
  return body.find(words) != std::string::npos;
}

// The lane tells twice a second how each leg does.
void TellLegs(House& house, CameraId camera, const Watching& watching, std::uint32_t loss_permille,
              std::uint64_t packets) {
  wire::LaneStatus status;
  status.state = wire::CameraState::kLive;
  status.epoch = house.keeper->epoch(camera);
  status.loss_permille = 7;
  status.jitter_us = 1500;
  status.viewers = 1;
  wire::ViewerLeg leg;
  leg.session = watching.session;
  leg.loss_permille = loss_permille;
  leg.jitter_us = 900;
  leg.packets = packets;
  leg.network = "192.0.2.7:4000";
  REQUIRE(status.legs.TryPush(leg));
  house.Lane(camera, std::move(status));
}

}  // namespace

TEST_CASE("audit: every record is a link of one chain, and the log ends in a signed head") {
  Home home;
  home.house.View(home.viewer, home.camera.id);
  audit::ChainReader reader(home.house.crypto);
  REQUIRE(home.house.log.records.size() > 8);
  for (const auto& record : home.house.log.records) CHECK_FALSE(reader.Take(record));
  REQUIRE(home.house.log.head);
  CHECK(home.house.log.head->hash == reader.hash());
  platform::Ed25519Verifier verifier;
  CHECK(audit::IsGenuine(verifier, home.house.signer->public_key(), *home.house.log.head));
}

TEST_CASE("audit: what the owner orders is recorded, each with whom it is about") {
  Home home;
  House& house = home.house;
  CHECK(house.Recorded(Kind::kStarted).size() == 1);
  CHECK(house.Recorded(Kind::kCameraAdded).size() == 2);
  CHECK(Says(house.Recorded(Kind::kCameraAdded)[0].body, R"("name":"Nursery","model":"M1")"));
  CHECK(house.Recorded(Kind::kCameraAdded)[0].camera == home.camera.id);
  CHECK(house.Recorded(Kind::kViewerAdded)[1].viewer == home.other_viewer.id);
  const auto granted = house.Recorded(Kind::kGranted);
  REQUIRE(granted.size() == 2);
  CHECK(granted[0].camera == home.camera.id);
  CHECK(granted[0].viewer == home.viewer.id);
  CHECK(Says(granted[0].body, home.grant.ToHex()));

  const std::vector<std::pair<Kind, std::function<bool()>>> orders{
      {Kind::kCameraRenamed, [&] { return house.owner().RenameCamera(home.camera.id, "Cot").has_value(); }},
      {Kind::kTokenRotated,
       [&] { return house.owner().RotateCamera(home.camera.id, house.now, house.wall).has_value(); }},
      {Kind::kPinChanged,
       [&] { return house.owner().PinCamera(home.camera.id, ports::PinState::kAwaited, {}).has_value(); }},
      {Kind::kGrantRevoked, [&] { return house.owner().RevokeGrant(home.grant, house.wall).has_value(); }},
      {Kind::kOwnerChanged,
       [&] { return house.owner().TransferCamera(home.camera.id, house.now, house.wall).has_value(); }},
      {Kind::kViewerRemoved,
       [&] { return house.owner().RemoveViewer(home.viewer.id, house.wall).has_value(); }},
      {Kind::kCameraRemoved, [&] { return house.owner().RemoveCamera(home.camera.id).has_value(); }},
  };
  for (const auto& [kind, order] : orders) {
    INFO(audit::NameOf(kind));
    REQUIRE(house.Recorded(kind).empty());
    REQUIRE(order());
    house.Settle();
    const auto records = house.Recorded(kind);
    REQUIRE(records.size() == 1);
    CHECK(records[0].at == house.wall);
    CHECK((records[0].camera == home.camera.id || records[0].viewer == home.viewer.id));
  }
}

TEST_CASE("audit: wrong tokens are recorded with where they came from, and a flood of them is few records") {
  Home home;
  House& house = home.house;
  for (int i = 0; i < 100; ++i) house.Front(wire::TokenGuessed{"192.0.2.9"});
  house.Front(wire::TokenGuessed{"2001:db8::7"});
  auto recorded = house.Recorded(Kind::kTokensGuessed);
  REQUIRE(recorded.size() == 2);
  CHECK(Says(recorded[0].body, "192.0.2.9"));
  CHECK(Says(recorded[1].body, "2001:db8::7"));
  house.Pass(kRecordOften + seconds(1));
  recorded = house.Recorded(Kind::kTokensGuessed);
  REQUIRE(recorded.size() == 3);
  CHECK(Says(recorded[2].body, "192.0.2.9"));
  CHECK(Says(recorded[2].body, "\"times_more\":99"));

  const auto before = recorded.size();
  for (int i = 0; i < 1000; ++i)
    house.Front(wire::TokenGuessed{"10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250)});
  recorded = house.Recorded(Kind::kTokensGuessed);
  CHECK(recorded.size() == before + kMaxGuessers + 1);
  CHECK(Says(recorded.back().body, "elsewhere"));
  house.Front(wire::TokenGuessed{"10.0.0.0"});
  house.Pass(kRecordOften + seconds(1));
  recorded = house.Recorded(Kind::kTokensGuessed);
  REQUIRE(recorded.size() == before + kMaxGuessers + 3);
  CHECK(Says(recorded[before + kMaxGuessers + 1].body, "\"times_more\":1"));
  CHECK(Says(recorded.back().body, "\"times_more\":967"));
  house.Front(wire::TokenGuessed{"Anna"});
  CHECK(house.Effect<EndFront>().has_value());
}

TEST_CASE("audit: the registry's turn is told with the next record, and not again until it has changed") {
  Home home;
  House& house = home.house;
  const auto turn = [&] { return "\"registry_turn\":" + std::to_string(house.store.writes) + "}"; };
  REQUIRE(house.owner().RenameCamera(home.camera.id, "Cot").has_value());
  house.Settle();
  CHECK(Says(house.log.records.back().body, turn()));
  const std::size_t before = house.log.records.size();
  house.View(home.viewer, home.camera.id);
  REQUIRE(house.log.records.size() > before);
  for (std::size_t i = before; i < house.log.records.size(); ++i)
    CHECK_FALSE(Says(house.log.records[i].body, "registry_turn"));
  // A start tells it anew.
  house.StartKeeper();
  house.Run();
  CHECK(Says(LastBody(house, Kind::kStarted), turn()));
}

TEST_CASE("audit: an order that was refused is not recorded as done") {
  Home home;
  home.house.store.failing = true;
  const auto before = home.house.log.records.size();
  CHECK_FALSE(home.house.owner().RenameCamera(home.camera.id, "Cot"));
  CHECK_FALSE(home.house.owner().RevokeGrant(home.grant, home.house.wall));
  CHECK_FALSE(home.house.owner().AddViewer("Carl", home.house.wall));
  home.house.Settle();
  CHECK(home.house.log.records.size() == before);
}

TEST_CASE("audit: a view is recorded from its answer to its end, with how each leg did in each minute") {
  Home home;
  House& house = home.house;
  const Watching watching = house.View(home.viewer, home.camera.id);
  const auto began = house.Recorded(Kind::kViewBegan);
  REQUIRE(began.size() == 1);
  CHECK(began[0].camera == home.camera.id);
  CHECK(began[0].viewer == home.viewer.id);
  CHECK(began[0].session == watching.session);
  CHECK(began[0].epoch == house.keeper->epoch(home.camera.id));
  CHECK(Says(began[0].body, internal::HexEncode(watching.fingerprint)));

  TellLegs(house, home.camera.id, watching, 90, 500);
  house.Pass(seconds(30));
  TellLegs(house, home.camera.id, watching, 4, 900);
  CHECK(house.Recorded(Kind::kViewMinute).empty());
  house.Pass(seconds(31));
  TellLegs(house, home.camera.id, watching, 2, 1800);
  REQUIRE(house.Recorded(Kind::kViewMinute).size() == 1);
  const std::string minute = LastBody(house, Kind::kViewMinute);
  CHECK(Says(minute, R"("packets":1800)"));
  CHECK(Says(minute, R"("camera_loss_permille":7,"camera_jitter_us":1500)"));
  CHECK(Says(minute, R"("viewer_loss_permille":90,"viewer_jitter_us":900)"));
  CHECK(Says(minute, R"("network":"192.0.2.7:4000")"));

  TellLegs(house, home.camera.id, watching, 1, 1900);
  house.Lane(home.camera.id,
             wire::SessionEnded{watching.session, wire::SessionEndReason::kClosedByPeer, 0, 0, 0});
  REQUIRE(house.Recorded(Kind::kViewEnded).size() == 1);
  const std::string end = LastBody(house, Kind::kViewEnded);
  CHECK(Says(end, R"("packets":1900)"));
  CHECK(Says(end, R"("viewer_loss_permille":1)"));  // since the last record
  CHECK(Says(end, R"("why":"the peer closed it")"));
}

TEST_CASE("audit: a lane says nothing about a session of another camera") {
  Home home;
  const Watching watching = home.house.View(home.viewer, home.camera.id);
  home.house.Pass(seconds(61));
  TellLegs(home.house, home.other_camera.id, watching, 500, 1);
  CHECK(home.house.Recorded(Kind::kViewMinute).empty());
}

TEST_CASE("audit: whatever ends a view, its end is recorded once, with the reason") {
  const std::vector<std::pair<std::string, std::function<void(Home&)>>> ends{
      {"no grant", [](Home& h) { REQUIRE(h.house.owner().RevokeGrant(h.grant, h.house.wall)); }},
      {"suspended",
       [](Home& h) {
         NewSuspension all;
         all.scope = ports::SuspensionScope::kAll;
         all.reason = "x";
         REQUIRE(h.house.owner().Suspend(all, h.house.wall));
       }},
      {"process ended", [](Home& h) { h.house.EndLane(h.camera.id); }},
      {"removed", [](Home& h) { REQUIRE(h.house.owner().RemoveCamera(h.camera.id)); }},
      {"hub stopped", [](Home& h) { h.house.keeper->HandleStop(h.house.now, h.house.wall); }},
  };
  for (const auto& [words, end] : ends) {
    INFO(words);
    Home home;
    const Watching watching = home.house.View(home.viewer, home.camera.id);
    end(home);
    home.house.Run();
    home.house.Settle();
    const auto records = home.house.Recorded(Kind::kViewEnded);
    REQUIRE(records.size() == 1);
    CHECK(records[0].session == watching.session);
    CHECK(Says(records[0].body, words));
  }
}

TEST_CASE("audit: a view that goes on in a new epoch says so") {
  Home home;
  home.house.View(home.viewer, home.camera.id);
  home.house.Publish(home.camera);
  const auto records = home.house.Recorded(Kind::kViewEpoch);
  REQUIRE(records.size() == 1);
  CHECK(records[0].epoch == home.house.keeper->epoch(home.camera.id));
  CHECK(home.house.Recorded(Kind::kEpochBegan).size() == 3);
}

TEST_CASE("audit: what somebody can make happen over and over is recorded once a minute, and counted") {
  Home home;
  House& house = home.house;
  const auto ask = [&] {
    house.Front(house.ViewRequest(home.camera.id, home.other_viewer.token));
    CHECK(house.RefusedStatus() == 403);
  };
  for (int i = 0; i < 50; ++i) ask();
  CHECK(house.Recorded(Kind::kViewRefused).size() == 1);
  // Also when it does not go on.
  house.Pass(kRecordOften + kTick);
  REQUIRE(house.Recorded(Kind::kViewRefused).size() == 2);
  CHECK(Says(LastBody(house, Kind::kViewRefused), R"("times_more":49)"));
  CHECK(house.Recorded(Kind::kViewRefused)[1].viewer == home.other_viewer.id);
  house.Pass(kRecordOften + kTick);
  CHECK(house.Recorded(Kind::kViewRefused).size() == 2);
  ask();
  ask();
  CHECK(house.Recorded(Kind::kViewRefused).size() == 3);
  house.keeper->HandleStop(house.now, house.wall);
  house.Run();
  CHECK(Says(LastBody(house, Kind::kViewRefused), R"("times_more":1)"));
}

TEST_CASE("audit: of very many things that happen over and over none is forgotten") {
  Home home;
  House& house = home.house;
  // Each viewer's refusals are a thing of their own.
  std::vector<Enrolled<ViewerId>> viewers;
  for (std::size_t i = 0; i < kMaxRepeated / 2 + 1; ++i)
    viewers.push_back(house.Viewer("V" + std::to_string(i)));
  for (const auto& viewer : viewers) {
    for (const CameraId camera : {home.camera.id, home.other_camera.id}) {
      for (int i = 0; i < 3; ++i) {
        house.Front(house.ViewRequest(camera, viewer.token));
        CHECK(house.RefusedStatus() == 403);
      }
    }
  }
  house.Pass(kRecordOften + kTick);
  std::size_t told = 0;
  for (const auto& record : house.Recorded(Kind::kViewRefused))
    if (record.body.find(R"("times_more":2)") != std::string::npos) ++told;
  CHECK(told == 2 * viewers.size());
}

TEST_CASE("audit: what two viewers are refused are two things, and so are two reasons") {
  Home home;
  House& house = home.house;
  house.Front(house.ViewRequest(home.camera.id, home.other_viewer.token));
  // Another viewer's is another thing.
  REQUIRE(house.owner().RevokeGrant(home.grant, house.wall));
  house.Front(house.ViewRequest(home.camera.id, home.viewer.token));
  CHECK(house.Recorded(Kind::kViewRefused).size() == 2);
  house.Grant(home.other_viewer.id, home.camera.id, hours(1), 2);
  house.Front(house.ViewRequest(home.camera.id, home.other_viewer.token));
  REQUIRE(house.Recorded(Kind::kViewRefused).size() == 3);
  CHECK(Says(LastBody(house, Kind::kViewRefused), "does not include this right"));
}

TEST_CASE("audit: an open failure, a suspension and its end are recorded, with what is known of them") {
  Home home;
  House& house = home.house;
  const Watching watching = house.View(home.viewer, home.camera.id);
  house.Lane(home.camera.id,
             wire::OpenFailed{watching.session, house.keeper->epoch(home.camera.id), FrameNumber{41}});
  REQUIRE(house.Recorded(Kind::kOpenFailed).size() == 1);
  CHECK(house.Recorded(Kind::kOpenFailed)[0].session == watching.session);
  CHECK(Says(LastBody(house, Kind::kOpenFailed), R"("frame":41)"));
  CHECK(Says(LastBody(house, Kind::kSuspended), R"("automatic":true)"));
  const auto id = house.registry->suspensions().front().id;
  REQUIRE(house.owner().Resume(id, "a bad chip", house.wall));
  house.Settle();
  CHECK(Says(LastBody(house, Kind::kResumed), R"("root_cause":"a bad chip")"));
  CHECK(house.Recorded(Kind::kResumed)[0].camera == home.camera.id);
}

TEST_CASE("audit: when it can't be written views end after ten seconds, and begin again when it can") {
  Home home;
  House& house = home.house;
  const Watching watching = house.View(home.viewer, home.camera.id);
  house.Pass(seconds(1));
  house.log.failing = true;
  REQUIRE(house.owner().RenameCamera(home.camera.id, "Cot"));  // something to write
  house.Settle();
  house.ForgetMessages();
  house.Pass(kAuditPatience - milliseconds(10));
  CHECK_FALSE(house.ToLane<wire::SessionEnd>(home.camera.id));
  house.Pass(milliseconds(20));
  const auto end = house.ToLane<wire::SessionEnd>(home.camera.id);
  REQUIRE(end);
  CHECK(end->session == watching.session);
  CHECK(house.owner().Cameras(house.now).front().state == wire::CameraState::kUnavailable);
  CHECK(house.owner().Cameras(house.now).front().reason == wire::UnavailableReason::kUnrecorded);
  house.ForgetMessages();
  house.Front(house.ViewRequest(home.camera.id, home.viewer.token));
  const auto refused = house.ToFront<wire::Refused>();
  REQUIRE(refused);
  CHECK(refused->http_status == 503);
  CHECK(Says(refused->detail.str(), "disk may be full"));
  // Also in the middle of its question.
  house.log.failing = false;
  house.Pass(seconds(1));
  auto request = house.ViewRequest(home.camera.id, home.viewer.token);
  const wire::Ticket ticket = request.ticket;
  house.Front(std::move(request));
  const auto offer = house.ToLane<wire::ViewerOffer>(home.camera.id);
  REQUIRE(offer);
  house.log.failing = true;
  REQUIRE(house.owner().RenameCamera(home.camera.id, "Bed"));
  house.Settle();
  for (std::size_t i = 0; i <= kMaxUnwritten; ++i)
    house.book->Add(Kind::kGranted, {}, "{}", house.now, house.wall);
  house.Settle();
  REQUIRE(house.keeper->unrecorded());
  house.Lane(home.camera.id, wire::ViewerParsed{ticket, offer->session, Fingerprint{}});
  CHECK(house.RefusedStatus() == 503);
  // The camera goes on, and nothing that happened meanwhile is lost.
  CHECK(house.keeper->epoch(home.camera.id).value != 0);
  house.log.failing = false;
  house.Pass(seconds(1));
  CHECK_FALSE(house.keeper->unrecorded());
  CHECK(house.Recorded(Kind::kCameraRenamed).size() == 2);
  CHECK(house.Recorded(Kind::kLogFailing).size() == 1);
  CHECK(house.Recorded(Kind::kRecordsLost).size() == 1);  // of the second time, and what found no room
  CHECK(Says(LastBody(house, Kind::kViewEnded), "can't write its log"));
  house.ForgetMessages();
  house.View(home.viewer, home.camera.id);
}

TEST_CASE("audit: a start without a stop before it says so") {
  Home home;
  CHECK(Says(LastBody(home.house, Kind::kStarted), R"("after":"nothing")"));
  home.house.StartKeeper();
  home.house.Run();
  CHECK(Says(LastBody(home.house, Kind::kStarted), R"("after":"a crash")"));
  home.house.keeper->HandleStop(home.house.now, home.house.wall);
  home.house.Run();
  home.house.StartKeeper();
  home.house.Run();
  CHECK(Says(LastBody(home.house, Kind::kStarted), R"("after":"a stop")"));
}

}  // namespace latchkey::keeper
