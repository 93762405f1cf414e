// The log's signed heads, which pages keep: what they prove, and to whom.
#include <algorithm>
#include <utility>

#include "daemon/audit/chain.h"
#include "tests/unit/keeper/house.h"

namespace latchkey::keeper {
namespace {

// A page comes back with the head that it kept.
void ShowHead(Home& home, const ports::AuditHead& head) {
  const wire::Ticket ticket = home.house.NewTicket(home.viewer.token);
  home.house.Front(wire::Subscribe{ticket, home.viewer.token.Duplicate(), audit::FormatHead(head)});
}
bool AllSuspended(const Home& home) {
  const auto& standing = home.house.registry->suspensions();
  return std::any_of(standing.begin(), standing.end(),
                     [](const auto& s) { return s.scope == ports::SuspensionScope::kAll && s.automatic; });
}

}  // namespace

TEST_CASE("audit: pages get the newest head that is on disk") {
  Home home;
  ShowHead(home, *home.house.log.head);
  const auto list = home.house.ToFront<wire::CameraList>();
  REQUIRE(list);
  const auto head = audit::ParseHead(list->head.str());
  REQUIRE(head);
  CHECK(head->number == home.house.log.records.size());
  CHECK_FALSE(AllSuspended(home));
  CHECK_FALSE(home.house.Effect<ReadHead>());
}

TEST_CASE("audit: a page's head that the log has gone on from is compared with the record on disk") {
  Home home;
  const ports::AuditHead kept = *home.house.log.head;
  home.house.View(home.viewer, home.camera.id);
  ShowHead(home, kept);
  CHECK_FALSE(AllSuspended(home));
  const auto read = home.house.Effect<ReadHead>();
  REQUIRE(read);
  CHECK(read->head.number == kept.number);
  SECTION("it is there") {
    home.house.keeper->HandleHeadRead(kept, kept.hash, home.house.now, home.house.wall);
    CHECK_FALSE(AllSuspended(home));
  }
  SECTION("it was cut off by age") {
    home.house.keeper->HandleHeadRead(kept, std::nullopt, home.house.now, home.house.wall);
    CHECK_FALSE(AllSuspended(home));
  }
  SECTION("another is there") {
    auto other = kept.hash;
    other[0] ^= 1;
    home.house.keeper->HandleHeadRead(kept, other, home.house.now, home.house.wall);
    CHECK(AllSuspended(home));
  }
  home.house.Run();
}

TEST_CASE("audit: a log that lacks what a page has proof of suspends everything, once") {
  Home home;
  home.house.View(home.viewer, home.camera.id);
  const ports::AuditHead kept = *home.house.log.head;
  // Somebody cut the log while the hub was down.
  home.house.log.records.resize(home.house.log.records.size() - 4);
  home.house.StartKeeper();
  home.house.StartFront();
  home.house.StartLane(home.camera.id);
  home.house.ForgetMessages();
  ShowHead(home, kept);
  REQUIRE(AllSuspended(home));
  CHECK(home.house.ToLane<wire::Suspend>(home.camera.id));
  CHECK(home.house.registry->suspensions().front().reason.find("cut, or replaced") != std::string::npos);
  ShowHead(home, kept);
  CHECK(home.house.registry->suspensions().size() == 1);
}

TEST_CASE("audit: a head counts when somebody who may watch shows it, and from nobody else") {
  Home home;
  ports::AuditHead gone = *home.house.log.head;
  gone.number += 1000;
  gone.signature = home.house.signer->Sign(audit::HeadToSign(gone));
  Secret32 strange;
  home.house.entropy.Fill(strange.RevealForWriting());
  for (const Secret32* token : {&std::as_const(strange), &std::as_const(home.camera.token)}) {
    const wire::Ticket ticket = home.house.NewTicket(*token);
    home.house.Front(wire::Subscribe{ticket, token->Duplicate(), audit::FormatHead(gone)});
    CHECK_FALSE(AllSuspended(home));
  }
  ShowHead(home, gone);
  CHECK(AllSuspended(home));
}

TEST_CASE("audit: a head that this hub never signed counts for nothing") {
  Home home;
  ports::AuditHead forged = *home.house.log.head;
  forged.number += 1000;
  ShowHead(home, forged);
  const wire::Ticket ticket = home.house.NewTicket(home.viewer.token);
  home.house.Front(wire::Subscribe{ticket, home.viewer.token.Duplicate(), "no head at all"});
  CHECK_FALSE(AllSuspended(home));
  CHECK_FALSE(home.house.Effect<ReadHead>());
}

TEST_CASE("audit: a log that does not hold together suspends everything") {
  Home home;
  home.house.keeper->HandleLogBroken("record 7 was changed", home.house.now, home.house.wall);
  home.house.Run();
  REQUIRE(AllSuspended(home));
  CHECK(home.house.registry->suspensions().front().reason.find("record 7 was changed") != std::string::npos);
}

}  // namespace latchkey::keeper
