// Nobody gets another's answer: replies of other tickets, principals, lanes and sessions, cancelled
// questions, replies in any order, and processes that say what they may not.
#include <algorithm>
#include <random>

#include "tests/unit/keeper/house.h"

namespace latchkey::keeper {

TEST_CASE("mix-up: a reply that no question waits for is dropped, and its session ended") {
  Home home;
  House& house = home.house;
  const auto ticket = house.NewTicket(home.viewer.token);
  const auto session = house.entropy.MakeId<SessionId>();
  house.Lane(home.camera.id, wire::PublishAnswer{ticket, session, Epoch{9}, "e", "v=0"});
  house.Lane(home.camera.id, wire::ViewerParsed{ticket, session, {}});
  house.Lane(home.camera.id, wire::ViewerAnswer{ticket, session, "e", "v=0"});
  house.Lane(home.camera.id, wire::PatchAnswer{ticket, session, "e", ""});
  house.Lane(home.camera.id, wire::Refused{ticket, 406, "t", "d", 0});
  house.Front(wire::ViewProof{ticket, session, {}, Secret32()});
  CHECK(house.front.empty());
  CHECK(house.keeper->counters().replies_dropped == 6);
  CHECK(house.ToLane<wire::SessionEnd>(home.camera.id)->session == session);
  CHECK(house.keeper->epoch(home.camera.id) == Epoch{1});
}

TEST_CASE("mix-up: the right request id under another principal reaches nobody") {
  Home home;
  House& house = home.house;
  Watching watching;
  auto proof = house.ViewUpToProof(home.viewer, home.camera.id, watching);
  const wire::Ticket forged{watching.ticket.request,
                            access::PrincipalOf(house.crypto, home.other_viewer.token)};
  SECTION("the front's proof") {
    proof.ticket = forged;
    house.Front(std::move(proof));
    CHECK_FALSE(house.ToLane<wire::ViewerAdmit>(home.camera.id).has_value());
  }
  SECTION("the lane's answer") {
    house.Front(std::move(proof));
    house.Lane(home.camera.id, wire::ViewerAnswer{forged, watching.session, "e", "v=0"});
    CHECK(house.keeper->counters().mixups == 1);
  }
  SECTION("the lane's refusal") {
    house.Lane(home.camera.id, wire::Refused{forged, 406, "t", "d", 0});
    CHECK(house.keeper->counters().mixups == 1);
  }
  SECTION("a cancel") {
    house.Front(wire::Cancel{forged});
  }
  CHECK(house.front.empty());
  CHECK(house.keeper->questions() == 1);
}

TEST_CASE("mix-up: a lane that answers another lane's question reaches nobody") {
  Home home;
  House& house = home.house;
  auto request = house.PublishRequest(home.camera.id, home.camera.token);
  const auto ticket = request.ticket;
  house.Front(std::move(request));
  const auto offer = house.ToLane<wire::PublishOffer>(home.camera.id);
  const Epoch other = house.keeper->epoch(home.other_camera.id);
  house.Lane(home.other_camera.id, wire::PublishAnswer{ticket, offer->session, offer->epoch, "e", "v=0"});
  house.Lane(home.other_camera.id, wire::Refused{ticket, 409, "t", "d", 0});
  CHECK(house.front.empty());
  CHECK(house.keeper->counters().mixups == 2);
  CHECK(house.keeper->epoch(home.other_camera.id) == other);
  house.Lane(home.camera.id, wire::PublishAnswer{ticket, offer->session, offer->epoch, "e", "v=0"});
  CHECK(house.ToFront<wire::Answered>().has_value());
}

TEST_CASE("mix-up: a lane whose entity tag could break a header is ended, and nobody gets its answer") {
  Home home;
  House& house = home.house;
  const auto bad = GENERATE(as<std::string>{}, "a\r\nSet-Cookie: x", "a\"b", "a b", std::string("a\0b", 3),
                            "\x80", "\x7f");
  SECTION("a camera's") {
    auto request = house.PublishRequest(home.camera.id, home.camera.token);
    const auto ticket = request.ticket;
    house.Front(std::move(request));
    const auto offer = house.ToLane<wire::PublishOffer>(home.camera.id);
    house.Lane(home.camera.id, wire::PublishAnswer{ticket, offer->session, offer->epoch, bad, "v=0"});
  }
  SECTION("a viewer's") {
    Watching watching;
    house.Front(house.ViewUpToProof(home.viewer, home.camera.id, watching));
    house.Lane(home.camera.id, wire::ViewerAnswer{watching.ticket, watching.session, bad, "v=0"});
  }
  SECTION("a patch's") {
    const Watching watching = house.View(home.viewer, home.camera.id);
    wire::PatchRequest patch;
    patch.ticket = house.NewTicket(home.viewer.token);
    patch.session = watching.session;
    patch.token = home.viewer.token.Duplicate();
    const auto ticket = patch.ticket;
    house.Front(std::move(patch));
    house.Lane(home.camera.id, wire::PatchAnswer{ticket, watching.session, bad, ""});
  }
  CHECK(house.Effect<EndLane>()->camera == home.camera.id);
  CHECK_FALSE(house.ToFront<wire::Answered>().has_value());
  CHECK_FALSE(house.ToFront<wire::Done>().has_value());
}

TEST_CASE("mix-up: an answer that names another session reaches nobody") {
  Home home;
  House& house = home.house;
  Watching one;
  Watching two;
  auto proof_one = house.ViewUpToProof(home.viewer, home.camera.id, one);
  auto proof_two = house.ViewUpToProof(home.viewer, home.camera.id, two);
  SECTION("in the lane's answer") {
    house.Front(std::move(proof_one));
    house.Front(std::move(proof_two));
    house.Lane(home.camera.id, wire::ViewerAnswer{one.ticket, two.session, "e", "v=0"});
    CHECK(house.front.empty());
    CHECK(house.keeper->counters().mixups == 1);
  }
  SECTION("in the front's proof") {
    proof_one.session = two.session;
    house.Front(std::move(proof_one));
    CHECK(house.RefusedStatus() == 503);
    CHECK_FALSE(house.ToLane<wire::ViewerAdmit>(home.camera.id).has_value());
    CHECK(house.keeper->counters().mixups == 1);
  }
  SECTION("with the other's wrap") {
    proof_one.wrap = proof_two.wrap;
    house.Front(std::move(proof_one));
    CHECK(house.RefusedStatus() == 503);
    CHECK_FALSE(house.ToLane<wire::ViewerAdmit>(home.camera.id).has_value());
    CHECK(house.keeper->counters().mixups == 1);
  }
}

TEST_CASE("mix-up: a key of another token goes on to the lane, which can't open the wrap with it") {
  Home home;
  House& house = home.house;
  Watching watching;
  auto proof = house.ViewUpToProof(home.viewer, home.camera.id, watching);
  proof.derived_key = access::DeriveViewerKey(house.crypto, home.other_viewer.token, watching.grant);
  const Secret32 shown = proof.derived_key.Duplicate();
  house.Front(std::move(proof));
  const auto admit = house.ToLane<wire::ViewerAdmit>(home.camera.id);
  REQUIRE(admit.has_value());
  CHECK(ConstantTimeEqual(admit->derived_key.Reveal(), shown.Reveal()));
  watching.key = shown.Duplicate();
  CHECK_FALSE(
      house.Opens(watching, home.camera.id, admit->epoch, admit->rights, admit->not_after, admit->wrap));
}

TEST_CASE("mix-up: a wrap opens for no other camera, epoch, fingerprint, rights or time") {
  Home home;
  House& house = home.house;
  Watching watching;
  house.Front(house.ViewUpToProof(home.viewer, home.camera.id, watching));
  const auto admit = house.ToLane<wire::ViewerAdmit>(home.camera.id);
  REQUIRE(admit.has_value());
  const auto camera = home.camera.id;
  const auto opens = [&](CameraId c, Epoch e, std::uint8_t r, WallTime t) {
    return house.Opens(watching, c, e, r, t, admit->wrap);
  };
  CHECK(opens(camera, admit->epoch, admit->rights, admit->not_after));
  CHECK_FALSE(opens(home.other_camera.id, admit->epoch, admit->rights, admit->not_after));
  CHECK_FALSE(opens(camera, admit->epoch.Next(), admit->rights, admit->not_after));
  CHECK_FALSE(opens(camera, admit->epoch, 7, admit->not_after));
  CHECK_FALSE(opens(camera, admit->epoch, admit->rights, admit->not_after + seconds(1)));
  watching.fingerprint[0] = static_cast<std::uint8_t>(watching.fingerprint[0] ^ 1U);
  CHECK_FALSE(opens(camera, admit->epoch, admit->rights, admit->not_after));
}

TEST_CASE("mix-up: a cancelled question leaves no session, and its reply does not reach the next one") {
  Home home;
  House& house = home.house;
  auto first = house.PublishRequest(home.camera.id, home.camera.token);
  const auto first_ticket = first.ticket;
  house.Front(std::move(first));
  const auto first_offer = house.ToLane<wire::PublishOffer>(home.camera.id);
  house.Front(wire::Cancel{first_ticket});
  CHECK(house.ToLane<wire::SessionEnd>(home.camera.id)->session == first_offer->session);

  auto next = house.PublishRequest(home.camera.id, home.camera.token);
  const auto next_ticket = next.ticket;
  house.Front(std::move(next));
  const auto next_offer = house.ToLane<wire::PublishOffer>(home.camera.id);
  house.Lane(home.camera.id, wire::PublishAnswer{first_ticket, first_offer->session, first_offer->epoch,
                                                 "first", "v=0 first"});
  CHECK(house.front.empty());
  house.Lane(home.camera.id,
             wire::PublishAnswer{next_ticket, next_offer->session, next_offer->epoch, "next", "v=0 next"});
  const auto answered = house.ToFront<wire::Answered>();
  REQUIRE(answered.has_value());
  CHECK(answered->ticket == next_ticket);
  CHECK(answered->answer.str() == "v=0 next");
  CHECK(house.front.empty());
}

TEST_CASE("mix-up: a cancelled view is undone at every step") {
  Home home;
  House& house = home.house;
  Watching watching;
  SECTION("while the lane parses") {
    auto request = house.ViewRequest(home.camera.id, home.viewer.token);
    watching.ticket = request.ticket;
    house.Front(std::move(request));
    watching.session = house.ToLane<wire::ViewerOffer>(home.camera.id)->session;
  }
  SECTION("while the front proves") {
    (void)house.ViewUpToProof(home.viewer, home.camera.id, watching);
  }
  SECTION("while the lane admits") {
    house.Front(house.ViewUpToProof(home.viewer, home.camera.id, watching));
  }
  SECTION("while the answer is under way") {
    watching = house.View(home.viewer, home.camera.id);
  }
  house.Front(wire::Cancel{watching.ticket});
  const auto end = house.ToLane<wire::SessionEnd>(home.camera.id);
  REQUIRE(end.has_value());
  CHECK(end->session == watching.session);
  CHECK(house.keeper->sessions() == 2);
  CHECK(house.keeper->questions() == 0);
  house.ForgetMessages();
  house.Lane(home.camera.id, wire::ViewerAnswer{watching.ticket, watching.session, "e", "v=0"});
  CHECK(house.front.empty());
}

TEST_CASE("mix-up: a cancel under another principal does not end the session that was just answered") {
  Home home;
  House& house = home.house;
  const Watching watching = house.View(home.viewer, home.camera.id);
  house.Front(
      wire::Cancel{{watching.ticket.request, access::PrincipalOf(house.crypto, home.other_viewer.token)}});
  CHECK_FALSE(house.ToLane<wire::SessionEnd>(home.camera.id).has_value());
  CHECK(house.keeper->sessions() == 3);
}

TEST_CASE("mix-up: a cancel long after the answer ends nothing") {
  Home home;
  House& house = home.house;
  const Watching watching = house.View(home.viewer, home.camera.id);
  house.Advance(kCancelCrossing);
  house.Front(wire::Cancel{watching.ticket});
  CHECK(house.keeper->sessions() == 3);
}

TEST_CASE("mix-up: replies in any order reach their own questions") {
  const auto seed = GENERATE(1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U);
  INFO("seed " << seed);
  Home home;
  House& house = home.house;
  house.Grant(home.viewer.id, home.other_camera.id);
  house.Grant(home.other_viewer.id, home.camera.id);
  struct Asked {
    CameraId camera;
    wire::Ticket ticket;
    SessionId session;
  };
  std::vector<Asked> asked;
  std::mt19937 dice(seed);
  for (int i = 0; i < 24; ++i) {
    const auto& viewer = (i & 1) != 0 ? home.viewer : home.other_viewer;
    const CameraId camera = (i & 2) != 0 ? home.camera.id : home.other_camera.id;
    Watching watching;
    house.Front(house.ViewUpToProof(viewer, camera, watching));
    asked.push_back({camera, watching.ticket, watching.session});
  }
  std::shuffle(asked.begin(), asked.end(), dice);
  std::size_t cancelled = 0;
  for (const Asked& a : asked) {
    if (dice() % 4 == 0) {
      house.Front(wire::Cancel{a.ticket});
      ++cancelled;
    }
  }
  std::shuffle(asked.begin(), asked.end(), dice);
  std::size_t answers = 0;
  for (const Asked& a : asked) {
    house.Lane(a.camera,
               wire::ViewerAnswer{a.ticket, a.session, a.session.ToHex(), a.ticket.request.ToHex()});
    const auto answered = house.ToFront<wire::Answered>();
    CHECK(house.front.empty());
    if (!answered) continue;
    ++answers;
    CHECK(answered->ticket == a.ticket);
    CHECK(answered->session == a.session);
    CHECK(answered->answer.str() == a.ticket.request.ToHex());
  }
  CHECK(answers == asked.size() - cancelled);
  CHECK(house.keeper->sessions() == 2 + answers);
  CHECK(house.keeper->questions() == 0);
}

TEST_CASE("mix-up: a session's end told by another lane ends nothing") {
  Home home;
  House& house = home.house;
  const Watching watching = house.View(home.viewer, home.camera.id);
  house.Lane(home.other_camera.id,
             wire::SessionEnded{watching.session, wire::SessionEndReason::kAsked, 0, 0, 0});
  CHECK(house.keeper->sessions() == 3);
  CHECK(house.keeper->counters().mixups == 1);
}

TEST_CASE("mix-up: a front whose ticket is not its token's, or comes twice, is ended") {
  Home home;
  House& house = home.house;
  SECTION("another principal") {
    auto request = house.ViewRequest(home.camera.id, home.viewer.token);
    request.ticket.principal = access::PrincipalOf(house.crypto, home.other_viewer.token);
    house.Front(std::move(request));
  }
  SECTION("twice") {
    auto request = house.ViewRequest(home.camera.id, home.viewer.token);
    auto again = house.ViewRequest(home.camera.id, home.viewer.token);
    again.ticket = request.ticket;
    house.Front(std::move(request));
    REQUIRE(house.ToLane<wire::ViewerOffer>(home.camera.id).has_value());
    house.Front(std::move(again));
  }
  SECTION("a page's id for a question") {
    wire::Subscribe subscribe{house.NewTicket(home.viewer.token), home.viewer.token.Duplicate()};
    const auto ticket = subscribe.ticket;
    house.Front(std::move(subscribe));
    auto request = house.ViewRequest(home.camera.id, home.viewer.token);
    request.ticket = ticket;
    house.Front(std::move(request));
  }
  SECTION("ready twice") {
    house.Front(wire::FrontReady{1});
  }
  SECTION("a proof before it was granted anything") {
    auto request = house.ViewRequest(home.camera.id, home.viewer.token);
    wire::ViewProof proof;
    proof.ticket = request.ticket;
    house.Front(std::move(request));
    (void)house.ToLane<wire::ViewerOffer>(home.camera.id);
    house.Front(std::move(proof));
  }
  CHECK(house.Effect<EndFront>().has_value());
  CHECK(house.lanes[home.camera.id].empty());
}

TEST_CASE("mix-up: a lane that speaks out of turn is ended") {
  Home home;
  House& house = home.house;
  Watching watching;
  SECTION("ready twice") {
    house.Lane(home.camera.id, wire::LaneReady{1});
  }
  SECTION("before it is ready") {
    house.EndLane(home.camera.id);
    house.keeper->HandleLaneStart(home.camera.id, house.now);
    house.Run();
    house.Lane(home.camera.id, wire::LaneStatus());
  }
  SECTION("an answer before the proof") {
    (void)house.ViewUpToProof(home.viewer, home.camera.id, watching);
    house.Lane(home.camera.id, wire::ViewerAnswer{watching.ticket, watching.session, "e", "v=0"});
  }
  SECTION("a second fingerprint") {
    (void)house.ViewUpToProof(home.viewer, home.camera.id, watching);
    house.Lane(home.camera.id, wire::ViewerParsed{watching.ticket, watching.session, {}});
  }
  SECTION("a publisher's answer to a viewer") {
    (void)house.ViewUpToProof(home.viewer, home.camera.id, watching);
    house.Lane(home.camera.id, wire::PublishAnswer{watching.ticket, watching.session, Epoch{5}, "e", "v=0"});
  }
  SECTION("an epoch of its own") {
    auto request = house.PublishRequest(home.camera.id, home.camera.token);
    const auto ticket = request.ticket;
    house.Front(std::move(request));
    const auto offer = house.ToLane<wire::PublishOffer>(home.camera.id);
    house.Lane(home.camera.id, wire::PublishAnswer{ticket, offer->session, offer->epoch.Next(), "e", "v=0"});
  }
  SECTION("a refusal that is none") {
    (void)house.ViewUpToProof(home.viewer, home.camera.id, watching);
    house.Lane(home.camera.id, wire::Refused{watching.ticket, 200, "fine", "fine", 0});
  }
  SECTION("a word about tokens, which would count as a guess of the asker's") {
    (void)house.ViewUpToProof(home.viewer, home.camera.id, watching);
    house.Lane(home.camera.id, wire::Refused{watching.ticket, 401, "unauthorised", "who are you", 0});
  }
  const auto end = house.Effect<EndLane>();
  REQUIRE(end.has_value());
  CHECK(end->camera == home.camera.id);
  CHECK_FALSE(house.ToFront<wire::Answered>().has_value());
}

}  // namespace latchkey::keeper
