// Front and lanes that say anything the table allows, in any order, about anything they ever heard of: the
// keeper stays sane, and never answers one principal with another's session.
#include <map>
#include <vector>

#include "tests/unit/keeper/house.h"

namespace latchkey::keeper {
namespace {

class Chance {
 public:
  Chance(Home& home, std::uint64_t seed) : home_(home), dice_(seed) {
    cameras_ = {home.camera.id, home.other_camera.id};
    tokens_.push_back(&home.camera.token);
    tokens_.push_back(&home.other_camera.token);
    tokens_.push_back(&home.viewer.token);
    tokens_.push_back(&home.other_viewer.token);
    tickets_.push_back({});
    sessions_.push_back({});
    epochs_.push_back({});
  }

  void Step() {
    switch (Roll(4)) {
      case 0: FrontSpeaks(); break;
      case 1: LaneSpeaks(); break;
      case 2: LaneAnswers(); break;
      default: OwnerOrWorld(); break;
    }
    Listen();
  }

 private:
  std::uint32_t Roll(std::uint32_t n) { return dice_.U32() % n; }
  template <class T>
  const T& Any(const std::vector<T>& from) {
    return from[Roll(static_cast<std::uint32_t>(from.size()))];
  }
  House& house() { return home_.house; }
  const Secret32& Token() { return *Any(tokens_); }

  void FrontSpeaks() {
    if (!front_up_) return;
    if (Roll(2) == 0) return FrontMeansIt();
    const Secret32& token = Token();
    switch (Roll(8)) {
      case 0: return Ask(house().PublishRequest(Any(cameras_), token));
      case 1:
      case 2: return Ask(house().ViewRequest(Any(cameras_), token));
      case 3:
        return Ask(
            wire::PatchRequest{house().NewTicket(token), Any(sessions_), token.Duplicate(), "e", "a=x"});
      case 4: return Ask(wire::DeleteRequest{house().NewTicket(token), Any(sessions_), token.Duplicate()});
      case 5: return Ask(wire::Subscribe{house().NewTicket(token), token.Duplicate()});
      case 6: return house().Front(wire::Cancel{Any(tickets_)});
      default: return house().Front(wire::ViewProof{Any(tickets_), Any(sessions_), wrap_, token.Duplicate()});
    }
  }
  // A camera and a viewer that belong together.
  void FrontMeansIt() {
    const bool own = Roll(2) == 0;
    const auto& camera = own ? home_.camera : home_.other_camera;
    const auto& viewer = own ? home_.viewer : home_.other_viewer;
    if (Roll(3) == 0) return Ask(house().PublishRequest(camera.id, camera.token));
    Ask(house().ViewRequest(camera.id, viewer.token));
  }
  template <class Request>
  void Ask(Request request) {
    tickets_.push_back(request.ticket);
    house().Front(std::move(request));
  }

  // Out of the blue.
  void LaneSpeaks() {
    const CameraId camera = Any(cameras_);
    if (!lane_up_[camera]) return;
    switch (Roll(8)) {
      case 0:
        return house().Lane(camera,
                            wire::PublishAnswer{Any(tickets_), Any(sessions_), Any(epochs_), "e", "v=0"});
      case 1: return house().Lane(camera, wire::ViewerParsed{Any(tickets_), Any(sessions_), {}});
      case 2: return house().Lane(camera, wire::ViewerAnswer{Any(tickets_), Any(sessions_), "e", "v=0"});
      case 3: return house().Lane(camera, wire::PatchAnswer{Any(tickets_), Any(sessions_), "e", ""});
      case 4: return house().Lane(camera, wire::Refused{Any(tickets_), 406, "t", "d", 0});
      case 5:
        return house().Lane(camera,
                            wire::SessionEnded{Any(sessions_), wire::SessionEndReason::kAsked, 0, 0, 0});
      case 6: return house().Lane(camera, wire::EpochWanted{Any(epochs_)});
      default: return house().Lane(camera, wire::LaneStatus());
    }
  }

