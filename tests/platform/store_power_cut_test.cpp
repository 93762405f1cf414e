// Power is lost at every single write: what was acknowledged is there, what was not is there whole or not at
// all, and the registry opens.
#include <filesystem>
#include <functional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "daemon/base/ids.h"
#include "tests/platform/recorded_disk.h"
#include "tests/platform/store_folder.h"

namespace latchkey::platform {
namespace {

using Left = DiskReplay::Left;

// Each kind of suspension once, with the write-ahead log folded into the file several times.
constexpr std::uint8_t kRounds = 3;

ports::SuspensionRecord Suspension(std::uint8_t seed, ports::SuspensionScope scope) {
  ports::SuspensionRecord suspension;
  suspension.id = MakeId<SuspensionId>(seed);
  suspension.scope = scope;
  if (scope == ports::SuspensionScope::kCamera) suspension.camera = MakeId<CameraId>(1);
  if (scope == ports::SuspensionScope::kModel) suspension.model = "M1";
  suspension.reason = "recall " + std::to_string(seed);
  suspension.since = FromUnixSeconds(1'700'000'000 + seed);
  return suspension;
}

// All that a registry says of itself.
std::string Describe(SqliteRegistry& registry) {
  const auto snapshot = registry.Load();
  if (!snapshot) return snapshot.error().message;
  std::ostringstream out;
  for (const auto& c : snapshot->cameras) out << c.id.ToHex() << c.name << c.reserved_epoch.value << '\n';
  for (const auto& v : snapshot->viewers) out << v.id.ToHex() << v.name << '\n';
  for (const auto& g : snapshot->grants) out << g.id.ToHex() << g.viewer.ToHex() << g.camera.ToHex() << '\n';
  for (const auto& s : snapshot->suspensions) {
    out << s.id.ToHex() << static_cast<int>(s.scope) << s.camera.ToHex() << s.model << s.reason << s.automatic
        << '\n';
  }
  const auto sources = registry.SdesSources(MakeId<CameraId>(2));
  if (!sources) return sources.error().message;
  for (const ports::SourceFloor& source : *sources) out << source.ssrc << ' ' << source.from << '\n';
  for (const auto& c : snapshot->cameras) {
    if (c.enrolment && c.enrolment->tag) out << static_cast<int>(c.enrolment->tag->front()) << '\n';
  }
  for (std::uint8_t i = 0; i < kRounds; ++i)
    out << registry.UserOf(Digest(static_cast<std::uint8_t>(200 + i)))->has_value();
  return out.str();
}

using Order = std::function<Status(SqliteRegistry&)>;

std::vector<Order> Orders() {
  using Scope = ports::SuspensionScope;
  std::vector<Order> orders;
  for (std::uint8_t i = 0; i < kRounds; ++i) {
    const auto seed = static_cast<std::uint8_t>(10 + i * 8);
    const Scope scope = i % 3 == 0 ? Scope::kAll : i % 3 == 1 ? Scope::kModel : Scope::kCamera;
    orders.emplace_back([=](auto& r) { return r.AddSuspension(Suspension(seed, scope)); });
    orders.emplace_back([=](auto& r) { return r.ReserveEpochs(MakeId<CameraId>(1), Epoch{32U * (i + 1U)}); });
    orders.emplace_back(
        [=](auto& r) { return r.AddGrant(Grant(static_cast<std::uint8_t>(seed + 1), 3, 1)); });
    orders.emplace_back([=](auto& r) {
      return r.UseKeys(MakeId<CameraId>(1), Digest(99), Digest(static_cast<std::uint8_t>(200 + i)),
                       FromUnixSeconds(1));
    });
    orders.emplace_back([=](auto& r) {
      return r.NoteSdesTag(MakeId<CameraId>(2), Digest(static_cast<std::uint8_t>(220 + i)),
                           FromUnixSeconds(1));
    });
    orders.emplace_back([=](auto& r) {
      return r.ReserveIndex(MakeId<CameraId>(2), Sealed(2), {7, 1000U * (i + 1U)});
    });
    orders.emplace_back([=](auto& r) { return r.AddSuspension(Suspension(seed + 2, Scope::kCamera)); });
    orders.emplace_back(
        [=](auto& r) { return r.LiftSuspension(MakeId<SuspensionId>(seed), "fixed", FromUnixSeconds(2)); });
    orders.emplace_back(
        [=](auto& r) { return r.RemoveGrant(MakeId<GrantId>(static_cast<std::uint8_t>(seed + 1))); });
  }
  return orders;
}

// What was recorded of a run of all orders.
struct Run {
  std::vector<std::string> states;        // before the first order, and after each
  std::vector<std::size_t> acknowledged;  // steps of the disk when each was
};

Run RunOrders(const Folder& folder, RecordedDisk& disk, const std::vector<Order>& orders) {
  Run run;
  const auto registry = Open(folder);
  REQUIRE(registry.has_value());
  run.states.push_back(Describe(**registry));
  for (const Order& order : orders) {
    const Status done = order(**registry);
    INFO((done ? "" : done.error().message));
    REQUIRE(done.has_value());
    run.acknowledged.push_back(disk.steps().size());
    run.states.push_back(Describe(**registry));
  }
  return run;
}

// Nothing when the image is as good as promised; else what is wrong with it.
std::string Judge(const Folder& image, const Run& run, const std::vector<Order>& orders, std::size_t step) {
  std::size_t certain = 0;
  while (certain < orders.size() && run.acknowledged[certain] <= step) ++certain;
  const auto registry = Open(image);
  if (!registry) return "it does not open: " + registry.error().message;
  const std::string state = Describe(**registry);
  if (certain < orders.size() && state == run.states[certain + 1]) return "";
  if (state != run.states[certain]) return "it says something else:\n" + state;
  if (certain == orders.size()) return "";
  // An order that is not there has left nothing: it can be given again.
  const Status again = orders[certain](**registry);
  return again ? "" : "half of an order is there: " + again.error().message;
}

}  // namespace

TEST_CASE("store: a power cut at any write keeps every order that was acknowledged, and no half of another") {
  const Folder folder;
  const Folder image;
  {
    const auto registry = Open(folder);
    REQUIRE(registry.has_value());
    REQUIRE((*registry)->AddCamera(Camera(1)).has_value());
    REQUIRE((*registry)->AddCamera(EnrolledCamera(2)).has_value());
    REQUIRE((*registry)->AddViewer(Viewer(3)).has_value());
  }
  std::filesystem::copy(folder.path(), image.path());
  RecordedDisk disk;
  disk.Record(true);
  const std::vector<Order> orders = Orders();
  Run run;
  {
    const Folder original;
    std::filesystem::copy(folder.path(), original.path());
    run = RunOrders(folder, disk, orders);
    disk.Record(false);
    // The steps name the files of `folder`, which are as they were before.
    std::filesystem::remove_all(folder.path());
    std::filesystem::copy(original.path(), folder.path());
  }
  DiskReplay replay(disk.steps(), folder.path());
  std::mt19937 random(17);
  std::size_t cuts = 0;
  do {
    for (const Left left : {Left::kNothing, Left::kEverything, Left::kParts, Left::kParts}) {
      replay.Leave(left, random, image.path());
      const std::string wrong = Judge(image, run, orders, replay.at());
      INFO("cut before step " << replay.at() << " of " << disk.steps().size() << ", left "
                              << static_cast<int>(left) << ": " << wrong);
      REQUIRE(wrong.empty());
      ++cuts;
    }
  } while (replay.Step());
  CHECK(cuts > 1000);
}

}  // namespace latchkey::platform
