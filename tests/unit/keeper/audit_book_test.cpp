// Records wait for the disk in the order in which they were made; how long is bounded, and so is how many.
#include "daemon/keeper/audit_book.h"

#include "daemon/audit/chain.h"
#include "platform/crypto/ed25519.h"
#include "platform/crypto/openssl_crypto.h"
#include "tests/support/catch.h"

namespace latchkey::keeper {
namespace {

struct Desk {
  Desk() {
    auto made = platform::Ed25519Signer::Create(Secret32());
    REQUIRE(made);
    signer = std::move(*made);
    Reopen();
  }
  void Reopen() {
    const auto last = disk.empty() ? std::nullopt : std::optional(disk.back());
    book.emplace(crypto, *signer, ports::AuditLogId(ports::AuditLogId::Bytes{1}), last);
  }
  void Add(const std::string& body = "{}") {
    book->Add(audit::Kind::kGranted, {}, body, now, wall);
    CHECK(book->IsConsistent());
  }
  // The disk does what it can.
  void Write(bool possible = true) {
    now += kAuditRetry;  // also after a failure
    const auto batch = book->TakeBatch(now);
    if (!batch) return;
    CHECK_FALSE(book->TakeBatch(now));
    if (possible) disk.insert(disk.end(), batch->records.begin(), batch->records.end());
    book->HandleWritten(possible, now);
    CHECK(book->IsConsistent());
  }
  // The log as it is on disk is whole, and ends in its head.
  void CheckDisk() {
    audit::ChainReader reader(crypto);
    for (const auto& record : disk) REQUIRE_FALSE(reader.Take(record));
    REQUIRE(book->head());
    CHECK(book->head()->number == reader.number());
    CHECK(book->head()->hash == reader.hash());
    platform::Ed25519Verifier verifier;
    CHECK(audit::IsGenuine(verifier, signer->public_key(), *book->head()));
  }
  Instant now{hours(1)};
  WallTime wall = FromUnixSeconds(1'800'000'000);
  platform::OpenSslCrypto crypto;
  std::unique_ptr<platform::Ed25519Signer> signer;
  std::vector<ports::AuditRecord> disk;
  std::optional<AuditBook> book;
};

TEST_CASE("audit book: what is added is on disk in order, with a head for each batch, also after a restart") {
  Desk desk;
  CHECK_FALSE(desk.book->head());
  desk.Add();
  desk.Add("{\"a\":1}");
  desk.Write();
  desk.CheckDisk();
  desk.Reopen();
  desk.Add("{\"a\":2}");
  desk.Write();
  CHECK(desk.disk.size() == 3);
  desk.CheckDisk();
}

TEST_CASE("audit book: what is added while a batch is under way goes with the next") {
  Desk desk;
  desk.Add();
  const auto first = desk.book->TakeBatch(desk.now);
  REQUIRE(first);
  desk.Add();
  CHECK_FALSE(desk.book->TakeBatch(desk.now));
  desk.disk = first->records;
  desk.book->HandleWritten(true, desk.now);
  desk.Write();
  CHECK(desk.disk.size() == 2);
  desk.CheckDisk();
}

TEST_CASE("audit book: while the disk refuses nothing is lost, and after ten seconds nothing may be shown") {
  Desk desk;
  const Instant since = desk.now;
  desk.Add();
  desk.Write(false);
  CHECK_FALSE(desk.book->failing(desk.now));
  // Not again at once: a disk that is full stays so for a while.
  CHECK_FALSE(desk.book->TakeBatch(desk.now));
  CHECK(desk.book->NextDeadline(desk.now) == desk.now + kAuditRetry);
  desk.now = since + kAuditPatience - kAuditRetry - milliseconds(1);
  desk.Add();
  desk.Write(false);
  CHECK(desk.now == since + kAuditPatience - milliseconds(1));
  CHECK_FALSE(desk.book->failing(desk.now));
  CHECK(desk.book->NextDeadline(desk.now) == desk.now + milliseconds(1));
  desk.now += milliseconds(1);
  CHECK(desk.book->failing(desk.now));
  // From now on there is the disk alone to wait for: no deadline that has passed already.
  CHECK(desk.book->NextDeadline(desk.now) > desk.now);
  desk.Write();
  CHECK_FALSE(desk.book->failing(desk.now));
  CHECK(desk.disk.size() == 2);
  desk.CheckDisk();
}

TEST_CASE("audit book: at the end what the disk does not have goes to it at once, and nothing twice") {
  Desk desk;
  desk.Add();
  desk.Add();
  const auto under_way = desk.book->TakeBatch(desk.now);
  REQUIRE(under_way);
  desk.Add();
  SECTION("what was under way has arrived") {
    desk.disk = under_way->records;
  }
  SECTION("what was under way has not") {}
  const auto rest = desk.book->TakeRest(desk.disk.size());
  REQUIRE(rest);
  desk.disk.insert(desk.disk.end(), rest->records.begin(), rest->records.end());
  desk.book->HandleWritten(true, desk.now);
  CHECK(desk.disk.size() == 3);
  desk.CheckDisk();
  CHECK_FALSE(desk.book->TakeRest(3));
}

TEST_CASE("audit book: a head that a page kept is the log's own, or not ours, or of records that are gone") {
  Desk desk;
  desk.Add();
  desk.Write();
  const ports::AuditHead first = *desk.book->head();
  CHECK(desk.book->Judge(first) == HeadVerdict::kAgrees);
  desk.Add();
  desk.Write();
  const ports::AuditHead second = *desk.book->head();
  CHECK(desk.book->Judge(first) == HeadVerdict::kFits);
  // Cut, and gone on.
  desk.disk.resize(1);
  desk.Reopen();
  CHECK(desk.book->Judge(second) == HeadVerdict::kLacking);
  desk.Add("{\"other\":1}");
  desk.Write();
  CHECK(desk.book->Judge(second) == HeadVerdict::kLacking);
  // Another log of the same hub, another hub, and a forgery.
  desk.book.emplace(desk.crypto, *desk.signer, ports::AuditLogId(ports::AuditLogId::Bytes{2}), std::nullopt);
  for (int i = 0; i < 3; ++i) desk.Add();  // longer than the one that it stands in for
  CHECK(desk.book->Judge(first) == HeadVerdict::kLacking);
  ports::AuditHead forged = first;
  forged.number = 1'000'000;
  CHECK(desk.book->Judge(forged) == HeadVerdict::kNotOurs);
}

TEST_CASE("audit book: records that find no room are counted in the next that does") {
  Desk desk;
  for (std::size_t i = 0; i < kMaxUnwritten; ++i) desk.Add();
  CHECK(desk.book->failing(desk.now));
  for (int i = 0; i < 5; ++i) desk.Add();
  desk.Write();
  desk.Add("{\"after\":true}");
  desk.Write();
  desk.CheckDisk();
  REQUIRE(desk.disk.size() == kMaxUnwritten + 2);
  CHECK(desk.disk[kMaxUnwritten].kind == static_cast<std::uint8_t>(audit::Kind::kRecordsLost));
  CHECK(desk.disk[kMaxUnwritten].body == "{\"records\":5}");
  CHECK(desk.disk.back().body == "{\"after\":true}");
}

}  // namespace
}  // namespace latchkey::keeper