  // As it should, so that conversations get on.
  void LaneAnswers() {
    const CameraId camera = Any(cameras_);
    if (!lane_up_[camera]) return;
    if (const auto offer = house().ToLane<wire::PublishOffer>(camera)) {
      Heard(offer->session, offer->epoch);
      return house().Lane(camera,
                          wire::PublishAnswer{offer->ticket, offer->session, offer->epoch, "e", "v=0"});
    }
    if (const auto offer = house().ToLane<wire::ViewerOffer>(camera)) {
      Heard(offer->session, {});
      return house().Lane(camera, wire::ViewerParsed{offer->ticket, offer->session, {}});
    }
    if (const auto admit = house().ToLane<wire::ViewerAdmit>(camera)) {
      return house().Lane(camera, wire::ViewerAnswer{admit->ticket, admit->session, "e", "v=0"});
    }
  }
  void Heard(SessionId session, Epoch epoch) {
    sessions_.push_back(session);
    epochs_.push_back(epoch);
  }

  void OwnerOrWorld() {
    const CameraId camera = Any(cameras_);
    switch (Roll(10)) {
      case 0:
        if (lane_up_[camera] && Roll(8) != 0) break;
        if (lane_up_[camera]) {
          house().EndLane(camera);
        } else {
          house().StartLane(camera);
        }
        lane_up_[camera] = !lane_up_[camera];
        break;
      case 1:
        if (front_up_ && Roll(8) != 0) break;
        if (front_up_) {
          house().EndFront();
        } else {
          house().StartFront();
        }
        front_up_ = !front_up_;
        break;
      case 2:
      case 3: {
        house().store.failing = false;
        const ViewerId viewer = Roll(2) == 0 ? home_.viewer.id : home_.other_viewer.id;
        // Refused when it is one that stands already.
        const WallTime wall = house().wall;
        (void)house().owner().AddGrant({viewer, camera, 1, wall, wall + seconds(1 + Roll(600))}, wall);
        house().Settle();
        break;
      }
      case 4: {
        const auto& grants = house().registry->grants();
        if (grants.empty()) break;
        const GrantId grant = Any(grants).id;
        (void)house().owner().RevokeGrant(grant, house().wall);
        house().Settle();
        break;
      }
      case 5: house().store.failing = Roll(4) == 0; break;
      default: house().Advance(milliseconds(Roll(1500))); break;
    }
    house().store.failing = house().store.failing && Roll(3) != 0;
  }

  // Whoever is answered asked for it, and a session is told to one ticket alone.
  void Listen() {
    while (const auto granted = house().ToFront<wire::Granted>()) {
      wrap_ = granted->wrap;
      if (Roll(3) == 0) continue;
      house().Front(wire::ViewProof{granted->ticket, granted->session, granted->wrap, Token().Duplicate()});
    }
    while (const auto answered = house().ToFront<wire::Answered>()) {
      const auto [at, first] = told_.emplace(answered->session, answered->ticket.principal);
      CHECK(at->second == answered->ticket.principal);
    }
    house().front.clear();
    while (house().Effect<EndLane>() || house().Effect<EndFront>() || house().Effect<Notice>()) {
    }
  }

  Home& home_;
  SeededEntropy dice_;
  std::vector<CameraId> cameras_;
  std::vector<const Secret32*> tokens_;
  std::vector<wire::Ticket> tickets_;
  std::vector<SessionId> sessions_;
  std::vector<Epoch> epochs_;
  wire::WrapBytes wrap_{};
  std::map<SessionId, PrincipalId> told_;
  std::map<CameraId, bool> lane_up_{{home_.camera.id, true}, {home_.other_camera.id, true}};
  bool front_up_ = true;
};

}  // namespace

TEST_CASE("chance: whatever front and lanes say, the keeper stays sane and answers whom it was asked by") {
  const auto seed = GENERATE(range(1U, 13U));
  INFO("seed " << seed);
  Home home;
  home.house.store.failing = false;
  Chance chance(home, seed);
  for (int step = 0; step < 3000; ++step) chance.Step();
  CHECK(home.house.keeper->counters().answered > 50);
}

}  // namespace latchkey::keeper
