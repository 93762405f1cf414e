// The owner's side of the audit log: what is checked, and what an incident's answer says.
#include "tools/latchkeyctl/audit.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/audit/chain.h"
#include "daemon/audit/record_json.h"
#include "platform/crypto/ed25519.h"
#include "platform/crypto/openssl_crypto.h"
#include "tests/support/catch.h"
#include "tools/latchkeyctl/incident.h"
#include "tools/latchkeyctl/moments.h"

namespace latchkey::ctl {
namespace {

using ports::AuditKind;

template <class IdType>
IdType Filled(std::uint8_t fill) {
  typename IdType::Bytes bytes{};
  bytes.fill(fill);
  return IdType(bytes);
}
WallTime At(std::int64_t second) {
  return FromUnixSeconds(1'800'000'000 + second);
}

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

namespace {

// A daemon that answers from these.
struct Hub {
  std::vector<ports::AuditView> views;
  std::vector<ports::AuditRecord> events;
  std::vector<Json> asked;
  Outcome<Json> Answer(const Json& command) {
    asked.push_back(command);
    const auto name = command["command"].get<std::string>();
    Json list = Json::array();
    if (name == "incident names") {
      return Json{{"cameras",
                   {{{"id", Filled<CameraId>(1).ToHex()}, {"name", "Nursery"}, {"model", "M1"}},
                    {{"id", Filled<CameraId>(2).ToHex()}, {"name", "<b>Garden</b>"}, {"model", "M2"}}}},
                  {"viewers", {{{"id", Filled<ViewerId>(4).ToHex()}, {"name", "Anna & Ben"}}}},
                  {"records", Json::array()}};
    }
    const auto after = command.value("after", std::uint64_t{0});
    if (name == "incident views") {
      for (const auto& view : views) {
        if (view.number > after && list.empty()) list.push_back(audit::ToJson(view));
      }
      return Json{{"total", views.size()}, {"views", list}};
    }
    for (const auto& record : events) {
      if (record.number > after && list.empty()) list.push_back(audit::ToJson(record));
    }
    return Json{{"records", list}};
  }
  void AddView(std::uint64_t number, std::uint8_t camera) {
    ports::AuditView view;
    view.number = number;
    view.camera = Filled<CameraId>(camera);
    view.viewer = Filled<ViewerId>(4);
    view.first_epoch = Epoch{3};
    view.last_epoch = Epoch{5};
    view.began = At(10);
    view.ended = At(70);
    view.viewer_loss_permille = 31;
    view.network = "192.0.2.7:4000";
    views.push_back(view);
  }
  void AddEvent(std::uint64_t number, AuditKind kind, const std::string& body) {
    ports::AuditRecord record;
    record.number = number;
    record.at = At(20);
    record.kind = static_cast<std::uint8_t>(kind);
    record.camera = Filled<CameraId>(2);
    record.body = body;
    events.push_back(record);
  }
  Incident Gather(IncidentQuestion question = {At(0), At(100), {}, {}}) {
    auto gathered =
        GatherIncident([this](const Json& command) { return Answer(command); }, question, At(200));
    REQUIRE(gathered.has_value());
    return std::move(*gathered);
  }
};

bool Has(const std::string& text, const std::string& words) {
  INFO(text);
  return text.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE(
    "incident: the answer names who saw which camera, in which epochs, from where, and what the loss was") {
  Hub hub;
  hub.AddView(5, 1);
  hub.AddView(9, 2);
  const Incident incident = hub.Gather();
  REQUIRE(incident.views.size() == 2);
  const std::string text = IncidentText(incident);
  CHECK(Has(text, "2 views of 2 cameras by 1 viewer."));
  CHECK(Has(text, "No check failed."));
  CHECK(Has(text, "Anna & Ben  epoch 3-5  192.0.2.7:4000"));
  CHECK(Has(text, "3.1 % to the viewer"));
  const Json json = IncidentJson(incident);
  CHECK(json["views"][0]["camera_name"] == "Nursery");
  CHECK(json["views"][0]["first_epoch"] == 3);
  CHECK(json["may_have_gone_astray"] == false);
  CHECK(json["checks_failed"] == 0);
}

TEST_CASE("incident: model and loss are asked of the hub, by whole ids") {
  Hub hub;
  (void)hub.Gather({At(0), At(100), "M2", 2.5});
  const auto asked = std::find_if(hub.asked.begin(), hub.asked.end(),
                                  [](const Json& j) { return j["command"] == "incident views"; });
  REQUIRE(asked != hub.asked.end());
  CHECK((*asked)["cameras"] == Json::array({Filled<CameraId>(2).ToHex()}));
  CHECK((*asked)["loss_above_permille"] == 25);
  const auto none = GatherIncident([&](const Json& command) { return hub.Answer(command); },
                                   {At(0), At(100), "M9", {}}, At(200));
  REQUIRE_FALSE(none.has_value());
  CHECK(Has(none.error().message, "there are: M1, M2"));
}

TEST_CASE("incident: a frame that did not open may have gone astray; a key that was refused may not") {
  Hub hub;
  hub.AddEvent(3, AuditKind::kKeyRefused, R"({"why":"its key was used before"})");
  CHECK(Has(Verdict(hub.Gather()), "Keys were refused, so nothing was shown"));
  CHECK_FALSE(hub.Gather().MayHaveGoneAstray());
  CHECK(Has(IncidentText(hub.Gather()),
            "! 2027-01-15T08:00:20Z  key refused  <b>Garden</b>  why its key was used"));
  hub.AddEvent(4, AuditKind::kOpenFailed, R"({"frame":41})");
  CHECK(hub.Gather().MayHaveGoneAstray());
  CHECK(Has(Verdict(hub.Gather()), "A check failed"));
  CHECK(IncidentJson(hub.Gather())["checks_failed"] == 2);
}

TEST_CASE("incident: in the report names are text, and nothing is fetched from anywhere") {
  Hub hub;
  hub.AddView(5, 2);
  hub.AddEvent(6, AuditKind::kSuspended, R"({"reason":"<script>alert(1)</script>"})");
  const std::string html = IncidentHtml(hub.Gather());
  CHECK(Has(html, "&lt;b&gt;Garden&lt;/b&gt;"));
  CHECK(Has(html, "&lt;script&gt;alert(1)"));
  CHECK(html.find("<script") == std::string::npos);
  CHECK(html.find("<b>") == std::string::npos);
  CHECK(Has(html, "default-src 'none'"));
  for (const char* outside : {"http:", "https:", "src=", "url("}) {
    INFO(outside);
    CHECK(html.find(outside) == std::string::npos);
  }
  CHECK(Has(html, "<svg"));
}

}  // namespace latchkey::ctl
