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
    const auto batch = book->TakeBatch();
    if (!batch) return;
    CHECK_FALSE(book->TakeBatch());
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
  const auto first = desk.book->TakeBatch();
  REQUIRE(first);
  desk.Add();
  CHECK_FALSE(desk.book->TakeBatch());
  desk.disk = first->records;
  desk.book->HandleWritten(true, desk.now);
  desk.Write();
  CHECK(desk.disk.size() == 2);
  desk.CheckDisk();
}

TEST_CASE("audit book: while the disk refuses nothing is lost, and after ten seconds nothing may be shown") {
  Desk desk;
  desk.Add();
  desk.Write(false);
  CHECK_FALSE(desk.book->failing(desk.now));
  desk.now += kAuditPatience - milliseconds(1);
  desk.Add();
  desk.Write(false);
  CHECK_FALSE(desk.book->failing(desk.now));
  CHECK(desk.book->NextDeadline() == desk.now + milliseconds(1));
  desk.now += milliseconds(1);
  CHECK(desk.book->failing(desk.now));
  desk.Write();
  CHECK_FALSE(desk.book->failing(desk.now));
  CHECK(desk.disk.size() == 2);
  desk.CheckDisk();
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
