#include "platform/crypto/dtls.h"

#include <openssl/pem.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/base/ids.h"
#include "platform/crypto/certificate.h"
#include "platform/crypto/srtp.h"
#include "tests/platform/dtls_link.h"
#include "tests/support/catch.h"

namespace latchkey::platform {
namespace {

// A place for a key, empty.
struct KeptKey {
  KeptKey() {
    std::string pattern = (std::filesystem::temp_directory_path() / "latchkey-key-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder = pattern;
    path = folder + "/camera.key";
  }
  ~KeptKey() { std::filesystem::remove_all(folder); }
  KeptKey(const KeptKey&) = delete;
  KeptKey& operator=(const KeptKey&) = delete;
  std::string folder;
  std::string path;
};

TEST_CASE("dtls: both roles connect over a clean link, prefer AEAD_AES_128_GCM and export keys crosswise") {
  const auto a = MakeFactory();
  const auto b = MakeFactory();
  CHECK(a->LocalFingerprint() != b->LocalFingerprint());
  Link link(*a, *b);
  CHECK_FALSE(link.server->ExportKeys());
  link.Run();
  CheckConnectedWith(link, SrtpProfile::kAeadAes128Gcm);
  CHECK(link.largest <= kDtlsMtu);
}

TEST_CASE("dtls: with the keys comes whose public key the peer's certificate has") {
  const auto hub = MakeFactory();
  const auto peer = MakeFactory();
  const auto seen = [&hub](OpenSslDtlsFactory& other) {
    Link link(*hub, other);
    link.Run();
    auto keys = link.server->ExportKeys();
    REQUIRE(keys);
    return keys->peer;
  };
  CHECK(seen(*peer) == seen(*peer));
  CHECK(seen(*peer) != seen(*MakeFactory()));
  CHECK(seen(*peer) != peer->LocalFingerprint());
}

// By: openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | sha256sum
TEST_CASE("dtls: a public key is told by the digest of its SubjectPublicKeyInfo") {
  constexpr std::string_view kPem =
      "-----BEGIN CERTIFICATE-----\n"
      "MIIBeDCCAR+gAwIBAgIUcrwWiISIMGfYt3ZctUHp6rOhoNwwCgYIKoZIzj0EAwIw\n"
      "ETEPMA0GA1UEAwwGY2FtZXJhMCAXDTI2MTEyNjE3MDQzMFoYDzIxMjYxMTAyMTcw\n"
      "NDMwWjARMQ8wDQYDVQQDDAZjYW1lcmEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n"
      "AAS/KgnmwMZkTKxqfOk641WjDyws4epuHkeQdmsrUD/9b5jtOqPndvHNwYgZpuXi\n"
      "+iavgGHmz937ThS+C2+k2REco1MwUTAdBgNVHQ4EFgQU8xBe20+oVHrQl73oEZJw\n"
      "5NNUXnIwHwYDVR0jBBgwFoAU8xBe20+oVHrQl73oEZJw5NNUXnIwDwYDVR0TAQH/\n"
      "BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiBuwCIMflAWHgaPxWVuG2d+s7UQLa5V\n"
      "0wC9l2D0zgCXLgIgHDf5sqLrmw2+maG2hatixjzpPJIWeOW/8sMA/XQPe9M=\n"
      "-----END CERTIFICATE-----\n";
  using Bio = std::unique_ptr<BIO, decltype([](BIO* bio) { BIO_free(bio); })>;
  const Bio bio(BIO_new_mem_buf(kPem.data(), static_cast<int>(kPem.size())));
  const CertificatePtr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  REQUIRE(certificate);
  const auto key = PublicKeyOf(certificate.get());
  REQUIRE(key);
  CHECK(internal::HexEncode(*key) == "df27356fe835bc273894a74447277a9605279900d287de94230f6210ad04e890");
}

TEST_CASE("dtls: a kept key gives another certificate with the same public key each time") {
  const KeptKey kept;
  SystemEntropy entropy;
  const auto seen = [](OpenSslDtlsFactory& peer) {
    const auto hub = MakeFactory();
    Link link(*hub, peer);
    link.Run();
    auto keys = link.server->ExportKeys();
    REQUIRE(keys);
    return keys->peer;
  };
  const auto first = OpenSslDtlsFactory::CreateKept(kept.path, entropy);
  const auto second = OpenSslDtlsFactory::CreateKept(kept.path, entropy);
  REQUIRE((first && second));
  CHECK((*first)->LocalFingerprint() != (*second)->LocalFingerprint());
  CHECK(seen(**first) == seen(**second));
  CHECK((std::filesystem::status(kept.path).permissions() & std::filesystem::perms::all) ==
        std::filesystem::perms{0600});
}

TEST_CASE("dtls: a kept key that others may read, or that is none, is refused and left as it is") {
  const KeptKey kept;
  SystemEntropy entropy;
  SECTION("readable") {
    REQUIRE(OpenSslDtlsFactory::CreateKept(kept.path, entropy));
    std::filesystem::permissions(kept.path, std::filesystem::perms{0644});
    CHECK(OpenSslDtlsFactory::CreateKept(kept.path, entropy).error().code == ErrorCode::kDenied);
  }
  SECTION("text") {
    std::ofstream(kept.path) << "hello";
    std::filesystem::permissions(kept.path, std::filesystem::perms{0600});
    CHECK(OpenSslDtlsFactory::CreateKept(kept.path, entropy).error().code == ErrorCode::kCorrupt);
    CHECK(std::filesystem::file_size(kept.path) == 5);
  }
  SECTION("no folder") {
    CHECK(OpenSslDtlsFactory::CreateKept(kept.path + "/none/key", entropy).error().code ==
          ErrorCode::kSystem);
  }
}

TEST_CASE("dtls: each profile of the closed list can be agreed on alone, and its keys carry SRTP") {
  for (const SrtpProfile profile :
       {SrtpProfile::kAeadAes128Gcm, SrtpProfile::kAeadAes256Gcm, SrtpProfile::kAes128CmHmacSha1_80}) {
    INFO("profile " << static_cast<int>(profile));
    const auto hub = MakeFactory();
    const auto peer = MakeFactory();
    peer->RestrictProfile(profile);
    Link link(*hub, *peer);
    link.Run();
    REQUIRE(link.server->state() == DtlsState::kConnected);
    auto hub_keys = link.server->ExportKeys();
    auto peer_keys = link.client->ExportKeys();
    REQUIRE(hub_keys->outbound.profile == profile);
    LibSrtpFactory srtp;
    const auto sender = std::move(*srtp.MakeSender(hub_keys->outbound));
    const auto receiver = std::move(*srtp.MakeReceiver(peer_keys->inbound));
    ByteVector packet(100, 0);
    packet[0] = 0x80;
    packet.resize(100 + ports::kSrtpMaxOverhead);
    packet.resize(sender->ProtectRtp(packet, 100));
    CHECK(receiver->UnprotectRtp(packet).reason == DropReason::kNone);
  }
}

TEST_CASE("dtls: the hub's preference decides, not the peer's order") {
  const auto hub = MakeFactory();
  const auto peer = MakeFactory();
  hub->RestrictProfile(SrtpProfile::kAes128CmHmacSha1_80);
  Link link(*hub, *peer);
  link.Run();
  CheckConnectedWith(link, SrtpProfile::kAes128CmHmacSha1_80);
}

TEST_CASE("dtls: no common SRTP profile is no connection") {
  const auto hub = MakeFactory();
  const auto peer = MakeFactory();
  hub->RestrictProfile(SrtpProfile::kAeadAes256Gcm);
  peer->RestrictProfile(SrtpProfile::kAes128CmHmacSha1_80);
  Link link(*hub, *peer);
  link.Run(milliseconds{500});
  CHECK(link.server->state() != DtlsState::kConnected);
  CHECK(link.client->state() != DtlsState::kConnected);
}

TEST_CASE("dtls: a link that loses, repeats and reorders a quarter of all datagrams connects all the same") {
  for (const unsigned seed : {11U, 12U, 13U}) {
    INFO("seed " << seed);
    const auto a = MakeFactory();
    const auto b = MakeFactory();
    Link link(*a, *b);
    link.random.seed(seed);
    link.loss_percent = 25;
    link.Run();
    link.loss_percent = 0;
    // The server may have connected while its last flight is still being repeated.
    for (int i = 0; i < 50 && link.client->state() == DtlsState::kHandshaking; ++i)
      link.Run(milliseconds{200});
    CheckConnectedWith(link, SrtpProfile::kAeadAes128Gcm);
  }
}

// The handshake message of a one-record ClientHello, cut in two records of two datagrams (RFC 6347 4.2.3).
std::array<ByteVector, 2> Fragment(const ByteVector& hello, std::size_t first_size) {
  const std::size_t length = hello.size() - 25;
  std::array<ByteVector, 2> parts;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::size_t offset = i == 0 ? 0 : first_size;
    const std::size_t size = i == 0 ? first_size : length - first_size;
    parts[i].resize(25 + size);
    ByteWriter w(parts[i]);
    w.Bytes(ByteView(hello).first(10));  // type, version, epoch, most of the sequence number
    // A record number that the client itself won't use soon: a second record with one is a replay.
    w.U8(static_cast<std::uint8_t>(i * 40));
    w.U16(static_cast<std::uint16_t>(12 + size));
    w.Bytes(ByteView(hello).subspan(13, 6));  // message type, length, message sequence
    w.U24(static_cast<std::uint32_t>(offset));
    w.U24(static_cast<std::uint32_t>(size));
    w.Bytes(ByteView(hello).subspan(25 + offset, size));
    REQUIRE(w.ok());
  }
  return parts;
}

TEST_CASE("dtls: a ClientHello in two datagrams, in either order, is answered at once") {
  for (const bool swapped : {false, true}) {
    INFO("swapped " << swapped);
    const auto a = MakeFactory();
    const auto b = MakeFactory();
    Link link(*a, *b);
    const Instant now = MonotonicNow();
    link.server->Start(now);
    link.client->Start(now);
    const auto hello = link.client->PollDatagram();
    REQUIRE(hello);
    REQUIRE_FALSE(link.client->PollDatagram());
    REQUIRE(hello->size() > 100);
    auto parts = Fragment(*hello, 60);
    if (swapped) std::swap(parts[0], parts[1]);
    link.server->HandleDatagram(parts[0], now);
    CHECK_FALSE(link.server->PollDatagram());
    link.server->HandleDatagram(parts[1], now);
    link.Carry(*link.server, *link.client);
    CHECK(link.largest > 0);
    link.Run(milliseconds{90});  // less than a retransmission takes
    CheckConnectedWith(link, SrtpProfile::kAeadAes128Gcm);
  }
}

TEST_CASE("dtls: the peer's close_notify closes, in both directions") {
  for (const bool server_closes : {true, false}) {
    const auto a = MakeFactory();
    const auto b = MakeFactory();
    Link link(*a, *b);
    link.Run();
    DtlsSession& closer = server_closes ? *link.server : *link.client;
    DtlsSession& other = server_closes ? *link.client : *link.server;
    REQUIRE(other.state() == DtlsState::kConnected);
    closer.Close();
    CHECK(closer.state() == DtlsState::kClosed);
    link.Carry(closer, other);
    CHECK(other.state() == DtlsState::kClosed);
  }
}

TEST_CASE("dtls: a lost last flight is repeated when the client asks again") {
  const auto a = MakeFactory();
  const auto b = MakeFactory();
  Link link(*a, *b);
  link.server->Start(MonotonicNow());
  link.client->Start(MonotonicNow());
  for (int i = 0; i < 10 && link.server->state() == DtlsState::kHandshaking; ++i) {
    link.Carry(*link.client, *link.server);
    if (link.server->state() != DtlsState::kConnected) link.Carry(*link.server, *link.client);
  }
  REQUIRE(link.server->state() == DtlsState::kConnected);
  while (link.server->PollDatagram()) {
  }  // lost
  REQUIRE(link.client->state() == DtlsState::kHandshaking);
  link.Run(seconds{5});
  CheckConnectedWith(link, SrtpProfile::kAeadAes128Gcm);
}

TEST_CASE(
    "dtls: a flight without an answer is sent again after 100 ms, then later, and given up after 30 s") {
  const auto a = MakeFactory();
  auto client = MakeSession(*a, DtlsRole::kClient, a->LocalFingerprint());
  const Instant begin = MonotonicNow();
  client->Start(begin);
  REQUIRE(client->PollDatagram());
  const auto first = client->NextTimeout();
  REQUIRE(first);
  CHECK(*first - begin <= kDtlsFirstRetransmit + milliseconds{1});
  WaitUntil(*first);
  const Instant again = MonotonicNow();
  client->HandleTimeout(again);
  CHECK(client->PollDatagram());
  REQUIRE(client->NextTimeout());
  // How much of it has passed when OpenSSL is asked is the machine's matter.
  CHECK(*client->NextTimeout() - again <= 2 * kDtlsFirstRetransmit + milliseconds{1});
  client->HandleTimeout(begin + kDtlsHandshakeLimit - milliseconds{1});
  CHECK(client->state() == DtlsState::kHandshaking);
  client->HandleTimeout(begin + kDtlsHandshakeLimit);
  CHECK(client->state() == DtlsState::kFailed);
  CHECK_FALSE(client->NextTimeout());
}

TEST_CASE("dtls: a server that nobody calls fails at its limit and sends nothing") {
  const auto a = MakeFactory();
  auto server = MakeSession(*a, DtlsRole::kServer, a->LocalFingerprint());
  const Instant begin = MonotonicNow();
  server->Start(begin);
  REQUIRE(server->NextTimeout());
  CHECK(*server->NextTimeout() == begin + kDtlsHandshakeLimit);
  CHECK_FALSE(server->PollDatagram());
  server->HandleTimeout(begin + kDtlsHandshakeLimit);
  CHECK(server->state() == DtlsState::kFailed);
}

}  // namespace
}  // namespace latchkey::platform
