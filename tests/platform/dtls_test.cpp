#include "platform/crypto/dtls.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <random>
#include <string>

#include "daemon/ports/srtp.h"
#include "platform/crypto/certificate.h"
#include "platform/crypto/dtls_transport.h"
#include "platform/crypto/openssl_ptr.h"
#include "platform/crypto/srtp.h"
#include "platform/crypto/system_entropy.h"
#include "platform/loop/clock.h"
#include "tests/support/catch.h"

namespace latchkey::platform {
namespace {

using ports::DtlsRole;
using ports::DtlsSession;
using ports::DtlsState;
using ports::SrtpProfile;

std::unique_ptr<OpenSslDtlsFactory> MakeFactory() {
  SystemEntropy entropy;
  auto factory = OpenSslDtlsFactory::Create(entropy);
  REQUIRE(factory);
  return std::move(*factory);
}

std::unique_ptr<DtlsSession> MakeSession(OpenSslDtlsFactory& factory, DtlsRole role, const ports::Fingerprint& peer) {
  auto session = factory.Make(role, peer);
  REQUIRE(session);
  return std::move(*session);
}

// OpenSSL's retransmission timer reads the wall clock itself, so these tests wait for real.
void WaitUntil(Instant when) {
  const auto left = ToMilliseconds(when - MonotonicNow()) + 1;
  if (left > 0) (void)::poll(nullptr, 0, static_cast<int>(std::min<std::int64_t>(left, 1000)));
}

// Two sessions with a link between them that loses, repeats and swaps datagrams, by its seed.
struct Link {
  Link(OpenSslDtlsFactory& server_factory, OpenSslDtlsFactory& client_factory)
      : server(MakeSession(server_factory, DtlsRole::kServer, client_factory.LocalFingerprint())),
        client(MakeSession(client_factory, DtlsRole::kClient, server_factory.LocalFingerprint())) {}

  void Carry(DtlsSession& from, DtlsSession& to) {
    std::deque<ByteVector> flight;
    while (auto datagram = from.PollDatagram()) {
      largest = std::max(largest, datagram->size());
      if (random() % 100 < loss_percent) continue;
      flight.push_back(*datagram);
      if (random() % 100 < loss_percent) flight.push_back(*datagram);
    }
    if (loss_percent != 0) std::shuffle(flight.begin(), flight.end(), random);
    for (const auto& datagram : flight) to.HandleDatagram(datagram, MonotonicNow());
  }

  bool Settled() const {
    return server->state() != DtlsState::kHandshaking && client->state() != DtlsState::kHandshaking;
  }

  // Until both have connected or failed, or `limit` has passed.
  void Run(Duration limit = seconds{20}) {
    const Instant deadline = MonotonicNow() + limit;
    server->Start(MonotonicNow());
    client->Start(MonotonicNow());
    for (int round = 0; !Settled() && MonotonicNow() < deadline; ++round) {
      Carry(*client, *server);
      Carry(*server, *client);
      if (Settled() || round % 8 != 7) continue;
      Instant next = deadline;
      for (const auto& timeout : {server->NextTimeout(), client->NextTimeout()}) {
        if (timeout) next = std::min(next, *timeout);
      }
      WaitUntil(next);
      server->HandleTimeout(MonotonicNow());
      client->HandleTimeout(MonotonicNow());
    }
    Carry(*server, *client);
    Carry(*client, *server);
  }

  std::unique_ptr<DtlsSession> server;
  std::unique_ptr<DtlsSession> client;
  std::mt19937 random{1};
  unsigned loss_percent = 0;
  std::size_t largest = 0;
};

bool SameKey(const ports::SrtpKey& a, const ports::SrtpKey& b) {
  return a.profile == b.profile && ConstantTimeEqual(a.key_and_salt.Reveal(), b.key_and_salt.Reveal());
}

void CheckConnectedWith(Link& link, SrtpProfile profile) {
  REQUIRE(link.server->state() == DtlsState::kConnected);
  REQUIRE(link.client->state() == DtlsState::kConnected);
  auto server_keys = link.server->ExportKeys();
  auto client_keys = link.client->ExportKeys();
  REQUIRE(server_keys);
  REQUIRE(client_keys);
  CHECK(server_keys->inbound.profile == profile);
  CHECK(SameKey(server_keys->inbound, client_keys->outbound));
  CHECK(SameKey(server_keys->outbound, client_keys->inbound));
  CHECK_FALSE(SameKey(server_keys->inbound, server_keys->outbound));
  CHECK_FALSE(link.server->ExportKeys());
  CHECK_FALSE(link.server->NextTimeout());
}

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
    for (int i = 0; i < 50 && link.client->state() == DtlsState::kHandshaking; ++i) link.Run(milliseconds{200});
    CheckConnectedWith(link, SrtpProfile::kAeadAes128Gcm);
  }
}

