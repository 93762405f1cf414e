#include "platform/crypto/srtp.h"

#include <arpa/inet.h>
#include <srtp2/srtp.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "daemon/base/check.h"

namespace latchkey::platform {
namespace {

using ports::SrtpKey;
using ports::SrtpKeyLength;
using ports::SrtpProfile;
using ports::SrtpSaltLength;

constexpr std::size_t kRtpHeader = 12;
constexpr std::size_t kRtcpHeader = 8;
constexpr std::size_t kSrtcpIndex = 4;

std::size_t TagLength(SrtpProfile profile) {
  return profile == SrtpProfile::kAes128CmHmacSha1_80 ? 10 : 16;
}

bool IsKnown(SrtpProfile profile) {
  return profile == SrtpProfile::kAes128CmHmacSha1_80 || profile == SrtpProfile::kAeadAes128Gcm ||
         profile == SrtpProfile::kAeadAes256Gcm;
}

struct SessionFree {
  void operator()(srtp_ctx_t* session) const { (void)srtp_dealloc(session); }
};
using SessionPtr = std::unique_ptr<srtp_ctx_t, SessionFree>;

void InitialiseOnce() {
  // srtp_init is the library's own process-wide state; it runs self-tests, so once.
  static const bool done = [] {
    LATCHKEY_CHECK(srtp_init() == srtp_err_status_ok);
    return true;
  }();
  (void)done;
}

void SetCiphers(SrtpProfile profile, srtp_policy_t& policy) {
  const auto set = [&policy](void (*fill)(srtp_crypto_policy_t*)) {
    fill(&policy.rtp);
    fill(&policy.rtcp);
  };
  switch (profile) {
    case SrtpProfile::kAes128CmHmacSha1_80: return set(&srtp_crypto_policy_set_rtp_default);
    case SrtpProfile::kAeadAes128Gcm: return set(&srtp_crypto_policy_set_aes_gcm_128_16_auth);
    case SrtpProfile::kAeadAes256Gcm: return set(&srtp_crypto_policy_set_aes_gcm_256_16_auth);
  }
}

// `key` outlives it.
srtp_policy_t MakePolicy(const SrtpKey& key, bool sender) {
  srtp_policy_t policy{};
  SetCiphers(key.profile, policy);
  const auto wanted = SrtpKeyLength(key.profile) + SrtpSaltLength(key.profile);
  LATCHKEY_CHECK(static_cast<std::size_t>(policy.rtp.cipher_key_len) == wanted);
  policy.ssrc.type = sender ? ssrc_any_outbound : ssrc_any_inbound;
  // libsrtp derives its session keys from it and doesn't write to it.
  policy.key = const_cast<unsigned char*>(key.key_and_salt.Reveal().data());
  policy.window_size = sender ? kSrtpSendWindow : kSrtpReceiveWindow;
  policy.allow_repeat_tx = sender ? 1 : 0;
  return policy;
}

Result<SessionPtr> MakeSession(const SrtpKey& key, bool sender) {
  if (!IsKnown(key.profile)) return Fail(ErrorCode::kInvalid, "srtp: profile is not of the closed list");
  const srtp_policy_t policy = MakePolicy(key, sender);
  srtp_t session = nullptr;
  const srtp_err_status_t status = srtp_create(&session, &policy);
  if (status != srtp_err_status_ok) {
    return Fail(ErrorCode::kSystem, "srtp: libsrtp can't make a session, status " + std::to_string(status));
  }
  return SessionPtr(session);
}

DropReason ReasonOf(srtp_err_status_t status, DropReason malformed) {
  if (status == srtp_err_status_replay_fail || status == srtp_err_status_replay_old)
    return DropReason::kSrtpReplay;
  if (status == srtp_err_status_bad_param || status == srtp_err_status_parse_err) return malformed;
  return DropReason::kSrtpAuthentication;
}

// Bytes of an RTP header with CSRCs and extension (RFC 3550 5.1); 0 when it isn't whole.
std::size_t RtpHeaderSize(ByteView packet) {
  ByteReader reader(packet);
  const std::uint8_t first = reader.U8();
  reader.Skip(kRtpHeader - 1 + std::size_t{4} * (first & 0x0fU));
  if ((first & 0x10U) != 0) {
    reader.Skip(2);
    reader.Skip(std::size_t{4} * reader.U16());
  }
  return reader.ok() && (first >> 6U) == 2 ? reader.position() : 0;
}

std::uint32_t SsrcAt(ByteView packet, std::size_t offset) {
  return ByteReader(packet.subspan(offset, 4)).U32();
}

class Receiver final : public ports::SrtpReceiver {
 public:
  Receiver(SessionPtr session, const SrtpKey& key)
      : key_{key.profile, key.key_and_salt.Duplicate()}, session_(std::move(session)) {}

