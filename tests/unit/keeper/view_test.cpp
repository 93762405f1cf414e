// A viewer asks for a camera: every step, and every way in which it ends without a picture.
#include <bit>

#include "tests/unit/keeper/house.h"

namespace latchkey::keeper {

TEST_CASE("view: token, wrap and proof end in the lane's answer") {
  Home home;
  const Watching watching = home.house.View(home.viewer, home.camera.id);
  CHECK(home.house.keeper->questions() == 0);
  CHECK(home.house.keeper->sessions() == 3);
}

TEST_CASE("view: the permission of each kind of token at each endpoint") {
  Home home;
  House& house = home.house;
  const Watching watching = house.View(home.viewer, home.camera.id);
  const Secret32 nobody = access::MakeToken(house.entropy);
  struct Row {
    const char* who;
    const Secret32& token;
    int publish, view, list, patch, erase;  // status of the refusal; 0: let through
  };
  const Row rows[] = {{"the camera", home.camera.token, 0, 403, 403, 404, 404},
                      {"another camera", home.other_camera.token, 403, 403, 403, 404, 404},
                      {"another viewer", home.other_viewer.token, 403, 403, 0, 404, 404},
                      {"nobody", nobody, 401, 401, 401, 401, 401},
                      {"the viewer", home.viewer.token, 403, 0, 0, 0, 0}};
  for (const Row& row : rows) {
    INFO(row.who);
    house.Front(house.PublishRequest(home.camera.id, row.token));
    CHECK(house.RefusedStatus() == row.publish);
    CHECK(house.ToLane<wire::PublishOffer>(home.camera.id).has_value() == (row.publish == 0));
    house.Front(house.ViewRequest(home.camera.id, row.token));
    CHECK(house.RefusedStatus() == row.view);
    CHECK(house.ToLane<wire::ViewerOffer>(home.camera.id).has_value() == (row.view == 0));
    house.Front(wire::ListRequest{house.NewTicket(row.token), row.token.Duplicate()});
    CHECK(house.RefusedStatus() == row.list);
    CHECK(house.ToFront<wire::CameraList>().has_value() == (row.list == 0));
    house.Front(wire::Subscribe{house.NewTicket(row.token), row.token.Duplicate()});
    CHECK(house.RefusedStatus() == row.list);
    CHECK(house.ToFront<wire::CameraList>().has_value() == (row.list == 0));
    house.Front(
        wire::PatchRequest{house.NewTicket(row.token), watching.session, row.token.Duplicate(), "e", "a=x"});
    CHECK(house.RefusedStatus() == row.patch);
    const auto patch = house.ToLane<wire::PatchOffer>(home.camera.id);
    CHECK(patch.has_value() == (row.patch == 0));
    if (patch) house.Lane(home.camera.id, wire::PatchAnswer{patch->ticket, patch->session, "e", ""});
    (void)house.ToFront<wire::Done>();
    house.Front(wire::DeleteRequest{house.NewTicket(row.token), watching.session, row.token.Duplicate()});
    CHECK(house.RefusedStatus() == row.erase);
    CHECK(house.ToFront<wire::Done>().has_value() == (row.erase == 0));
    house.ForgetMessages();
  }
}

TEST_CASE("view: without a grant that holds now and has the right, it is 403") {
  Home home;
  House& house = home.house;
  const auto refused = [&](const Enrolled<ViewerId>& viewer) {
    house.Front(house.ViewRequest(home.camera.id, viewer.token));
    return house.RefusedStatus();
  };
  const auto third = house.Viewer("Cleo");
  CHECK(refused(third) == 403);
  // From tomorrow on.
  REQUIRE(house.owner().AddGrant({third.id, home.camera.id, 1, house.wall + hours(24), ports::kNoEnd},
                                 house.wall));
  CHECK(refused(third) == 403);
  // Stills alone.
  house.Grant(third.id, home.camera.id, hours(1), 2);
  CHECK(refused(third) == 403);
  // For a minute.
  house.Grant(third.id, home.camera.id, seconds(60), 1);
  house.View(third, home.camera.id);
  house.Pass(seconds(60));
  house.ForgetMessages();
  CHECK(refused(third) == 403);
}

TEST_CASE("view: an unknown camera is 404, one that is off is 503 with Retry-After") {
  Home home;
  House& house = home.house;
  house.Front(house.ViewRequest(house.entropy.MakeId<CameraId>(), home.viewer.token));
  CHECK(house.RefusedStatus() == 404);
  const auto idle = house.Camera("Idle");
  house.StartLane(idle.id);
  house.Grant(home.viewer.id, idle.id);
  house.Front(house.ViewRequest(idle.id, home.viewer.token));
  const auto refused = house.ToFront<wire::Refused>();
  REQUIRE(refused.has_value());
  CHECK(refused->http_status == 503);
  CHECK(refused->title.str() == "currently unavailable");
  CHECK(refused->retry_after_s > 0);
  CHECK(house.lanes[idle.id].empty());
}

TEST_CASE("view: a camera whose session ended is 503 again") {
  Home home;
  House& house = home.house;
  const SessionId publisher = house.Publish(home.camera);
  house.Lane(home.camera.id, wire::SessionEnded{publisher, wire::SessionEndReason::kConsentExpired, 1, 2, 3});
  house.Front(house.ViewRequest(home.camera.id, home.viewer.token));
  CHECK(house.RefusedStatus() == 503);
}

TEST_CASE("view: a grant revoked between two steps is refused at the next one") {
  Home home;
  House& house = home.house;
  SECTION("before the offer was parsed") {
    auto request = house.ViewRequest(home.camera.id, home.viewer.token);
    const auto ticket = request.ticket;
    house.Front(std::move(request));
    const auto offer = house.ToLane<wire::ViewerOffer>(home.camera.id);
    REQUIRE(house.owner().RevokeGrant(home.grant, house.wall).has_value());
    house.Lane(home.camera.id, wire::ViewerParsed{ticket, offer->session, {}});
    CHECK_FALSE(house.ToFront<wire::Granted>().has_value());
  }
  SECTION("before the proof") {
    Watching watching;
    auto proof = house.ViewUpToProof(home.viewer, home.camera.id, watching);
    REQUIRE(house.owner().RevokeGrant(home.grant, house.wall).has_value());
    house.Front(std::move(proof));
    CHECK_FALSE(house.ToLane<wire::ViewerAdmit>(home.camera.id).has_value());
  }
  SECTION("before the answer") {
    Watching watching;
    house.Front(house.ViewUpToProof(home.viewer, home.camera.id, watching));
    REQUIRE(house.ToLane<wire::ViewerAdmit>(home.camera.id).has_value());
    REQUIRE(house.owner().RevokeGrant(home.grant, house.wall).has_value());
    house.Settle();
    house.Lane(home.camera.id, wire::ViewerAnswer{watching.ticket, watching.session, "e", "v=0"});
  }
  CHECK_FALSE(house.ToFront<wire::Answered>().has_value());
  const int status = house.RefusedStatus();
  CHECK((status == 403 || status == 503));
  CHECK(house.ToLane<wire::SessionEnd>(home.camera.id).has_value());
  CHECK(house.keeper->questions() == 0);
  CHECK(house.keeper->sessions() == 2);
}

TEST_CASE("view: a grant that ends between two steps is refused at the next one") {
  Home home;
  House& house = home.house;
  const auto third = house.Viewer("Cleo");
  house.Grant(third.id, home.camera.id, seconds(3), 1);
  Watching watching;
  auto proof = house.ViewUpToProof(third, home.camera.id, watching);
  const bool admitted = GENERATE(false, true);
  if (admitted) {
    house.Front(std::move(proof));
    REQUIRE(house.ToLane<wire::ViewerAdmit>(home.camera.id).has_value());
  }
  house.now += seconds(3);
  house.wall += seconds(3);
  if (admitted) {
    house.Lane(home.camera.id, wire::ViewerAnswer{watching.ticket, watching.session, "e", "v=0"});
    CHECK_FALSE(house.ToFront<wire::Answered>().has_value());
    CHECK(house.ToLane<wire::SessionEnd>(home.camera.id).has_value());
  } else {
    house.Front(std::move(proof));
    CHECK_FALSE(house.ToLane<wire::ViewerAdmit>(home.camera.id).has_value());
  }
  CHECK(house.RefusedStatus() == 403);
  CHECK(house.keeper->sessions() == 2);
}

// Each second every session is asked about; what happens between two of these asks for itself.
TEST_CASE("view: a grant that has just ended gives its session neither a PATCH nor the next epoch") {
  Home home;
  House& house = home.house;
  const auto third = house.Viewer("Cleo");
  house.Grant(third.id, home.camera.id, seconds(3), 1);
  const Watching watching = house.View(third, home.camera.id);
  house.ForgetMessages();
  house.now += seconds(3);
  house.wall += seconds(3);
  SECTION("PATCH") {
    house.Front(wire::PatchRequest{house.NewTicket(third.token), watching.session, third.token.Duplicate(),
                                   "\"etag\"", "a=candidate"});
    CHECK(house.RefusedStatus() == 403);
    CHECK_FALSE(house.ToLane<wire::PatchOffer>(home.camera.id).has_value());
  }
  SECTION("an epoch") {
    house.Lane(home.camera.id, wire::EpochWanted{house.keeper->epoch(home.camera.id)});
    CHECK(house.ToLane<wire::EpochBegin>(home.camera.id).has_value());
    CHECK_FALSE(house.ToLane<wire::WrapRenewal>(home.camera.id).has_value());
  }
  const auto end = house.ToLane<wire::SessionEnd>(home.camera.id);
  REQUIRE(end.has_value());
  CHECK(end->session == watching.session);
  CHECK(house.keeper->sessions() == 2);
}

TEST_CASE("view: a session that its client was not told of yet is nobody's to patch or delete") {
  Home home;
  House& house = home.house;
  Watching watching;
  house.Front(house.ViewUpToProof(home.viewer, home.camera.id, watching));
  house.ForgetMessages();
  house.Front(wire::DeleteRequest{house.NewTicket(home.viewer.token), watching.session,
                                  home.viewer.token.Duplicate()});
  CHECK(house.RefusedStatus() == 404);
  house.Front(wire::PatchRequest{house.NewTicket(home.viewer.token), watching.session,
                                 home.viewer.token.Duplicate(), "*", ""});
  CHECK(house.RefusedStatus() == 404);
  CHECK(house.lanes[home.camera.id].empty());
  CHECK(house.keeper->sessions() == 3);
}

// The URL /session/{id} is a secret of its client: nothing that another was told leads to it.
TEST_CASE("view: the id of a session tells neither its request's id nor the next session's") {
  Home home;
  House& house = home.house;
  const auto differing = [](const auto& one, const auto& other) {
    int bits = 0;
    for (std::size_t i = 0; i < one.bytes().size(); ++i)
      bits += std::popcount(static_cast<unsigned>(one.bytes()[i] ^ other.bytes()[i]));
    return bits;
  };
  // Of 128 random bits fewer than 32 agree or differ once in 10^8.
  constexpr int kLeast = 32;
  SessionId before = house.entropy.MakeId<SessionId>();
  for (int i = 0; i < 8; ++i) {
    auto view = house.ViewRequest(home.camera.id, home.viewer.token);
    const auto view_ticket = view.ticket;
    house.Front(std::move(view));
    const auto viewer = house.ToLane<wire::ViewerOffer>(home.camera.id);
    auto publish = house.PublishRequest(home.camera.id, home.camera.token);
    const auto publish_ticket = publish.ticket;
    house.Front(std::move(publish));
    const auto publisher = house.ToLane<wire::PublishOffer>(home.camera.id);
    REQUIRE((viewer.has_value() && publisher.has_value()));
    CHECK(differing(viewer->session, view_ticket.request) > kLeast);
    CHECK(differing(publisher->session, publish_ticket.request) > kLeast);
    CHECK(differing(viewer->session, before) > kLeast);
    CHECK(differing(publisher->session, viewer->session) > kLeast);
    before = publisher->session;
  }
}

TEST_CASE(
    "view: an epoch that begins before the proof is wrapped anew, and the front's key must still be right") {
  Home home;
  House& house = home.house;
  Watching watching;
  auto proof = house.ViewUpToProof(home.viewer, home.camera.id, watching);
  house.Publish(home.camera);
  const bool right = GENERATE(true, false);
  if (!right)
    proof.derived_key = access::DeriveViewerKey(house.crypto, home.other_viewer.token, watching.grant);
  const Secret32 shown = proof.derived_key.Duplicate();
  house.Front(std::move(proof));
  const auto admit = house.ToLane<wire::ViewerAdmit>(home.camera.id);
  REQUIRE(admit.has_value());
  CHECK(admit->epoch == house.keeper->epoch(home.camera.id));
  watching.key = shown.Duplicate();
  CHECK(house.Opens(watching, home.camera.id, admit->epoch, admit->rights, admit->not_after, admit->wrap) ==
        right);
}

TEST_CASE("view: an epoch that begins while the lane admits reaches that session too") {
  Home home;
  House& house = home.house;
  Watching watching;
  house.Front(house.ViewUpToProof(home.viewer, home.camera.id, watching));
  house.Publish(home.camera);
  const auto renewal = house.ToLane<wire::WrapRenewal>(home.camera.id);
  REQUIRE(renewal.has_value());
  CHECK(renewal->session == watching.session);
  CHECK(house.Opens(watching, home.camera.id, renewal->epoch, renewal->rights, renewal->not_after,
                    renewal->wrap));
}

TEST_CASE("view: the lane's refusal goes back as it is and leaves nothing behind") {
  Home home;
  House& house = home.house;
  Watching watching;
  SECTION("while it parses") {
    auto request = house.ViewRequest(home.camera.id, home.viewer.token);
    watching.ticket = request.ticket;
    house.Front(std::move(request));
  }
  SECTION("while it admits") {
    house.Front(house.ViewUpToProof(home.viewer, home.camera.id, watching));
  }
  house.Lane(home.camera.id, wire::Refused{watching.ticket, 406, "nothing usable", "no codec in common", 0});
  CHECK(house.RefusedStatus() == 406);
  CHECK(house.keeper->questions() == 0);
  CHECK(house.keeper->sessions() == 2);
}

TEST_CASE("view: no answer in 5 s is 503, and what was begun is ended") {
  Home home;
  House& house = home.house;
  Watching watching;
  SECTION("no parse") {
    house.Front(house.ViewRequest(home.camera.id, home.viewer.token));
  }
  SECTION("no proof") {
    (void)house.ViewUpToProof(home.viewer, home.camera.id, watching);
  }
  SECTION("no answer") {
    house.Front(house.ViewUpToProof(home.viewer, home.camera.id, watching));
  }
  house.Advance(seconds(5));
  CHECK(house.RefusedStatus() == 503);
  CHECK(house.ToLane<wire::SessionEnd>(home.camera.id).has_value());
  CHECK(house.keeper->questions() == 0);
  CHECK(house.keeper->sessions() == 2);
  CHECK(house.keeper->counters().timeouts == 1);
}

TEST_CASE("view: at the limit of viewers one more is 503, and a leaver makes room") {
  Home home;
  House& house = home.house;
  std::vector<SessionId> sessions;
  for (std::uint32_t i = 0; i < Settings{}.max_viewers; ++i) {
    sessions.push_back(house.View(home.viewer, home.camera.id).session);
  }
  house.Front(house.ViewRequest(home.camera.id, home.viewer.token));
  CHECK(house.RefusedStatus() == 503);
  house.Lane(home.camera.id, wire::SessionEnded{sessions[3], wire::SessionEndReason::kClosedByPeer, 0, 0, 0});
  house.View(home.viewer, home.camera.id);
}

TEST_CASE("view: viewers that ask at the same time for the last place are counted again when let in") {
  Home home;
  House& house = home.house;
  for (std::uint32_t i = 1; i < Settings{}.max_viewers; ++i) house.View(home.viewer, home.camera.id);
  Watching one;
  Watching other;
  auto first = house.ViewUpToProof(home.viewer, home.camera.id, one);
  auto second = house.ViewUpToProof(home.viewer, home.camera.id, other);
  house.Front(std::move(first));
  CHECK(house.ToLane<wire::ViewerAdmit>(home.camera.id).has_value());
  house.Front(std::move(second));
  CHECK(house.RefusedStatus() == 503);
  CHECK_FALSE(house.ToLane<wire::ViewerAdmit>(home.camera.id).has_value());
}

TEST_CASE("view: DELETE ends the session at the lane and is answered at once; then it is 404") {
  Home home;
  House& house = home.house;
  const Watching watching = house.View(home.viewer, home.camera.id);
  const auto erase = [&] {
    house.Front(wire::DeleteRequest{house.NewTicket(home.viewer.token), watching.session,
                                    home.viewer.token.Duplicate()});
  };
  erase();
  const auto done = house.ToFront<wire::Done>();
  REQUIRE(done.has_value());
  CHECK(done->http_status == 200);
  const auto end = house.ToLane<wire::SessionEnd>(home.camera.id);
  REQUIRE(end.has_value());
  CHECK(end->session == watching.session);
  erase();
  CHECK(house.RefusedStatus() == 404);
}

TEST_CASE("view: PATCH is the lane's to answer: 204, 200 or its refusal") {
  Home home;
  House& house = home.house;
  const Watching watching = house.View(home.viewer, home.camera.id);
  const auto patch = [&] {
    wire::PatchRequest request{house.NewTicket(home.viewer.token), watching.session,
                               home.viewer.token.Duplicate(), "\"etag\"", "a=candidate"};
    const auto ticket = request.ticket;
    house.Front(std::move(request));
    const auto offer = house.ToLane<wire::PatchOffer>(home.camera.id);
    REQUIRE(offer.has_value());
    CHECK(offer->ticket == ticket);
    CHECK(offer->if_match.str() == "\"etag\"");
    CHECK(offer->fragment.str() == "a=candidate");
    return ticket;
  };
  auto ticket = patch();
  house.Lane(home.camera.id, wire::PatchAnswer{ticket, watching.session, "etag", ""});
  const auto done = house.ToFront<wire::Done>();
  REQUIRE(done.has_value());
  CHECK(done->http_status == 204);
  ticket = patch();
  house.Lane(home.camera.id, wire::PatchAnswer{ticket, watching.session, "etag2", "a=ice-ufrag:x"});
  const auto answered = house.ToFront<wire::Answered>();
  REQUIRE(answered.has_value());
  CHECK(answered->etag.str() == "etag2");
  ticket = patch();
  house.Lane(home.camera.id, wire::Refused{ticket, 412, "another version", "ask again", 0});
  CHECK(house.RefusedStatus() == 412);
  CHECK(house.keeper->sessions() == 3);
  patch();
  house.Lane(home.camera.id,
             wire::SessionEnded{watching.session, wire::SessionEndReason::kConsentExpired, 0, 0, 0});
  CHECK(house.RefusedStatus() == 404);
}

}  // namespace latchkey::keeper
