#include "platform/crypto/dtls_session.h"

#include <openssl/err.h>
#include <openssl/srtp.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "daemon/base/check.h"
#include "daemon/base/datagram.h"
#include "platform/crypto/certificate.h"

namespace latchkey::platform {
namespace {

using ports::DtlsState;
using ports::SrtpProfile;

constexpr std::size_t kRecordHeader = 13;
// Records that one datagram can bring after the handshake; more are left unread.
constexpr int kMaxReads = 16;
// RFC 5764 4.2.
constexpr std::string_view kExporterLabel = "EXTRACTOR-dtls_srtp";

//   0      1         3        5                11      13
//   +------+---------+--------+----------------+-------+----------
//   | type | version | epoch  | sequence number| length| fragment     RFC 6347 4.1
//   +------+---------+--------+----------------+-------+----------
// Types 20 to 23, version 254.x: anything else never reaches OpenSSL.
bool LooksLikeDtls(ByteView datagram) {
  return datagram.size() >= kRecordHeader && datagram[0] >= 20 && datagram[0] <= 23 && datagram[1] == 0xfe;
}

constexpr std::uint8_t kCipherRecord = 20;
constexpr std::uint8_t kAlertRecord = 21;
constexpr std::uint8_t kHandshakeRecord = 22;
constexpr std::uint8_t kDataRecord = 23;
//   0      1        4             6               9                 12
//   +------+--------+-------------+---------------+-----------------+---------
//   | type | length | message_seq | fragment_offset fragment_length | fragment    RFC 6347 4.2.2
//   +------+--------+-------------+---------------+-----------------+---------
constexpr std::size_t kHandshakeHeader = 12;
// Records in the clear that a peer sends in one handshake, repetitions included, are far fewer. Below the
// size of OpenSSL's replay window (64), so that no forged number moves that past a genuine one.
constexpr std::uint64_t kMaxPlainSequence = 63;
// No message of a handshake with one self-signed certificate is as long.
constexpr std::size_t kMaxHandshake = 16 * 1024;
// Least tag of the ciphers that we agree on.
constexpr std::size_t kRecordTag = 16;

// Fragments of messages, each within its message.
bool AreFragments(ByteView content) {
  ByteReader reader(content);
  while (reader.ok() && reader.remaining() > 0) {
    reader.Skip(1);
    const std::size_t length = reader.U24();
    reader.Skip(2);
    const std::size_t offset = reader.U24();
    const std::size_t here = reader.U24();
    if (length > kMaxHandshake || offset + here > length) return false;
    reader.Skip(here);
  }
  return reader.ok() && content.size() >= kHandshakeHeader;
}

// What no peer sends in the clear: OpenSSL ends the handshake over each of these. An alert may be genuine;
// one that is lost here costs its sender the wait for our limit.
bool IsPlainForgery(std::uint8_t type, ByteView content) {
  if (type == kAlertRecord || type == kDataRecord) return true;
  if (type == kCipherRecord) return content.size() != 1 || content[0] != 1;
  return type == kHandshakeRecord && !AreFragments(content);
}

// Whoever can write the peer's address on a datagram can forge what OpenSSL would act on: during the
// handshake records in the clear, and after it a record under keys that is too short for a tag
// (OpenSSL 3.0.19 answers with a genuine alert, which ends the peer's side). A number far ahead would move
// its replay window past all that the peer sends. A well-formed message with a wrong content still ends a
// handshake: the peer begins another.
bool HoldsForgery(ByteView datagram, bool handshaking) {
  while (datagram.size() >= kRecordHeader) {
    const bool plain = datagram[3] == 0 && datagram[4] == 0;
    const std::size_t length = (std::size_t{datagram[11]} << 8U) | datagram[12];
    if (kRecordHeader + length > datagram.size()) return true;  // cut short: no peer sends it
    const ByteView content = datagram.subspan(kRecordHeader, length);
    ByteReader number(datagram.subspan(5, 6));
    const std::uint64_t high = number.U16();
    const std::uint64_t sequence = (high << 32U) | number.U32();
    const bool forged = handshaking
                            ? plain && (sequence > kMaxPlainSequence || IsPlainForgery(datagram[0], content))
                            : !plain && length <= kRecordTag;
    if (forged) return true;
    datagram = datagram.subspan(kRecordHeader + length);
  }
  return false;
}

// OpenSSL asks for the first wait with 0 and then with the wait that has passed, in microseconds.
unsigned NextWait(SSL* /*ssl*/, unsigned passed_us) {
  constexpr auto kFirst = static_cast<unsigned>(ToMicroseconds(kDtlsFirstRetransmit));
  constexpr auto kLongest = static_cast<unsigned>(ToMicroseconds(kDtlsLongestRetransmit));
  return passed_us == 0 ? kFirst : std::min(passed_us * 2, kLongest);
}

std::optional<SrtpProfile> SelectedProfile(SSL* ssl) {
  const SRTP_PROTECTION_PROFILE* selected = SSL_get_selected_srtp_profile(ssl);
  if (selected == nullptr) return std::nullopt;
  for (const SrtpProfile profile :
       {SrtpProfile::kAeadAes128Gcm, SrtpProfile::kAeadAes256Gcm, SrtpProfile::kAes128CmHmacSha1_80}) {
    if (selected->id == static_cast<unsigned long>(profile)) return profile;
  }
  return std::nullopt;
}

ports::SrtpKey MakeKey(SrtpProfile profile, ByteView key, ByteView salt) {
  ports::SrtpKey out;
  out.profile = profile;
  const auto bytes = out.key_and_salt.RevealForWriting();
  std::copy(key.begin(), key.end(), bytes.begin());
  std::copy(salt.begin(), salt.end(), bytes.begin() + static_cast<std::ptrdiff_t>(key.size()));
  return out;
}

}  // namespace

OpenSslDtlsSession::OpenSslDtlsSession(SslPtr ssl, const BIO_METHOD* method, ports::DtlsRole role,
                                       const ports::Fingerprint& expected_peer)
    : ssl_(std::move(ssl)), role_(role), expected_peer_(expected_peer) {
  BIO* bio = transport_.MakeBio(method);
  SSL_set_bio(ssl_.get(), bio, bio);  // takes the one reference for both
  SSL_set_app_data(ssl_.get(), this);
  LATCHKEY_CHECK(SSL_set_mtu(ssl_.get(), static_cast<long>(kDtlsMtu)) > 0);
  DTLS_set_timer_cb(ssl_.get(), &NextWait);
  if (role == ports::DtlsRole::kServer) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
  }
}

