#include "daemon/access/policy.h"

#include <vector>

#include "tests/support/catch.h"

namespace latchkey::access {
namespace {

constexpr WallTime kNow = FromUnixSeconds(1'800'000'000);

template <class IdType>
IdType MakeId(std::uint8_t seed) {
  typename IdType::Bytes bytes{};
  bytes.fill(seed);
  return IdType(bytes);
}

ports::GrantRecord Record(std::uint8_t id, std::uint8_t viewer, std::uint8_t camera) {
  ports::GrantRecord grant;
  grant.id = MakeId<GrantId>(id);
  grant.viewer = MakeId<ViewerId>(viewer);
  grant.camera = MakeId<CameraId>(camera);
  grant.rights = static_cast<std::uint8_t>(wire::Rights::kLive);
  grant.not_before = kNow - hours(1);
  grant.not_after = kNow + hours(1);
  return grant;
}

ViewQuestion Question() {
  ViewQuestion question;
  question.viewer = MakeId<ViewerId>(1);
  question.camera = MakeId<CameraId>(2);
  question.now = kNow;
  return question;
}

}  // namespace

TEST_CASE("policy: a grant of this viewer for this camera at this moment allows it") {
  const std::vector<ports::GrantRecord> grants{Record(9, 1, 2)};
  const auto decided = DecideView(Question(), grants);
  REQUIRE(decided.has_value());
  CHECK(decided->id == grants[0].id);
}

TEST_CASE("policy: no grant means no, and so does anybody else's or another camera's") {
  CHECK(DecideView(Question(), {}).error() == ViewRefusal::kNoGrant);
  const std::vector<ports::GrantRecord> grants{Record(9, 3, 2), Record(8, 1, 3)};
  CHECK(DecideView(Question(), grants).error() == ViewRefusal::kNoGrant);
}

TEST_CASE("policy: a grant holds from its first moment to just before its last") {
  std::vector<ports::GrantRecord> grants{Record(9, 1, 2)};
  auto question = Question();
  question.now = grants[0].not_before;
  CHECK(DecideView(question, grants).has_value());
  question.now = grants[0].not_before - Duration(1);
  CHECK(DecideView(question, grants).error() == ViewRefusal::kNotYet);
  question.now = grants[0].not_after - Duration(1);
  CHECK(DecideView(question, grants).has_value());
  question.now = grants[0].not_after;
  CHECK(DecideView(question, grants).error() == ViewRefusal::kExpired);
}

TEST_CASE("policy: rights of two grants are not added up") {
  std::vector<ports::GrantRecord> grants{Record(9, 1, 2), Record(8, 1, 2)};
  grants[0].rights = static_cast<std::uint8_t>(wire::Rights::kStill);
  grants[1].rights = static_cast<std::uint8_t>(wire::Rights::kListen);
  auto question = Question();
  CHECK(DecideView(question, grants).error() == ViewRefusal::kNoRight);
  question.right = wire::Rights::kListen;
  const auto decided = DecideView(question, grants);
  REQUIRE(decided.has_value());
  CHECK(decided->id == grants[1].id);
  CHECK_FALSE(HasRight(decided->rights, wire::Rights::kStill));
}

TEST_CASE("policy: of several grants that hold, the one that ends last") {
  std::vector<ports::GrantRecord> grants{Record(9, 1, 2), Record(8, 1, 2), Record(7, 1, 2)};
  grants[1].not_after = kNow + hours(5);
  grants[2].not_after = kNow - hours(1);
  CHECK(DecideView(Question(), grants)->id == grants[1].id);
}

TEST_CASE("policy: suspended is told only to those whom a grant allows to ask") {
  std::vector<ports::GrantRecord> grants{Record(9, 1, 2)};
  auto question = Question();
  question.suspended = true;
  CHECK(DecideView(question, grants).error() == ViewRefusal::kSuspended);
  CHECK(DecideView(question, {}).error() == ViewRefusal::kNoGrant);
  grants[0].not_after = kNow;
  CHECK(DecideView(question, grants).error() == ViewRefusal::kExpired);
}

TEST_CASE("policy: the refusal nearest to a yes is told") {
  std::vector<ports::GrantRecord> grants{Record(9, 1, 2), Record(8, 1, 2), Record(7, 1, 2)};
  grants[0].not_after = kNow;
  grants[1].not_before = kNow + hours(1);
  grants[2].viewer = MakeId<ViewerId>(7);
  CHECK(DecideView(Question(), grants).error() == ViewRefusal::kNotYet);
}

TEST_CASE("policy: a session lives by its own grant, and a grant that is gone is no") {
  const auto grant = Record(9, 1, 2);
  CHECK(DecideAgain(Question(), &grant).has_value());
  CHECK(DecideAgain(Question(), nullptr).error() == ViewRefusal::kNoGrant);
  const auto of_another = Record(9, 3, 2);
  CHECK(DecideAgain(Question(), &of_another).error() == ViewRefusal::kNoGrant);
}

TEST_CASE("policy: the visible cameras are those of grants that hold, each once, with whatever right") {
  std::vector<ports::GrantRecord> grants{Record(9, 1, 5), Record(8, 1, 2), Record(7, 1, 5), Record(6, 3, 4),
                                         Record(5, 1, 6)};
  grants[1].rights = static_cast<std::uint8_t>(wire::Rights::kStill);
  grants[4].not_after = kNow;
  const auto cameras = VisibleCameras(MakeId<ViewerId>(1), kNow, grants);
  CHECK(cameras == std::vector<CameraId>{MakeId<CameraId>(2), MakeId<CameraId>(5)});
  CHECK(WatchableCameras(MakeId<ViewerId>(1), kNow, grants) == std::vector<CameraId>{MakeId<CameraId>(5)});
}

TEST_CASE("policy: every refusal has words") {
  for (const auto refusal : {ViewRefusal::kNoGrant, ViewRefusal::kNotYet, ViewRefusal::kExpired,
                             ViewRefusal::kNoRight, ViewRefusal::kSuspended}) {
    CHECK(ViewRefusalText(refusal).size() > 10);
  }
}

}  // namespace latchkey::access
