// The owner's side of the audit log: what is checked of it.
#include "tools/latchkeyctl/audit.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/audit/chain.h"
#include "daemon/audit/record_json.h"
#include "platform/crypto/ed25519.h"
#include "platform/crypto/openssl_crypto.h"
#include "tests/support/catch.h"
#include "tests/unit/ctl/samples.h"
#include "tools/latchkeyctl/moments.h"

namespace latchkey::ctl {
namespace {

using ports::AuditKind;

// A log in memory, as a daemon would hand it out.
struct Log {
  Log() {
    auto made = platform::Ed25519Signer::Create(Secret32());
    REQUIRE(made.has_value());
    signer = std::move(*made);
  }
  void Add(AuditKind kind, std::int64_t second, const std::string& body = "{}") {
    ports::AuditRecord record;
    record.number = records.empty() ? 1 : records.back().number + 1;
    record.at = At(second);
    record.kind = static_cast<std::uint8_t>(kind);
    record.camera = Filled<CameraId>(1);
    record.body = body;
    record.hash = audit::HashOf(crypto, records.empty() ? ports::AuditHash{} : records.back().hash, record);
    records.push_back(record);
  }
  [[nodiscard]] ports::AuditHead Head(std::uint64_t number) const {
    const auto found =
        std::find_if(records.begin(), records.end(), [&](const auto& r) { return r.number == number; });
    REQUIRE(found != records.end());
    const ports::AuditRecord& record = *found;
    ports::AuditHead head;
    head.log = Filled<ports::AuditLogId>(9);
    head.number = record.number;
    head.hash = record.hash;
    head.at = record.at;
    head.signature = signer->Sign(audit::HeadToSign(head));
    return head;
  }
  [[nodiscard]] AuditSource Source() const {
    AuditSource source;
    source.log = Filled<ports::AuditLogId>(9);
    source.public_key = signer->public_key();
    source.head = Head(records.back().number);
    source.checkpoint = checkpoint;
    // Some at a time, as it is from a daemon.
    source.read = [this](std::uint64_t after) -> Outcome<std::vector<ports::AuditRecord>> {
      std::vector<ports::AuditRecord> some;
      for (const auto& record : records) {
        if (record.number > after && some.size() < 3) some.push_back(record);
      }
      return some;
    };
    return source;
  }
  platform::OpenSslCrypto crypto;
  std::unique_ptr<platform::Ed25519Signer> signer;
  std::vector<ports::AuditRecord> records;
  std::optional<ports::AuditHead> checkpoint;
};

struct TenRecords : Log {
  TenRecords() {
    for (int i = 0; i < 10; ++i) Add(AuditKind::kGranted, i, "{\"n\":" + std::to_string(i) + "}");
  }
};

std::string WhyNot(const AuditSource& source, const std::vector<std::string>& heads = {},
                   const std::string& key = {}) {
  const auto verified = VerifyAudit(source, heads, key);
  return verified ? "" : verified.error().message;
}

}  // namespace

TEST_CASE(
    "audit verify: a log that holds together is told as such, with the kept heads that it agrees with") {
  const TenRecords log;
  const auto verified =
      VerifyAudit(log.Source(), {audit::FormatHead(log.Head(10)), audit::FormatHead(log.Head(4))},
                  internal::HexEncode(log.signer->public_key()));
  REQUIRE(verified.has_value());
  CHECK((*verified)["records"] == 10);
  CHECK((*verified)["first"] == 1);
  CHECK((*verified)["last"] == 10);
  CHECK((*verified)["heads_compared"] == 2);
}

TEST_CASE("audit verify: an edit, a hole, a cut tail and a replaced key each show") {
  TenRecords log;
  const std::string kept = audit::FormatHead(log.Head(10));
  SECTION("a record was edited") {
    log.records[4].body = "{}";
    CHECK(WhyNot(log.Source()) == "record 5 was changed, or one before it was");
  }
  SECTION("a record was taken out") {
    log.records.erase(log.records.begin() + 4);
    CHECK(WhyNot(log.Source()).find("record 5 is missing") != std::string::npos);
  }
  SECTION("the tail was cut, and the head with it") {
    const auto head = log.Head(7);
    log.records.resize(7);
    auto source = log.Source();
    source.head = head;
    CHECK(WhyNot(source).empty());  // nothing in the log itself says so
    CHECK(WhyNot(source, {kept}).find("are gone: the log ends with 7") != std::string::npos);
  }
  SECTION("the tail was cut, and the head was not") {
    auto source = log.Source();
    log.records.resize(7);
    CHECK(WhyNot(source).find("does not end in what its head was signed for") != std::string::npos);
  }
  SECTION("it was written anew from the middle on, by somebody with the key") {
    log.records.resize(6);
    for (int i = 0; i < 6; ++i) log.Add(AuditKind::kGranted, 100 + i);
    CHECK(WhyNot(log.Source()).empty());
    CHECK(WhyNot(log.Source(), {kept}).find("record 10 is not the one") != std::string::npos);
  }
  SECTION("a head that somebody else signed") {
    auto source = log.Source();
    source.head->signature[5] ^= 1;
    CHECK(WhyNot(source) == "its head is not signed by its key");
  }
  SECTION("another key than the one that was written down") {
    CHECK(WhyNot(log.Source(), {}, std::string(64, '0')).find("signed with another key") !=
          std::string::npos);
  }
  SECTION("another log in its place") {
    auto head = log.Head(3);
    head.log = Filled<ports::AuditLogId>(8);
    head.signature = log.signer->Sign(audit::HeadToSign(head));
    CHECK(WhyNot(log.Source(), {audit::FormatHead(head)}).find("of another log") != std::string::npos);
  }
  SECTION("a kept head of another hub, and what is none") {
    auto head = log.Head(3);
    head.number = 4;
    CHECK(WhyNot(log.Source(), {audit::FormatHead(head)}).find("not signed by this log's key") !=
          std::string::npos);
    CHECK_FALSE(WhyNot(log.Source(), {"head"}).empty());
  }
  SECTION("its table of views says something else") {
    auto source = log.Source();
    source.check_views = []() -> Outcome<void> { return tl::unexpected(Failure{kExitRefused, "changed"}); };
    CHECK(WhyNot(source) == "changed");
  }
}

TEST_CASE("audit verify: what was cut off behind a signed checkpoint is no hole") {
  TenRecords log;
  log.checkpoint = log.Head(6);
  const std::string old = audit::FormatHead(log.Head(3));
  log.records.erase(log.records.begin(), log.records.begin() + 6);
  const auto verified = VerifyAudit(log.Source(), {old}, "");
  REQUIRE(verified.has_value());
  CHECK((*verified)["first"] == 7);
  CHECK((*verified)["records"] == 4);
  CHECK((*verified)["heads_compared"] == 0);
  log.checkpoint->number = 7;
  CHECK(WhyNot(log.Source()) == "its checkpoint is not signed by its key");
}

TEST_CASE(
    "audit verify: a log that is cut while it is read is read again, and one that is broken is not excused") {
  TenRecords log;
  int states = 0;
  bool cuts = true;
  const auto ask = [&](const Json& command) -> Outcome<Json> {
    const auto name = command["command"].get<std::string>();
    if (name == "audit check") return Json::object();
    if (name == "audit state") {
      ++states;
      const AuditSource source = log.Source();
      Json state{{"log", source.log.ToHex()}, {"public_key", internal::HexEncode(source.public_key)}};
      state["head"] = audit::FormatHead(*source.head);
      if (source.checkpoint) state["checkpoint"] = audit::FormatHead(*source.checkpoint);
      return state;
    }
    const auto records = log.Source().read(command.value("after", std::uint64_t{0}));
    Json list = Json::array();
    for (const auto& record : *records) list.push_back(audit::ToJson(record));
    if (cuts && log.records.front().number == 1) {
      log.checkpoint = log.Head(6);
      log.records.erase(log.records.begin(), log.records.begin() + 6);
    }
    return Json{{"records", list}};
  };
  SECTION("cut") {
    const auto verified = VerifyDaemon(ask, {}, "");
    REQUIRE(verified.has_value());
    CHECK((*verified)["first"] == 7);
    CHECK(states == 2);
  }
  SECTION("broken") {
    cuts = false;
    log.records[4].body = "{}";
    CHECK_FALSE(VerifyDaemon(ask, {}, "").has_value());
  }
  SECTION("cut and broken") {
    log.records[8].body = "{}";
    CHECK_FALSE(VerifyDaemon(ask, {}, "").has_value());
  }
}

TEST_CASE("audit: records and views go through JSON unchanged") {
  TenRecords log;
  auto record = log.records[3];
  record.viewer = Filled<ViewerId>(0xab);
  record.epoch = Epoch{77};
  record.body =
      "{\"name\":\"K\xc3\xbc"
      "che \\\" \\u0000\"}";
  const auto again = audit::RecordFromJson(Json::parse(audit::ToJson(record).dump()));
  REQUIRE(again.has_value());
  CHECK(audit::HashOf(log.crypto, {}, *again) == audit::HashOf(log.crypto, {}, record));
  CHECK(again->hash == record.hash);
  ports::AuditView view;
  view.number = 4;
  view.camera = Filled<CameraId>(3);
  view.viewer = Filled<ViewerId>(4);
  view.session = Filled<SessionId>(5);
  view.first_epoch = Epoch{1};
  view.last_epoch = Epoch{9};
  view.began = At(1);
  view.cut_short = true;
  view.viewer_loss_permille = 17;
  view.network = "[2001:db8::1]:9";
  const auto same = audit::ViewFromJson(Json::parse(audit::ToJson(view).dump()));
  REQUIRE(same.has_value());
  CHECK(*same == view);
  view.ended = At(7);
  CHECK(audit::ViewFromJson(audit::ToJson(view))->ended == At(7));
  for (const char* bad : {"[]", "{}", R"({"number":-1})"}) {
    CHECK_FALSE(audit::RecordFromJson(Json::parse(bad)).has_value());
    CHECK_FALSE(audit::ViewFromJson(Json::parse(bad)).has_value());
  }
}

TEST_CASE("moments: as people write them") {
  const WallTime now = At(0);
  CHECK(ParseTime("now", now) == now);
  CHECK(ParseTime("-90s", now) == At(-90));
  CHECK(ParseTime("-2h", now) == At(-7200));
  CHECK(ParseTime("-3d", now) == At(-3 * 86'400));
  CHECK(FormatTime(*ParseTime("2026-11-03T18:00:59Z", now)) == "2026-11-03T18:00:59Z");
  CHECK(FormatTime(*ParseTime("2028-02-29", now)) == "2028-02-29T00:00:00Z");
  for (const char* bad : {"", "-", "-h", "-2w", "2h", "yesterday", "2026-02-30", "2026-13-01",
                          "2026-11-03 18:00:00Z", "2026-11-03T25:00:00Z", "-99999999d"}) {
    INFO(bad);
    CHECK_FALSE(ParseTime(bad, now));
  }
}

}  // namespace latchkey::ctl
