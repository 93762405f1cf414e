// The audit log on a real disk, with real SQLite.
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "daemon/audit/chain.h"
#include "platform/crypto/openssl_crypto.h"
#include "platform/store/sqlite_audit.h"
#include "tests/platform/store_folder.h"

namespace latchkey::platform {
namespace {

using ports::AuditKind;

std::optional<ErrorCode> CodeOf(const Status& status) {
  if (status) return std::nullopt;
  return status.error().code;
}

WallTime At(std::int64_t second) {
  return FromUnixSeconds(1'800'000'000 + second);
}
// A log, and the records that were made for it.
struct Log {
  Log() {
    std::filesystem::create_directories(folder.path());
    Reopen(true);
  }
  void Reopen(bool make = false, std::int64_t max_pages = 0) {
    store.reset();
    auto opened = SqliteAudit::Open({path(), make, max_pages}, entropy);
    REQUIRE(opened.has_value());
    store = std::move(*opened);
  }
  [[nodiscard]] std::string path() const { return folder.file("audit.db"); }
  ports::AuditRecord& Add(AuditKind kind, std::int64_t second, const std::string& body = "{}",
                          std::uint8_t session = 0, std::uint8_t camera = 1, std::uint64_t epoch = 1) {
    ports::AuditRecord record;
    record.number = made.empty() ? 1 : made.back().number + 1;
    record.at = At(second);
    record.kind = static_cast<std::uint8_t>(kind);
    record.camera = MakeId<CameraId>(camera);
    record.viewer = MakeId<ViewerId>(2);
    record.session = MakeId<SessionId>(session);
    record.epoch = Epoch{epoch};
    record.body = body;
    record.hash = audit::HashOf(crypto, made.empty() ? ports::AuditHash{} : made.back().hash, record);
    made.push_back(record);
    return made.back();
  }
  [[nodiscard]] ports::AuditHead HeadOf(const ports::AuditRecord& record) const {
    ports::AuditHead head;
    head.log = store->log();
    head.number = record.number;
    head.hash = record.hash;
    head.at = record.at;
    head.signature.fill(7);
    return head;
  }
  // What was made and not yet written.
  Status Write() {
    const std::vector<ports::AuditRecord> rest(made.begin() + static_cast<std::ptrdiff_t>(written),
                                               made.end());
    auto status = store->Append(rest, HeadOf(made.back()));
    if (status) written = made.size();
    return status;
  }
  [[nodiscard]] std::vector<ports::AuditView> Views(const AuditQuery& query) const {
    auto views = store->Views(query, 0, 1000);
    REQUIRE(views.has_value());
    const auto count = store->CountViews(query);
    REQUIRE(count.has_value());
    CHECK(static_cast<std::size_t>(*count) == views->size());
    return *views;
  }
  [[nodiscard]] std::optional<ErrorCode> WrongViews() const {
    const auto reader = SqliteAudit::OpenToRead(path());
    REQUIRE(reader.has_value());
    return CodeOf((*reader)->CheckViews());
  }
  Folder folder;
  SeededEntropy entropy{3};
  OpenSslCrypto crypto;
  std::unique_ptr<SqliteAudit> store;
  std::vector<ports::AuditRecord> made;
  std::size_t written = 0;
};

// Two views by turns, of two cameras.
void AddViews(Log& log) {
  log.Add(AuditKind::kStarted, 0);
  log.Add(AuditKind::kViewBegan, 10, "{}", 5, 1, 3);
  log.Add(AuditKind::kViewBegan, 20, "{}", 6, 9, 8);
  log.Add(AuditKind::kViewMinute, 70,
          R"({"packets":900,"camera_loss_permille":12,"viewer_loss_permille":1,"network":"10.0.0.7:4000"})",
          5, 1, 3);
  log.Add(AuditKind::kViewEpoch, 80, R"({"packets":950})", 5, 1, 4);
  log.Add(AuditKind::kViewMinute, 130,
          R"({"packets":1800,"camera_loss_permille":2,"viewer_loss_permille":40,"viewer_jitter_us":9000})", 5,
          1, 4);
  log.Add(AuditKind::kViewEnded, 140, R"({"packets":2000,"why":"asked"})", 5, 1, 4);
}

TEST_CASE("audit store: records and the head of the last are there after opening again") {
  Log log;
  CHECK(log.store->Last()->has_value() == false);
  AddViews(log);
  REQUIRE(log.Write());
  log.Reopen();
  const auto last = log.store->Last();
  REQUIRE((last && *last));
  CHECK((*last)->hash == log.made.back().hash);
  const auto head = log.store->LastHead();
  REQUIRE((head && *head));
  CHECK((*head)->number == log.made.size());
  CHECK((*head)->signature == log.HeadOf(log.made.back()).signature);
  // Exactly as they were: the chain says so.
  audit::ChainReader reader(log.crypto);
  const auto records = log.store->Read(1, 100);
  REQUIRE(records);
  REQUIRE(records->size() == log.made.size());
  for (const auto& record : *records) CHECK_FALSE(reader.Take(record));
  CHECK(reader.hash() == (*head)->hash);
}

TEST_CASE("audit store: a view's records come to one view, with its epochs and the worst of its minutes") {
  Log log;
  AddViews(log);
  REQUIRE(log.Write());
  const auto views = log.Views({At(0), At(1000), {}, {}});
  REQUIRE(views.size() == 2);
  const ports::AuditView& view = views[0];
  CHECK(view.number == 2);
  CHECK(view.camera == MakeId<CameraId>(1));
  CHECK(view.viewer == MakeId<ViewerId>(2));
  CHECK(view.session == MakeId<SessionId>(5));
  CHECK(view.first_epoch == Epoch{3});
  CHECK(view.last_epoch == Epoch{4});
  CHECK(view.began == At(10));
  CHECK(view.ended == At(140));
  CHECK_FALSE(view.cut_short);
  CHECK(view.packets == 2000);
  CHECK(view.camera_loss_permille == 12);
  CHECK(view.viewer_loss_permille == 40);
  CHECK(view.viewer_jitter_us == 9000);
  CHECK(view.network == "10.0.0.7:4000");
  CHECK_FALSE(views[1].ended);
}

TEST_CASE("audit store: a view is between two times if it was under way at any moment between them") {
  Log log;
  AddViews(log);  // one from 10 to 140, one from 20 on
  REQUIRE(log.Write());
  const auto numbers = [&](std::int64_t from, std::int64_t to, std::vector<CameraId> cameras = {},
                           std::optional<std::uint32_t> loss = {}) {
    std::vector<std::uint64_t> found;
    for (const auto& view : log.Views({At(from), At(to), std::move(cameras), loss}))
      found.push_back(view.number);
    return found;
  };
  using Numbers = std::vector<std::uint64_t>;
  CHECK(numbers(0, 10).empty());
  CHECK(numbers(0, 11) == Numbers{2});
  CHECK(numbers(50, 51) == Numbers{2, 3});
  CHECK(numbers(140, 141) == Numbers{2, 3});
  CHECK(numbers(141, 900) == Numbers{3});
  CHECK(numbers(0, 900, {MakeId<CameraId>(9)}) == Numbers{3});
  CHECK(numbers(0, 900, {MakeId<CameraId>(9), MakeId<CameraId>(1)}) == Numbers{2, 3});
  CHECK(numbers(0, 900, {MakeId<CameraId>(4)}).empty());
  CHECK(numbers(0, 900, {}, 39) == Numbers{2});
  CHECK(numbers(0, 900, {}, 40).empty());
  const auto rest = log.store->Views({At(0), At(900), {}, {}}, 2, 10);
  REQUIRE((rest && rest->size() == 1));
  CHECK(rest->front().number == 3);
}

TEST_CASE(
    "audit store: the hub's own end ends every view, and a start without one says that it was cut short") {
  Log log;
  AddViews(log);
  log.Add(AuditKind::kStarted, 200);
  log.Add(AuditKind::kViewBegan, 210, "{}", 7);
  log.Add(AuditKind::kStopped, 220);
  REQUIRE(log.Write());
  const auto views = log.Views({At(0), At(1000), {}, {}});
  REQUIRE(views.size() == 3);
  CHECK(views[1].ended == At(200));
  CHECK(views[1].cut_short);
  CHECK(views[2].ended == At(220));
  CHECK_FALSE(views[2].cut_short);
}

TEST_CASE("audit store: events are the records of no view, of these cameras or of the whole hub") {
  Log log;
  AddViews(log);
  log.Add(AuditKind::kKeyRefused, 150, "{}", 0, 1);
  log.Add(AuditKind::kSuspended, 160, "{}", 0, 9);
  log.made.pop_back();
  auto& whole = log.Add(AuditKind::kSuspended, 160, "{}", 0, 0);
  REQUIRE(whole.camera == CameraId());
  REQUIRE(log.Write());
  const auto count = [&](std::vector<CameraId> cameras, std::int64_t from = 0, std::int64_t to = 900) {
    const auto events = log.store->Events({At(from), At(to), std::move(cameras), {}}, 0, 100);
    REQUIRE(events.has_value());
    return events->size();
  };
  CHECK(count({}) == 3);
  CHECK(count({MakeId<CameraId>(9)}) == 1);
  CHECK(count({MakeId<CameraId>(1)}) == 3);
  CHECK(count({}, 150, 160) == 1);
}

TEST_CASE("audit store: a table of views that says something else than the records is noticed") {
  Log log;
  AddViews(log);
  REQUIRE(log.Write());
  CHECK_FALSE(log.WrongViews());
  for (const char* edit :
       {"UPDATE views SET viewer_loss = 0 WHERE number = 2", "DELETE FROM views WHERE number = 3",
        "INSERT INTO views SELECT 99, last, session, camera, viewer, first_epoch, last_epoch, "
        "began, ended, cut_short, packets, camera_loss, viewer_loss, camera_jitter, "
        "viewer_jitter, network FROM views WHERE number = 2"}) {
    INFO(edit);
    Log other;
    AddViews(other);
    REQUIRE(other.Write());
    Sql(other.path(), edit);
    CHECK(other.WrongViews() == ErrorCode::kCorrupt);
  }
}

TEST_CASE("audit store: a table of views is right also while the daemon goes on writing") {
  Log log;
  log.Add(AuditKind::kViewBegan, 1, "{}", 5);
  REQUIRE(log.Write());
  std::atomic<bool> done = false;
  std::thread daemon([&] {
    for (int i = 0; i < 200; ++i) {
      log.Add(AuditKind::kViewMinute, 2 + i, "{\"packets\":" + std::to_string(i) + "}", 5);
      if (!log.Write()) break;
    }
    done = true;
  });
  const auto reader = SqliteAudit::OpenToRead(log.path());
  REQUIRE(reader.has_value());
  int wrong = 0;
  while (!done) wrong += (*reader)->CheckViews() ? 0 : 1;
  daemon.join();
  CHECK(log.written == 201);
  CHECK(wrong == 0);
}

TEST_CASE("audit store: what was cut is gone with its views, and the checkpoint says what it ended in") {
  Log log;
  AddViews(log);
  REQUIRE(log.Write());
  const auto old = log.store->FindCut(At(135), 1 << 30);
  REQUIRE((old && *old));
  CHECK((*old)->number == 6);
  REQUIRE(log.store->Cut(7, log.HeadOf(**old)));
  const auto records = log.store->Read(1, 100);
  REQUIRE((records && records->size() == 1));
  audit::ChainReader reader(log.crypto, **log.store->Checkpoint());
  CHECK_FALSE(reader.Take(records->front()));
  // The one that was cut in the middle stays: it ended later. So does the one that goes on.
  CHECK(log.Views({At(0), At(900), {}, {}}).size() == 2);
  CHECK_FALSE(log.WrongViews());
  log.Add(AuditKind::kStopped, 300);
  REQUIRE(log.Write());
  REQUIRE(log.store->Cut(8, log.HeadOf(log.made[6])));
  CHECK(log.Views({At(0), At(900), {}, {}}).size() == 1);
}

TEST_CASE("audit store: by size the oldest go, never the newest") {
  Log log;
  for (int i = 0; i < 2000; ++i) log.Add(AuditKind::kGranted, i);
  REQUIRE(log.Write());
  const auto bytes = log.store->Bytes();
  REQUIRE(bytes.has_value());
  CHECK_FALSE(log.store->FindCut(At(0), *bytes)->has_value());
  const auto half = log.store->FindCut(At(0), *bytes / 2);
  REQUIRE((half && *half));
  CHECK((*half)->number > 1000);
  CHECK((*half)->number < 1300);
  const auto all = log.store->FindCut(At(0), 1);
  REQUIRE((all && *all));
  CHECK((*all)->number == 1999);
  REQUIRE(log.store->Cut((*half)->number + 1, log.HeadOf(**half)));
  CHECK(*log.store->Bytes() < *bytes * 3 / 5);
}

TEST_CASE("audit store: on a full disk nothing of a batch is written, and later all of it is") {
  Log log;
  REQUIRE(log.Add(AuditKind::kStarted, 1).number == 1);
  REQUIRE(log.Write());
  log.Reopen(false, 20);
  for (int i = 0; i < 400; ++i)
    log.Add(AuditKind::kGranted, 2, "{\"name\":\"" + std::string(100, 'n') + "\"}");
  CHECK(CodeOf(log.Write()) == ErrorCode::kLimit);
  CHECK(*log.store->Count() == 1);
  CHECK((*log.store->LastHead())->number == 1);
  log.Reopen();
  REQUIRE(log.Write());
  CHECK(*log.store->Count() == 401);
}

TEST_CASE("audit store: what is no log of ours, or is missing, is refused and left as it is") {
  Log log;
  REQUIRE(log.Add(AuditKind::kStarted, 1).number == 1);
  REQUIRE(log.Write());
  log.store.reset();
  const auto refuse = [&](const char* words) {
    const auto opened = SqliteAudit::Open({log.path(), false, 0}, log.entropy);
    REQUIRE_FALSE(opened.has_value());
    INFO(opened.error().message);
    CHECK(opened.error().message.find(words) != std::string::npos);
    CHECK(opened.error().message.find('\n') == std::string::npos);
  };
  Sql(log.path(), "PRAGMA user_version = 2");
  refuse("schema 2");
  Sql(log.path(), "PRAGMA user_version = 1; PRAGMA application_id = 5");
  refuse("not a Latchkey audit log");
  Spill(log.path(), std::string(8192, 'x'));
  refuse("damaged");
  CHECK(Slurp(log.path()) == std::string(8192, 'x'));
  std::filesystem::remove(log.path());
  refuse("missing");
  CHECK_FALSE(std::filesystem::exists(log.path()));
}

TEST_CASE("audit store: a reader changes nothing") {
  Log log;
  AddViews(log);
  REQUIRE(log.Write());
  const auto reader = SqliteAudit::OpenToRead(log.path());
  REQUIRE(reader.has_value());
  CHECK_FALSE((*reader)->Append(log.made, log.HeadOf(log.made.back())));
  CHECK_FALSE((*reader)->Cut(3, log.HeadOf(log.made[2])));
  CHECK(*log.store->Count() == static_cast<std::int64_t>(log.made.size()));
}

}  // namespace
}  // namespace latchkey::platform