  Opened UnprotectRtp(MutableByteView packet) override {
    const std::size_t header = RtpHeaderSize(packet);
    if (header == 0 || header + TagLength(key_.profile) > packet.size())
      return {0, DropReason::kRtpMalformed};
    const std::uint32_t ssrc = SsrcAt(packet, 8);
    const Source* source = Find(ssrc);
    if (source != nullptr && source->sends_rtp)
      return Open(packet, ssrc, &srtp_unprotect, DropReason::kRtpMalformed);
    return OpenFirst(packet, ssrc);
  }

  // RFC 3711 3.4: the E flag and the index, then the tag; RFC 7714 9.2: the tag, then E and index. The
  // flag says that the payload is encrypted, and one that isn't is not taken.
  Opened UnprotectRtcp(MutableByteView packet) override {
    const std::size_t tag = TagLength(key_.profile);
    if (packet.size() < kRtcpHeader + tag + kSrtcpIndex || (packet[0] >> 6U) != 2) {
      return {0, DropReason::kRtcpMalformed};
    }
    const std::size_t behind = key_.profile == SrtpProfile::kAes128CmHmacSha1_80 ? tag : 0;
    if ((packet[packet.size() - behind - kSrtcpIndex] & 0x80U) == 0)
      return {0, DropReason::kSrtpAuthentication};
    return Open(packet, SsrcAt(packet, 4), &srtp_unprotect_rtcp, DropReason::kRtcpMalformed);
  }

  [[nodiscard]] bool exhausted() const override { return source_count_ == sources_.size(); }

 private:
  using Unprotect = srtp_err_status_t (*)(srtp_t, void*, int*);
  // An SSRC under which something was authentic.
  struct Source {
    std::uint32_t ssrc = 0;
    bool sends_rtp = false;
  };

  Source* Find(std::uint32_t ssrc) {
    const auto end = sources_.begin() + static_cast<std::ptrdiff_t>(source_count_);
    const auto found =
        std::find_if(sources_.begin(), end, [ssrc](const Source& s) { return s.ssrc == ssrc; });
    return found == end ? nullptr : &*found;
  }

  Opened Open(MutableByteView packet, std::uint32_t ssrc, Unprotect unprotect, DropReason malformed) {
    if (packet.size() > kMaxPacket) return {0, DropReason::kTooLong};
    const bool known = Find(ssrc) != nullptr;
    if (!known && exhausted()) return {0, DropReason::kWrongSsrc};
    int size = static_cast<int>(packet.size());
    const srtp_err_status_t status = unprotect(session_.get(), packet.data(), &size);
    if (status != srtp_err_status_ok) return {0, ReasonOf(status, malformed)};
    LATCHKEY_CHECK(size >= 0 && static_cast<std::size_t>(size) < packet.size());
    if (!known) sources_[source_count_++] = {ssrc, false};
    return {static_cast<std::size_t>(size), DropReason::kNone};
  }

  // The first packet of a source that gets here may have a roll-over behind it: libsrtp expects none
  // (RFC 3711 3.3.1), and would never open any that follows.
  Opened OpenFirst(MutableByteView packet, std::uint32_t ssrc) {
    // The roll-over can only be behind it if its number is low.
    const bool tries =
        (packet[2] & 0x80U) == 0 && packet.size() <= before_.size() && suspects_++ % kSrtpGuessEvery == 0;
    if (tries) std::copy(packet.begin(), packet.end(), before_.begin());
    Opened opened = Open(packet, ssrc, &srtp_unprotect, DropReason::kRtpMalformed);
    if (tries && opened.reason == DropReason::kSrtpAuthentication) {
      std::copy_n(before_.begin(), packet.size(), packet.begin());
      opened = OpenRolled(packet, ssrc);
    }
    if (opened.reason != DropReason::kNone) return opened;
    if (Source* source = Find(ssrc)) source->sends_rtp = true;
    return opened;
  }

