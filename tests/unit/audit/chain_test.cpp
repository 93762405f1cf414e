#include "daemon/audit/chain.h"

#include <functional>
#include <vector>

#include "daemon/audit/kinds.h"
#include "platform/crypto/ed25519.h"
#include "platform/crypto/openssl_crypto.h"
#include "tests/support/catch.h"

namespace latchkey::audit {
namespace {

template <class IdType>
IdType Filled(std::uint8_t fill) {
  typename IdType::Bytes bytes{};
  bytes.fill(fill);
  return IdType(bytes);
}

struct Log {
  platform::OpenSslCrypto crypto;
  std::vector<ports::AuditRecord> records;
  void Add(std::string body) {
    ports::AuditRecord record;
    record.number = records.size() + 1;
    record.at = FromUnixSeconds(1'800'000'000 + static_cast<std::int64_t>(record.number));
    record.kind = 3;
    record.camera = Filled<CameraId>(1);
    record.viewer = Filled<ViewerId>(2);
    record.session = Filled<SessionId>(3);
    record.epoch = Epoch{4};
    record.body = std::move(body);
    record.hash = HashOf(crypto, records.empty() ? ports::AuditHash{} : records.back().hash, record);
    records.push_back(std::move(record));
  }
  // What is wrong with it, read from the beginning.
  std::optional<std::string> Read() {
    ChainReader reader(crypto);
    for (const auto& record : records) {
      if (auto wrong = reader.Take(record)) return wrong;
    }
    return std::nullopt;
  }
};

struct ThreeRecords : Log {
  ThreeRecords() {
    for (const char* body : {"{}", R"({"name":"Nursery"})", "{\"n\":3}"}) Add(body);
  }
};

TEST_CASE("audit chain: records as they were made follow each other") {
  ThreeRecords log;
  CHECK_FALSE(log.Read());
}

TEST_CASE("audit chain: a change of any field of any record shows") {
  const std::vector<std::function<void(ports::AuditRecord&)>> changes{
      [](auto& r) { r.at += seconds(1); },
      [](auto& r) { r.kind = 4; },
      [](auto& r) { r.camera = Filled<CameraId>(9); },
      [](auto& r) { r.viewer = Filled<ViewerId>(9); },
      [](auto& r) { r.session = Filled<SessionId>(9); },
      [](auto& r) { r.epoch = Epoch{5}; },
      [](auto& r) { r.body += " "; },
      [](auto& r) { r.body = "[]"; },
      [](auto& r) { r.hash[0] ^= 1U; },
      [](auto& r) { r.hash[31] ^= 0x80U; },
  };
  for (std::size_t which = 0; which < 3; ++which) {
    for (std::size_t change = 0; change < changes.size(); ++change) {
      INFO("record " << which << ", change " << change);
      ThreeRecords log;
      changes[change](log.records[which]);
      CHECK(log.Read());
    }
  }
}

TEST_CASE("audit chain: an edited record whose hash was made anew shows at the next one") {
  ThreeRecords log;
  log.records[1].body = R"({"name":"Garden"})";
  log.records[1].hash = HashOf(log.crypto, log.records[0].hash, log.records[1]);
  const auto wrong = log.Read();
  REQUIRE(wrong);
  CHECK(wrong->find("record 3") != std::string::npos);
}

TEST_CASE("audit chain: a record that is gone, doubled or moved shows, and which") {
  ThreeRecords log;
  SECTION("gone") {
    log.records.erase(log.records.begin() + 1);
    CHECK(log.Read()->find("record 2 is missing") != std::string::npos);
  }
  SECTION("doubled") {
    log.records.insert(log.records.begin(), log.records.front());
    CHECK(log.Read());
  }
  SECTION("moved") {
    std::swap(log.records[1], log.records[2]);
    CHECK(log.Read());
  }
}

TEST_CASE("audit chain: what follows a checkpoint is read from there") {
  ThreeRecords log;
  ports::AuditHead checkpoint;
  checkpoint.number = 2;
  checkpoint.hash = log.records[1].hash;
  ChainReader reader(log.crypto, checkpoint);
  CHECK_FALSE(reader.Take(log.records[2]));
  CHECK(reader.number() == 3);
  CHECK(reader.hash() == log.records[2].hash);
  ChainReader other(log.crypto, checkpoint);
  CHECK(other.Take(log.records[1]));
}

struct Signed {
  Signed() {
    Secret32 seed;
    seed.RevealForWriting()[0] = 7;
    auto made = platform::Ed25519Signer::Create(seed);
    REQUIRE(made);
    signer = std::move(*made);
    head.log = Filled<ports::AuditLogId>(5);
    head.number = 12;
    head.hash[3] = 9;
    head.at = FromUnixSeconds(1'800'000'000) + milliseconds(5);
    head.signature = signer->Sign(HeadToSign(head));
  }
  [[nodiscard]] bool Genuine() { return IsGenuine(verifier, signer->public_key(), head); }
  std::unique_ptr<platform::Ed25519Signer> signer;
  platform::Ed25519Verifier verifier;
  ports::AuditHead head;
};

TEST_CASE("audit head: a change of any field shows, and so does another key") {
  CHECK(Signed().Genuine());
  const std::vector<std::function<void(ports::AuditHead&)>> changes{
      [](auto& h) { h.log = Filled<ports::AuditLogId>(6); }, [](auto& h) { h.number = 11; },
      [](auto& h) { h.hash[31] ^= 1U; }, [](auto& h) { h.at += Duration(1); },
      [](auto& h) { h.signature[0] ^= 1U; }};
  for (const auto& change : changes) {
    Signed one;
    change(one.head);
    CHECK_FALSE(one.Genuine());
  }
  Signed one;
  ports::Signer::PublicKey other = one.signer->public_key();
  other[0] ^= 1U;
  CHECK_FALSE(IsGenuine(one.verifier, other, one.head));
}

TEST_CASE("audit head: as text it comes back whole, and what is no head is none") {
  Signed one;
  const std::string text = FormatHead(one.head);
  const auto read = ParseHead(text);
  REQUIRE(read);
  CHECK(FormatHead(*read) == text);
  CHECK(IsGenuine(one.verifier, one.signer->public_key(), *read));
  for (std::size_t length = 0; length < text.size(); ++length) CHECK_FALSE(ParseHead(text.substr(0, length)));
  CHECK_FALSE(ParseHead(text + "0"));
  CHECK_FALSE(ParseHead(text + "."));
  CHECK_FALSE(ParseHead("...."));
  CHECK_FALSE(ParseHead(" " + text));
}

// RFC 8032 7.1, test 2.
TEST_CASE("ed25519: a signature is the standard's") {
  Secret32 seed;
  REQUIRE(internal::HexDecodeExact("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                                   seed.RevealForWriting()));
  const auto signer = platform::Ed25519Signer::Create(seed);
  REQUIRE(signer);
  CHECK(internal::HexEncode((*signer)->public_key()) ==
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const std::array<std::uint8_t, 1> message{0x72};
  CHECK(internal::HexEncode((*signer)->Sign(message)) ==
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b"
        "2eae"
        "b4302aeeb00d291612bb0c00");
}

TEST_CASE("audit kinds: each has a name of its own, and a number that none has is unknown") {
  for (std::uint8_t kind = 1; kind < static_cast<std::uint8_t>(Kind::kCount); ++kind) {
    for (std::uint8_t other = 0; other < kind; ++other) CHECK(NameOf(kind) != NameOf(other));
  }
  CHECK(NameOf(static_cast<std::uint8_t>(Kind::kCount)) == "unknown");
}

}  // namespace
}  // namespace latchkey::audit