int OpenSslDtlsSession::VerifyPeer(X509_STORE_CTX* store, void* /*unused*/) {
  const auto* ssl =
      static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto* self = static_cast<const OpenSslDtlsSession*>(SSL_get_app_data(ssl));
  const X509* certificate = X509_STORE_CTX_get0_cert(store);
  if (certificate != nullptr && FingerprintOf(certificate) == self->expected_peer_) return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
  return 0;
}

void OpenSslDtlsSession::NoteTime(Instant now) {
  if (!deadline_ && state_ == DtlsState::kHandshaking) deadline_ = now + kDtlsHandshakeLimit;
}

void OpenSslDtlsSession::Start(Instant now) {
  if (state_ != DtlsState::kHandshaking) return;
  NoteTime(now);
  if (role_ == ports::DtlsRole::kClient) Handshake();
  UpdateTimeout(now);
}

void OpenSslDtlsSession::HandleDatagram(ByteView datagram, Instant now) {
  if (!LooksLikeDtls(datagram)) return;
  if (state_ != DtlsState::kHandshaking && state_ != DtlsState::kConnected) return;
  if (HoldsForgery(datagram, state_ == DtlsState::kHandshaking)) return;
  NoteTime(now);
  transport_.SetInput(datagram);
  if (state_ == DtlsState::kHandshaking) Handshake();
  if (state_ == DtlsState::kConnected) ReadAndForget();
  transport_.ClearInput();
  UpdateTimeout(now);
}

void OpenSslDtlsSession::HandleTimeout(Instant now) {
  if (state_ != DtlsState::kHandshaking) return;
  if (deadline_ && now >= *deadline_) {
    state_ = DtlsState::kFailed;
    return;
  }
  if (!retransmit_ || now < *retransmit_) return;
  ERR_clear_error();
  // Asks its own clock again: a wait that isn't over there is only measured anew below.
  if (DTLSv1_handle_timeout(ssl_.get()) < 0) state_ = DtlsState::kFailed;
  UpdateTimeout(now);
}