  Opened OpenRolled(MutableByteView packet, std::uint32_t ssrc) {
    const bool known = Find(ssrc) != nullptr;
    if (!known) {
      srtp_policy_t policy = MakePolicy(key_, false);
      policy.ssrc = {ssrc_specific, ssrc};
      if (srtp_add_stream(session_.get(), &policy) != srtp_err_status_ok)
        return {0, DropReason::kSrtpAuthentication};
    }
    LATCHKEY_CHECK(srtp_set_stream_roc(session_.get(), ssrc, 1) == srtp_err_status_ok);
    const Opened opened = Open(packet, ssrc, &srtp_unprotect, DropReason::kRtpMalformed);
    if (opened.reason == DropReason::kNone) return opened;
    // As if nothing had been tried. (This call takes the SSRC as it is in a packet.)
    LATCHKEY_CHECK((known ? srtp_set_stream_roc(session_.get(), ssrc, 0)
                          : srtp_remove_stream(session_.get(), htonl(ssrc))) == srtp_err_status_ok);
    return opened;
  }

  static constexpr std::size_t kMaxPacket = 0xffff;  // of UDP

  SrtpKey key_;
  SessionPtr session_;
  std::array<Source, kSrtpMaxSsrcs> sources_{};
  std::size_t source_count_ = 0;
  std::uint32_t suspects_ = 0;               // first packets that may have a roll-over behind them
  std::array<std::uint8_t, 2048> before_{};  // one of them, before it was tried
};

class Sender final : public ports::SrtpSender {
 public:
  explicit Sender(SessionPtr session) : session_(std::move(session)) {}

  std::size_t ProtectRtp(MutableByteView buffer, std::size_t size) override {
    LATCHKEY_CHECK(RtpHeaderSize(buffer.first(size)) != 0);
    return Protect(buffer, size, &srtp_protect);
  }
  std::size_t ProtectRtcp(MutableByteView buffer, std::size_t size) override {
    LATCHKEY_CHECK(size >= kRtcpHeader);
    return Protect(buffer, size, &srtp_protect_rtcp);
  }

 private:
  std::size_t Protect(MutableByteView buffer, std::size_t size,
                      srtp_err_status_t (*protect)(srtp_t, void*, int*)) {
    LATCHKEY_CHECK(size + ports::kSrtpMaxOverhead <= buffer.size());
    int length = static_cast<int>(size);
    const srtp_err_status_t status = protect(session_.get(), buffer.data(), &length);
    // Too far back to be sent again, or the key has protected all that it may (RFC 3711 9.2).
    if (status == srtp_err_status_replay_old || status == srtp_err_status_key_expired) return 0;
    LATCHKEY_CHECK(status == srtp_err_status_ok);
    LATCHKEY_CHECK(static_cast<std::size_t>(length) <= size + ports::kSrtpMaxOverhead);
    return static_cast<std::size_t>(length);
  }

  SessionPtr session_;
};

}  // namespace

LibSrtpFactory::LibSrtpFactory() {
  InitialiseOnce();
}

Result<std::unique_ptr<ports::SrtpReceiver>> LibSrtpFactory::MakeReceiver(const SrtpKey& key) {
  auto session = MakeSession(key, false);
  if (!session) return tl::unexpected<Error>(session.error());
  return std::make_unique<Receiver>(std::move(*session), key);
}

Result<std::unique_ptr<ports::SrtpSender>> LibSrtpFactory::MakeSender(const SrtpKey& key) {
  auto session = MakeSession(key, true);
  if (!session) return tl::unexpected<Error>(session.error());
  return std::make_unique<Sender>(std::move(*session));
}

Status WarmUpSrtp() {
  // Kept to the end of the process on purpose: NSS unloads with the last session.
  static std::array<ports::SrtpSender*, 2> kept{};
  if (kept[0] != nullptr) return {};
  LibSrtpFactory factory;
  const std::array profiles{SrtpProfile::kAes128CmHmacSha1_80, SrtpProfile::kAeadAes128Gcm};
  for (std::size_t i = 0; i < profiles.size(); ++i) {
    SrtpKey key;
    key.profile = profiles[i];
    auto sender = factory.MakeSender(key);
    if (!sender) return tl::unexpected<Error>(sender.error());
    std::array<std::uint8_t, 64> packet{0x80, 96};
    if ((*sender)->ProtectRtp(packet, 32) == 0)
      return Fail(ErrorCode::kSystem, "srtp: warm-up packet refused");
    kept[i] = sender->release();
  }
  return {};
}

}  // namespace latchkey::platform
