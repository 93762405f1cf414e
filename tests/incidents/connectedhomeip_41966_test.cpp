// connectedhomeip, pull request 41966 of 2025: each camera numbered its sessions itself, two said "session
// 1", and the controller, which looked sessions up by that number alone, took the wrong camera's.
//
// Here: the process of one camera says everything under the id of a session of another camera. It reaches
// nobody: neither does a viewer get its answer, nor does the other camera's session end, move or lose its key
// by it.
#include "tests/incidents/home.h"
#include "tests/support/catch.h"

namespace latchkey::incidents {
namespace {

struct OneId : Home {
  OneId() {
    PublishAndConnect(one);
    PublishAndConnect(two);
    WatchAndConnect(anna);
    REQUIRE(Sees(anna));
    hub.DeliverLetters();
  }
  // What the second camera's lane says of any session it says of this one.
  template <class Message>
  void SayAs(SessionId session) {
    hub.meddling.tamper = [this, session](Letter& letter) {
      if (letter.camera != two.own.id) return;
      auto message = Read<Message, wire::LaneToKeeper>(letter);
      if (!message) return;
      message->session = session;
      letter.record = wire::EncodeIpc(*message);
      ++said;
    };
  }
  // Of the camera or viewer whose answer named it.
  static SessionId SessionOf(const Asking& asking) {
    return SessionId::FromHex(asking.location.substr(asking.location.rfind('/') + 1)).value_or(SessionId());
  }
  void CheckAnnaSees() {
    CHECK(Sees(anna, Sights(anna.end()).size() + 20));
    CHECK(hub.keeper().sessions() >= 2);
    CheckEverySight();
  }
  HomeCamera& one = Camera("One");
  HomeCamera& two = Camera("Two");
  HomeViewer& anna = Viewer("Anna", one);
  HomeViewer& ben = Viewer("Ben", two);
  std::size_t said = 0;
};

TEST_CASE("connectedhomeip 41966: an answer under another camera's session reaches no viewer") {
  OneId home;
  const SessionId taken = OneId::SessionOf(home.anna.asking);
  REQUIRE_FALSE(taken.IsNull());
  SECTION("what it parsed") {
    home.SayAs<wire::ViewerParsed>(taken);
  }
  SECTION("what it admitted") {
    home.SayAs<wire::ViewerAnswer>(taken);
  }
  home.Watch(home.ben);
  home.hub.Run(seconds(1));
  CHECK(home.said == 1);
  CHECK(home.ben.asking.status != 201);
  CHECK(home.ben.packets() == 0);
  CHECK(home.hub.keeper().counters().mixups == 1);
  home.CheckAnnaSees();
}

TEST_CASE("connectedhomeip 41966: a camera's answer under another camera's session begins nothing") {
  OneId home;
  home.SayAs<wire::PublishAnswer>(OneId::SessionOf(home.one.asking));
  const Epoch before = home.hub.keeper().epoch(home.one.own.id);
  home.SwitchOff(home.two);
  home.Publish(home.two);
  home.hub.Run(seconds(1));
  CHECK(home.said >= 1);
  CHECK(home.two.asking.status != 201);
  CHECK(home.hub.keeper().epoch(home.one.own.id) == before);
  home.CheckAnnaSees();
}

TEST_CASE("connectedhomeip 41966: an end that is said of another camera's session ends nothing") {
  OneId home;
  const bool camera = GENERATE(false, true);
  const SessionId taken = OneId::SessionOf(camera ? home.one.asking : home.anna.asking);
  home.WatchAndConnect(home.ben);
  REQUIRE(home.Sees(home.ben));
  home.SayAs<wire::SessionEnded>(taken);
  // The second camera's viewer closes: its lane says so, of the wrong session.
  home.ben.end().peer.Close();
  home.hub.Run(seconds(1));
  CHECK(home.said >= 1);
  CHECK(home.hub.keeper().counters().mixups >= 1);
  home.CheckAnnaSees();
}

TEST_CASE(
    "connectedhomeip 41966: a key that is shown under another camera's session is admitted for nobody") {
  OneId home;
  home.SayAs<wire::KeyShown>(OneId::SessionOf(home.one.asking));
  const auto admitted = home.hub.keeper().counters().keys_admitted;
  home.SwitchOff(home.two);
  home.Publish(home.two);
  home.hub.Run(seconds(2));
  CHECK(home.said >= 1);
  CHECK_FALSE(home.two.connected());
  CHECK(home.hub.keeper().counters().keys_admitted == admitted);
  home.CheckAnnaSees();
}

}  // namespace
}  // namespace latchkey::incidents