TEST_CASE("dtls: a certificate with another fingerprint is refused by the server and by the client") {
  const auto a = MakeFactory();
  const auto b = MakeFactory();
  const auto other = MakeFactory();
  SECTION("server") {
    Link link(*a, *b);
    link.server = MakeSession(*a, DtlsRole::kServer, other->LocalFingerprint());
    link.Run();
    CHECK(link.server->state() == DtlsState::kFailed);
    CHECK(link.client->state() != DtlsState::kConnected);
    CHECK_FALSE(link.server->ExportKeys());
  }
  SECTION("client") {
    Link link(*a, *b);
    link.client = MakeSession(*b, DtlsRole::kClient, other->LocalFingerprint());
    link.Run();
    CHECK(link.client->state() == DtlsState::kFailed);
    CHECK(link.server->state() != DtlsState::kConnected);
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
    w.Bytes(ByteView(hello).first(10));           // type, version, epoch, most of the sequence number
    // A record number that the client itself won't use soon: a second record with one is a replay.
    w.U8(static_cast<std::uint8_t>(i * 40));
    w.U16(static_cast<std::uint16_t>(12 + size));
    w.Bytes(ByteView(hello).subspan(13, 6));      // message type, length, message sequence
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

TEST_CASE("dtls: after the handshake no garbage, forged alert or new ClientHello ends the session") {
  const auto a = MakeFactory();
  const auto b = MakeFactory();
  Link link(*a, *b);
  link.client->Start(MonotonicNow());
  const auto hello = link.client->PollDatagram();
  REQUIRE(hello);
  link.server->HandleDatagram(*hello, MonotonicNow());
  link.Run();
  REQUIRE(link.server->state() == DtlsState::kConnected);
  std::mt19937 random(7);
  std::size_t answered = 0;
  const auto feed = [&](const ByteVector& datagram) {
    for (DtlsSession* session : {link.server.get(), link.client.get()}) {
      session->HandleDatagram(datagram, MonotonicNow());
      while (session->PollDatagram()) ++answered;
      CHECK(session->state() == DtlsState::kConnected);
    }
  };
  for (std::uint8_t type = 20; type <= 24; ++type) {
    for (std::uint8_t epoch = 0; epoch <= 2; ++epoch) {
      ByteVector alert{type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 99, 0, 2, 2, 40};
      feed(alert);
      alert[14] = 0;  // close_notify
      feed(alert);
    }
  }
  for (int i = 0; i < 3000; ++i) {
    ByteVector junk(random() % 300);
    for (auto& byte : junk) byte = static_cast<std::uint8_t>(random());
    if (junk.size() > 4 && i % 2 == 0) {
      junk[0] = static_cast<std::uint8_t>(20 + random() % 4);
      junk[1] = 0xfe;
      junk[2] = 0xfd;
      junk[3] = 0;
      junk[4] = 1;
    }
    feed(junk);
  }
  feed(*hello);
  feed({});
  CHECK(answered == 0);
  CheckConnectedWith(link, SrtpProfile::kAeadAes128Gcm);
}

TEST_CASE("dtls: garbage during the handshake doesn't end it") {
  const auto a = MakeFactory();
  const auto b = MakeFactory();
  Link link(*a, *b);
  std::mt19937 random(9);
  for (DtlsSession* session : {link.server.get(), link.client.get()}) {
    session->Start(MonotonicNow());
    for (int i = 0; i < 1000; ++i) {
      ByteVector junk(random() % 200);
      for (auto& byte : junk) byte = static_cast<std::uint8_t>(random());
      session->HandleDatagram(junk, MonotonicNow());
    }
    CHECK(session->state() == DtlsState::kHandshaking);
  }
  link.Run();
  CheckConnectedWith(link, SrtpProfile::kAeadAes128Gcm);
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

TEST_CASE("dtls: a flight without an answer is sent again after 100 ms, then later, and given up after 30 s") {
  const auto a = MakeFactory();
  auto client = MakeSession(*a, DtlsRole::kClient, a->LocalFingerprint());
  const Instant begin = MonotonicNow();
  client->Start(begin);
  REQUIRE(client->PollDatagram());
  const auto first = client->NextTimeout();
  REQUIRE(first);
  CHECK(*first - begin <= milliseconds{101});
  CHECK(*first - begin > milliseconds{80});
  WaitUntil(*first);
  client->HandleTimeout(MonotonicNow());
  CHECK(client->PollDatagram());
  REQUIRE(client->NextTimeout());
  CHECK(*client->NextTimeout() - MonotonicNow() > milliseconds{150});
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

// A client made of bare OpenSSL, to be what ours never is.
struct BareClient {
  BareClient() {
    SystemEntropy entropy;
    identity = std::move(*MakeIdentity(entropy));
    context.reset(SSL_CTX_new(DTLS_client_method()));
    REQUIRE(SSL_CTX_set_tlsext_use_srtp(context.get(), "SRTP_AEAD_AES_128_GCM") == 0);
    UseCertificate();
  }
  void UseCertificate() {
    REQUIRE(SSL_CTX_use_certificate(context.get(), identity.certificate.get()) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey(context.get(), identity.key.get()) == 1);
  }
  // What state a server session of `factory`, which expects this client's certificate, ends in.
  DtlsState Against(OpenSslDtlsFactory& factory) {
    auto server = MakeSession(factory, DtlsRole::kServer, FingerprintOf(identity.certificate.get()));
    SslPtr ssl(SSL_new(context.get()));
    BIO* bio = transport.MakeBio(method.get());
    SSL_set_bio(ssl.get(), bio, bio);
    SSL_set_connect_state(ssl.get());
    (void)SSL_set_mtu(ssl.get(), 1200);
    for (int i = 0; i < 10; ++i) {
      (void)SSL_do_handshake(ssl.get());
      while (auto datagram = transport.Poll()) server->HandleDatagram(*datagram, MonotonicNow());
      while (auto datagram = server->PollDatagram()) {
        transport.SetInput(*datagram);
        (void)SSL_do_handshake(ssl.get());
        transport.ClearInput();
      }
    }
    while (auto datagram = transport.Poll()) server->HandleDatagram(*datagram, MonotonicNow());
    return server->state();
  }
  Identity identity;
  SslContextPtr context;
  BioMethodPtr method = DtlsTransport::MakeMethod();
  DtlsTransport transport;
};

TEST_CASE("dtls: a bare OpenSSL client is taken, but not without extended master secret, SRTP, a certificate or 1.2") {
  const auto hub = MakeFactory();
  BareClient client;
  SECTION("as it should be") { CHECK(client.Against(*hub) == DtlsState::kConnected); }
  SECTION("without extended master secret") {
    (void)SSL_CTX_set_options(client.context.get(), SSL_OP_NO_EXTENDED_MASTER_SECRET);
    CHECK(client.Against(*hub) == DtlsState::kFailed);
  }
  SECTION("without use_srtp") {
    client.context.reset(SSL_CTX_new(DTLS_client_method()));
    client.UseCertificate();
    CHECK(client.Against(*hub) == DtlsState::kFailed);
  }
  SECTION("without a certificate") {
    client.context.reset(SSL_CTX_new(DTLS_client_method()));
    REQUIRE(SSL_CTX_set_tlsext_use_srtp(client.context.get(), "SRTP_AEAD_AES_128_GCM") == 0);
    CHECK(client.Against(*hub) == DtlsState::kFailed);
  }
  SECTION("DTLS 1.0") {
    SSL_CTX_set_security_level(client.context.get(), 0);
    (void)SSL_CTX_set_min_proto_version(client.context.get(), DTLS1_VERSION);
    (void)SSL_CTX_set_max_proto_version(client.context.get(), DTLS1_VERSION);
    CHECK(client.Against(*hub) != DtlsState::kConnected);
  }
  SECTION("a cipher without forward secrecy") {
    REQUIRE(SSL_CTX_set_cipher_list(client.context.get(), "ECDHE-ECDSA-AES128-SHA256") == 1);
    CHECK(client.Against(*hub) == DtlsState::kFailed);
  }
}

TEST_CASE("dtls: the certificate is P-256, self-signed, named latchkey and new each time") {
  SystemEntropy entropy;
  const auto a = MakeIdentity(entropy);
  const auto b = MakeIdentity(entropy);
  REQUIRE(a);
  REQUIRE(b);
  CHECK(FingerprintOf(a->certificate.get()) != FingerprintOf(b->certificate.get()));
  CHECK(EVP_PKEY_get_bits(a->key.get()) == 256);
  CHECK(X509_verify(a->certificate.get(), a->key.get()) == 1);
  std::array<char, 32> name{};
  REQUIRE(X509_NAME_get_text_by_NID(X509_get_subject_name(a->certificate.get()), NID_commonName, name.data(), 32) == 8);
  CHECK(std::string(name.data()) == "latchkey");
  CHECK(ASN1_INTEGER_cmp(X509_get0_serialNumber(a->certificate.get()), X509_get0_serialNumber(b->certificate.get())) != 0);
  int days = 0;
  int rest = 0;
  REQUIRE(ASN1_TIME_diff(&days, &rest, X509_get0_notBefore(a->certificate.get()), X509_get0_notAfter(a->certificate.get())) == 1);
  CHECK(days == 31);
}

}  // namespace
}  // namespace latchkey::platform
