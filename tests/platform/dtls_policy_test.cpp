#include <array>
#include <functional>
#include <random>
#include <string>

#include "platform/crypto/certificate.h"
#include "platform/crypto/dtls.h"
#include "platform/crypto/dtls_transport.h"
#include "platform/crypto/openssl_ptr.h"
#include "platform/crypto/system_entropy.h"
#include "tests/platform/dtls_link.h"
#include "tests/support/catch.h"

namespace latchkey::platform {
namespace {

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

// A handshake that `forge` disturbs at both ends before and after each flight.
void ConnectThrough(const std::function<void(DtlsSession&)>& forge) {
  const auto a = MakeFactory();
  const auto b = MakeFactory();
  Link link(*a, *b);
  const auto disturb = [&](DtlsSession& session) {
    forge(session);
    REQUIRE(session.state() == DtlsState::kHandshaking);
  };
  link.server->Start(MonotonicNow());
  link.client->Start(MonotonicNow());
  disturb(*link.server);
  disturb(*link.client);
  link.Carry(*link.client, *link.server);
  disturb(*link.server);
  disturb(*link.client);
  link.Carry(*link.server, *link.client);
  disturb(*link.client);
  link.Run();
  CheckConnectedWith(link, SrtpProfile::kAeadAes128Gcm);
}

// Anybody who can write the peer's address on a datagram can make one: it is in the clear and under no key.
TEST_CASE("dtls: a forged alert during the handshake doesn't end it, alone or behind another record") {
  ConnectThrough([](DtlsSession& session) {
    for (const std::uint8_t description : std::array<std::uint8_t, 4>{0, 40, 47, 80}) {
      const ByteVector alert{21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 50, 0, 2, 2, description};
      ByteVector behind{20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 49, 0, 1, 1};
      behind.insert(behind.end(), alert.begin(), alert.end());
      session.HandleDatagram(alert, MonotonicNow());
      session.HandleDatagram(behind, MonotonicNow());
    }
  });
}

ByteVector PlainRecord(std::uint8_t type, const ByteVector& content, std::uint8_t far = 0) {
  const auto size = static_cast<std::uint8_t>(content.size());
  ByteVector record{type, 0xfe, 0xfd, 0, 0, far, far, far, far, far, 40, 0, size};
  record.insert(record.end(), content.begin(), content.end());
  return record;
}

TEST_CASE("dtls: forged records in the clear, of any type, don't end a handshake") {
  const ByteVector record = GENERATE(
      PlainRecord(20, {}), PlainRecord(20, {1, 1}), PlainRecord(20, {2}), PlainRecord(20, {0}),
      // Numbers that would move OpenSSL's replay window past all that is genuine.
      PlainRecord(20, {1}, 0xff), PlainRecord(22, {11, 0, 4, 0, 0, 9, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4}, 0xff),
      PlainRecord(23, {1, 2, 3}), PlainRecord(22, {}), PlainRecord(22, {1, 0, 0}),
      // Longer than any message; a fragment beyond its message; one that the record cuts short.
      PlainRecord(22, {2, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0}),
      PlainRecord(22, {2, 0, 0, 4, 0, 0, 0, 0, 2, 0, 0, 4, 1, 2, 3, 4}),
      PlainRecord(22, {2, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 4, 1, 2}));
  ConnectThrough([&](DtlsSession& session) { session.HandleDatagram(record, MonotonicNow()); });
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

TEST_CASE(
    "dtls: a bare OpenSSL client is taken, but not without extended master secret, SRTP, a certificate or "
    "1.2") {
  const auto hub = MakeFactory();
  BareClient client;
  SECTION("as it should be") {
    CHECK(client.Against(*hub) == DtlsState::kConnected);
  }
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
  REQUIRE(X509_NAME_get_text_by_NID(X509_get_subject_name(a->certificate.get()), NID_commonName, name.data(),
                                    32) == 8);
  CHECK(std::string(name.data()) == "latchkey");
  CHECK(ASN1_INTEGER_cmp(X509_get0_serialNumber(a->certificate.get()),
                         X509_get0_serialNumber(b->certificate.get())) != 0);
  int days = 0;
  int rest = 0;
  REQUIRE(ASN1_TIME_diff(&days, &rest, X509_get0_notBefore(a->certificate.get()),
                         X509_get0_notAfter(a->certificate.get())) == 1);
  CHECK(days == 31);
}

}  // namespace
}  // namespace latchkey::platform
