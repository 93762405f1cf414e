#include "platform/crypto/srtp_session.h"

#include <string>

#include "daemon/base/check.h"
#include "platform/crypto/srtp.h"

namespace latchkey::platform::internal {
namespace {

using ports::SrtpKey;
using ports::SrtpKeyLength;
using ports::SrtpProfile;
using ports::SrtpSaltLength;

constexpr std::size_t kRtpHeader = 12;

bool IsKnown(SrtpProfile profile) {
  return profile == SrtpProfile::kAes128CmHmacSha1_80 || profile == SrtpProfile::kAeadAes128Gcm ||
         profile == SrtpProfile::kAeadAes256Gcm;
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

}  // namespace

std::size_t SrtpTagLength(SrtpProfile profile) {
  return profile == SrtpProfile::kAes128CmHmacSha1_80 ? 10 : 16;
}

srtp_policy_t MakeSrtpPolicy(const SrtpKey& key, bool sender) {
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

Result<SrtpSession> MakeSrtpSession(const SrtpKey& key, bool sender) {
  if (!IsKnown(key.profile)) return Fail(ErrorCode::kInvalid, "srtp: profile is not of the closed list");
  const srtp_policy_t policy = MakeSrtpPolicy(key, sender);
  srtp_t session = nullptr;
  const srtp_err_status_t status = srtp_create(&session, &policy);
  if (status != srtp_err_status_ok) {
    return Fail(ErrorCode::kSystem, "srtp: libsrtp can't make a session, status " + std::to_string(status));
  }
  return SrtpSession(session);
}

DropReason SrtpReasonOf(srtp_err_status_t status, DropReason malformed) {
  if (status == srtp_err_status_replay_fail || status == srtp_err_status_replay_old)
    return DropReason::kSrtpReplay;
  if (status == srtp_err_status_bad_param || status == srtp_err_status_parse_err) return malformed;
  return DropReason::kSrtpAuthentication;
}

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

}  // namespace latchkey::platform::internal
