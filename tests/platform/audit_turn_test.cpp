// What the audit log on a real disk tells of the registry's turn.
#include "daemon/audit/chain.h"
#include "platform/crypto/openssl_crypto.h"
#include "platform/store/sqlite_audit.h"
#include "tests/platform/store_folder.h"

namespace latchkey::platform {
namespace {

TEST_CASE("audit store: the registry's turn is the one that was told last, and no name can pass for it") {
  const Folder folder;
  std::filesystem::create_directories(folder.path());
  SeededEntropy entropy(3);
  OpenSslCrypto crypto;
  auto store = SqliteAudit::Open({folder.file("audit.db"), true, 0}, entropy);
  REQUIRE(store.has_value());
  ports::AuditHash hash{};
  std::uint64_t number = 0;
  const auto add = [&](const std::string& body) {
    ports::AuditRecord record;
    record.number = ++number;
    record.kind = static_cast<std::uint8_t>(ports::AuditKind::kGranted);
    record.body = body;
    record.hash = hash = audit::HashOf(crypto, hash, record);
    ports::AuditHead head;
    head.log = (*store)->log();
    head.number = number;
    head.hash = hash;
    REQUIRE((*store)->Append({&record, 1}, head).has_value());
  };
  const auto told = [&] {
    const auto turn = (*store)->LastTurn();
    REQUIRE(turn.has_value());
    return *turn;
  };
  CHECK_FALSE(told().has_value());
  add("{}");
  CHECK_FALSE(told().has_value());
  add(R"({"grant":"a","registry_turn":41})");
  add(R"({"registry_turn":42})");
  add(R"({"why":"it goes on"})");
  CHECK(told() == 42U);
  add(R"({"name":"\"registry_turn\":7"})");
  CHECK(told() == 42U);
}

}  // namespace
}  // namespace latchkey::platform