std::optional<Instant> OpenSslDtlsSession::NextTimeout() const {
  if (state_ != DtlsState::kHandshaking) return std::nullopt;
  if (!retransmit_ || !deadline_) return deadline_;
  return std::min(*retransmit_, *deadline_);
}

void OpenSslDtlsSession::UpdateTimeout(Instant now) {
  retransmit_.reset();
  if (state_ != DtlsState::kHandshaking) return;
  timeval left{};
  if (DTLSv1_get_timeout(ssl_.get(), &left) == 1) {
    retransmit_ = now + seconds{left.tv_sec} + microseconds{left.tv_usec};
  }
}

void OpenSslDtlsSession::Handshake() {
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl_.get());
  if (done == 1) {
    state_ = PeerIsAcceptable() ? DtlsState::kConnected : DtlsState::kFailed;
    return;
  }
  const int error = SSL_get_error(ssl_.get(), done);
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) state_ = DtlsState::kFailed;
}

// The certificate was judged during the handshake; that it was is asked for once more, with the rest.
bool OpenSslDtlsSession::PeerIsAcceptable() const {
  const CertificatePtr peer(SSL_get1_peer_certificate(ssl_.get()));
  return peer && FingerprintOf(peer.get()) == expected_peer_ && SSL_get_extms_support(ssl_.get()) == 1 &&
         SelectedProfile(ssl_.get()).has_value();
}

// Answers a repeated last flight, notices close_notify, and lets everything else pass: whatever OpenSSL
// thinks of a record now, the SRTP keys are out and media goes on. Nor does it tell the peer.
void OpenSslDtlsSession::ReadAndForget() {
  std::array<std::uint8_t, kMaxDatagram> scratch{};
  ERR_clear_error();
  for (int i = 0; i < kMaxReads; ++i) {
    if (SSL_read(ssl_.get(), scratch.data(), static_cast<int>(scratch.size())) <= 0) break;
  }
  ERR_clear_error();
  transport_.DropOutput(kAlertRecord);
  if ((SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0) state_ = DtlsState::kClosed;
}

//   client key | server key | client salt | server salt       RFC 5764 4.2
Result<ports::DtlsSrtpKeys> OpenSslDtlsSession::ExportKeys() {
  if (state_ != DtlsState::kConnected || exported_) {
    return Fail(ErrorCode::kInvalid, "dtls: keys are exported once, from a connected session");
  }
  const auto profile = SelectedProfile(ssl_.get());
  LATCHKEY_CHECK(profile.has_value());
  const std::size_t key = ports::SrtpKeyLength(*profile);
  const std::size_t salt = ports::SrtpSaltLength(*profile);
  Secret<2 * 48> material;
  const auto bytes = material.RevealForWriting();
  if (SSL_export_keying_material(ssl_.get(), bytes.data(), 2 * (key + salt), kExporterLabel.data(),
                                 kExporterLabel.size(), nullptr, 0, 0) != 1) {
    return Fail(ErrorCode::kSystem, "dtls: OpenSSL exports no key material");
  }
  const CertificatePtr certificate(SSL_get1_peer_certificate(ssl_.get()));
  LATCHKEY_CHECK(certificate != nullptr);
  const auto peer = PublicKeyOf(certificate.get());
  if (!peer) return tl::unexpected(peer.error());
  exported_ = true;
  const ByteView view(bytes);
  ports::SrtpKey client = MakeKey(*profile, view.subspan(0, key), view.subspan(2 * key, salt));
  ports::SrtpKey server = MakeKey(*profile, view.subspan(key, key), view.subspan(2 * key + salt, salt));
  if (role_ == ports::DtlsRole::kServer)
    return ports::DtlsSrtpKeys{std::move(client), std::move(server), *peer};
  return ports::DtlsSrtpKeys{std::move(server), std::move(client), *peer};
}

void OpenSslDtlsSession::Close() {
  if (state_ == DtlsState::kConnected) {
    ERR_clear_error();
    (void)SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  if (state_ != DtlsState::kFailed) state_ = DtlsState::kClosed;
}

}  // namespace latchkey::platform
