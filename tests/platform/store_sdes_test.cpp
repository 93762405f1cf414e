// What the registry keeps of keys that the hub made for cameras, and how far their senders have come.
#include <string>
#include <thread>

#include "tests/platform/store_folder.h"

namespace latchkey::platform {
namespace {

const CameraId kOne = MakeId<CameraId>(1);

ports::SdesEnrolment EnrolmentOf(SqliteRegistry& registry) {
  const auto snapshot = registry.Load();
  REQUIRE(snapshot.has_value());
  REQUIRE(snapshot->cameras.front().enrolment);
  return *snapshot->cameras.front().enrolment;
}

// SSRC and index of the only source.
ports::SourceFloor OnlySource(SqliteRegistry& registry) {
  const auto sources = registry.SdesSources(kOne);
  REQUIRE(sources.has_value());
  REQUIRE(sources->size() == 1);
  return sources->front();
}

TEST_CASE("store: an enrolled key, its port, its tag and its sources are there after a restart") {
  const Folder folder;
  {
    const auto registry = Open(folder);
    auto camera = EnrolledCamera(1);
    camera.enrolment->vp8 = true;
    REQUIRE((*registry)->AddCamera(camera).has_value());
    REQUIRE((*registry)->SetSdesPort(kOne, 47003).has_value());
    REQUIRE((*registry)->NoteSdesTag(kOne, Digest(8), FromUnixSeconds(9)).has_value());
    REQUIRE((*registry)->ReserveIndex(kOne, Sealed(1), {0xffffffff, 0x123456789abcULL}).has_value());
  }
  const auto registry = Open(folder);
  const auto enrolment = EnrolmentOf(**registry);
  CHECK(enrolment.key == Sealed(1));
  CHECK(enrolment.vp8);
  CHECK(enrolment.port == 47003);
  CHECK(enrolment.tag == Digest(8));
  CHECK((*registry)->UserOf(Digest(8))->value() == kOne);
  CHECK(OnlySource(**registry).ssrc == 0xffffffff);
  CHECK(OnlySource(**registry).from == 0x123456789abcULL);
}

TEST_CASE("store: how far a sender has come never goes back") {
  const Folder folder;
  const auto registry = Open(folder);
  REQUIRE((*registry)->AddCamera(EnrolledCamera(1)).has_value());
  REQUIRE((*registry)->ReserveIndex(kOne, Sealed(1), {7, 1000}).has_value());
  for (const ports::SrtpIndex index : {ports::SrtpIndex{1000}, ports::SrtpIndex{999}, ports::SrtpIndex{0}})
    CHECK((*registry)->ReserveIndex(kOne, Sealed(1), {7, index}).error().code == ErrorCode::kInvalid);
  CHECK(OnlySource(**registry).from == 1000);
  REQUIRE((*registry)->ReserveIndex(kOne, Sealed(1), {7, 1001}).has_value());
  CHECK(OnlySource(**registry).from == 1001);
}

TEST_CASE("store: how far a sender has come is a change of the registry, so that an older one is noticed") {
  const Folder folder;
  std::uint64_t turn = 0;
  {
    const auto registry = Open(folder);
    REQUIRE((*registry)->AddCamera(EnrolledCamera(1)).has_value());
    turn = *(*registry)->Turn();
    for (const ports::SrtpIndex index : {ports::SrtpIndex{10}, ports::SrtpIndex{20}}) {
      REQUIRE((*registry)->ReserveIndex(kOne, Sealed(1), {7, index}).has_value());
      CHECK(*(*registry)->Turn() > turn);
      turn = *(*registry)->Turn();
    }
    CHECK_FALSE((*registry)->ReserveIndex(kOne, Sealed(1), {7, 20}).has_value());
    CHECK(*(*registry)->Turn() == turn);
  }
  CHECK(*(*Open(folder))->Turn() == turn);
}

TEST_CASE("store: indices are kept beside all else, and neither gets into the other's transaction") {
  const Folder folder;
  const auto registry = Open(folder);
  REQUIRE((*registry)->AddCamera(EnrolledCamera(1)).has_value());
  const std::uint64_t before = *(*registry)->Turn();
  constexpr int kEach = 50;
  std::string why;
  std::thread beside([&] {
    for (std::uint32_t ssrc = 0; ssrc < kEach; ++ssrc) {
      const auto reserved = (*registry)->ReserveIndex(kOne, Sealed(1), {ssrc, 1});
      if (!reserved) why = reserved.error().message;
    }
  });
  for (std::uint8_t i = 0; i < kEach; ++i) {
    const auto added = (*registry)->AddViewer(Viewer(static_cast<std::uint8_t>(100 + i)));
    if (!added) FAIL_CHECK(added.error().message);
  }
  beside.join();
  CHECK(why.empty());
  CHECK((*registry)->SdesSources(kOne)->size() == kEach);
  CHECK((*registry)->Load()->viewers.size() == kEach);
  // A viewer is two rows: its own, and its token's.
  CHECK(*(*registry)->Turn() == before + 3 * kEach);
}

TEST_CASE("store: one key has a bounded number of senders, and those there are go on") {
  const Folder folder;
  const auto registry = Open(folder);
  REQUIRE((*registry)->AddCamera(EnrolledCamera(1)).has_value());
  REQUIRE((*registry)->ReserveIndex(kOne, Sealed(1), {0, 1}).has_value());
  for (std::uint32_t ssrc = 1; ssrc < ports::kMaxSdesSources; ++ssrc) {
    const auto reserved = (*registry)->ReserveIndex(kOne, Sealed(1), {ssrc, 1});
    if (!reserved) FAIL(reserved.error().message);
  }
  CHECK((*registry)->ReserveIndex(kOne, Sealed(1), {ports::kMaxSdesSources, 1}).error().code ==
        ErrorCode::kDenied);
  CHECK((*registry)->ReserveIndex(kOne, Sealed(1), {3, 2}).has_value());
  CHECK((*registry)->SdesSources(kOne)->size() == ports::kMaxSdesSources);
}

TEST_CASE("store: a new key forgets the senders of the old one, whose tag stays used up") {
  for (const bool transfer : {false, true}) {
    const Folder folder;
    const auto registry = Open(folder);
    REQUIRE((*registry)->AddCamera(EnrolledCamera(1)).has_value());
    REQUIRE((*registry)->NoteSdesTag(kOne, Digest(8), FromUnixSeconds(9)).has_value());
    REQUIRE((*registry)->ReserveIndex(kOne, Sealed(1), {7, 1000}).has_value());
    const auto renewed = transfer ? (*registry)->TransferCamera(kOne, Digest(70), Sealed(9))
                                  : (*registry)->ReplaceCameraToken(kOne, Digest(70), Sealed(9));
    REQUIRE(renewed.has_value());
    CHECK(EnrolmentOf(**registry).key == Sealed(9));
    CHECK_FALSE(EnrolmentOf(**registry).tag);
    CHECK((*registry)->SdesSources(kOne)->empty());
    // What was asked of the old one, and comes late, is nothing of the new one's.
    CHECK((*registry)->ReserveIndex(kOne, Sealed(1), {7, 2000}).error().code == ErrorCode::kNotFound);
    CHECK((*registry)->SdesSources(kOne)->empty());
    CHECK((*registry)->ReserveIndex(kOne, Sealed(9), {7, 1}).has_value());
    CHECK((*registry)->NoteSdesTag(kOne, Digest(8), FromUnixSeconds(9)).error().code == ErrorCode::kConflict);
  }
}

TEST_CASE("store: a removed camera takes its key and its senders along, and its tag stays used up") {
  const Folder folder;
  const auto registry = Open(folder);
  REQUIRE((*registry)->AddCamera(EnrolledCamera(1)).has_value());
  REQUIRE((*registry)->NoteSdesTag(kOne, Digest(8), FromUnixSeconds(9)).has_value());
  REQUIRE((*registry)->ReserveIndex(kOne, Sealed(1), {7, 1000}).has_value());
  REQUIRE((*registry)->RemoveCamera(kOne).has_value());
  CHECK((*registry)->SdesSources(kOne)->empty());
  CHECK((*registry)->UserOf(Digest(8))->value() == kOne);
  CHECK((*registry)->ReserveIndex(kOne, Sealed(1), {7, 2000}).error().code == ErrorCode::kNotFound);
}

TEST_CASE("store: a registry of the second version gets room for enrolled keys") {
  const Folder folder;
  {
    const auto registry = Open(folder);
    REQUIRE((*registry)->AddCamera(Camera(1)).has_value());
  }
  Sql(folder.file("registry.db"),
      "DROP TABLE sdes_sources; ALTER TABLE cameras DROP COLUMN sdes_key; "
      "ALTER TABLE cameras DROP COLUMN sdes_vp8; ALTER TABLE cameras DROP COLUMN sdes_tag; "
      "ALTER TABLE cameras DROP COLUMN sdes_port; PRAGMA user_version = 2");
  const auto registry = Open(folder);
  REQUIRE(registry.has_value());
  CHECK_FALSE((*registry)->Load()->cameras.front().enrolment);
  REQUIRE((*registry)->AddCamera(EnrolledCamera(2)).has_value());
  CHECK((*registry)->Load()->cameras.back().enrolment->key == Sealed(2));
}

}  // namespace
}  // namespace latchkey::platform
