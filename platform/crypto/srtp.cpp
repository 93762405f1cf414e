#include "platform/crypto/srtp.h"

#include <arpa/inet.h>
#include <srtp2/srtp.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "daemon/base/check.h"
#include "platform/crypto/srtp_resumed.h"
#include "platform/crypto/srtp_session.h"

namespace latchkey::platform {
namespace {

using internal::MakeSrtpPolicy;
using internal::MakeSrtpSession;
using internal::RtpHeaderSize;
using internal::SrtpReasonOf;
using internal::SrtpSession;
using internal::SrtpTagLength;
using internal::SsrcAt;
using ports::SrtpKey;
using ports::SrtpProfile;

constexpr std::size_t kRtcpHeader = 8;
constexpr std::size_t kSrtcpIndex = 4;

void InitialiseOnce() {
  // srtp_init is the library's own process-wide state; it runs self-tests, so once.
  static const bool done = [] {
    LATCHKEY_CHECK(srtp_init() == srtp_err_status_ok);
    return true;
  }();
  (void)done;
}

class Receiver final : public ports::SrtpReceiver {
 public:
  Receiver(SrtpSession session, const SrtpKey& key)
      : key_{key.profile, key.key_and_salt.Duplicate()}, session_(std::move(session)) {}

  Opened UnprotectRtp(MutableByteView packet) override {
    const std::size_t header = RtpHeaderSize(packet);
    if (header == 0 || header + SrtpTagLength(key_.profile) > packet.size())
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
    const std::size_t tag = SrtpTagLength(key_.profile);
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
    if (status != srtp_err_status_ok) return {0, SrtpReasonOf(status, malformed)};
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
      srtp_policy_t policy = MakeSrtpPolicy(key_, false);
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
  SrtpSession session_;
  std::array<Source, kSrtpMaxSsrcs> sources_{};
  std::size_t source_count_ = 0;
  std::uint32_t suspects_ = 0;               // first packets that may have a roll-over behind them
  std::array<std::uint8_t, 2048> before_{};  // one of them, before it was tried
};

class Sender final : public ports::SrtpSender {
 public:
  explicit Sender(SrtpSession session) : session_(std::move(session)) {}

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

  SrtpSession session_;
};

}  // namespace

LibSrtpFactory::LibSrtpFactory() {
  InitialiseOnce();
}

Result<std::unique_ptr<ports::SrtpReceiver>> LibSrtpFactory::MakeReceiver(const SrtpKey& key) {
  auto session = MakeSrtpSession(key, false);
  if (!session) return tl::unexpected<Error>(session.error());
  return std::make_unique<Receiver>(std::move(*session), key);
}

Result<std::unique_ptr<ports::SrtpReceiver>> LibSrtpFactory::ResumeReceiver(
    const SrtpKey& key, std::span<const ports::SourceFloor> floors) {
  auto session = MakeSrtpSession(key, false);
  if (!session) return tl::unexpected<Error>(session.error());
  auto trials = MakeSrtpSession(key, false);
  if (!trials) return tl::unexpected<Error>(trials.error());
  return std::make_unique<ResumedReceiver>(std::move(*session), std::move(*trials), key, floors);
}

Result<std::unique_ptr<ports::SrtpSender>> LibSrtpFactory::MakeSender(const SrtpKey& key) {
  auto session = MakeSrtpSession(key, true);
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
