// Every value parser on any text, and on every attribute of a description; what can be formatted parses back.
#include "daemon/wire/sdes.h"
#include "daemon/wire/sdp.h"
#include "daemon/wire/sdp_media.h"
#include "daemon/wire/sdp_transport.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey::fuzz {
namespace {

void CheckMediaValue(std::string_view value) {
  (void)wire::ParsePayloadType(value);
  (void)wire::ParseRtpMap(value);
  if (const auto fmtp = wire::ParseFmtp(value)) {
    LATCHKEY_CHECK(fmtp->parameters.size() <= wire::kMaxFmtpParameters);
  }
  (void)wire::ParseRtcpFeedback(value);
  (void)wire::ParseExtMap(value);
  (void)wire::ParseSsrc(value);
  if (const auto group = wire::ParseSsrcGroup(value)) {
    LATCHKEY_CHECK(group->ssrcs.size() <= wire::kMaxSsrcsInGroup);
  }
  if (const auto group = wire::ParseGroup(value)) LATCHKEY_CHECK(group->mids.size() <= wire::kMaxMidsInGroup);
  (void)wire::ParseRid(value);
  if (const auto crypto = wire::ParseCrypto(value)) {
    const auto again = wire::ParseCrypto(wire::FormatCrypto(*crypto));
    LATCHKEY_CHECK(again && again->tag == crypto->tag && again->suite == crypto->suite);
    LATCHKEY_CHECK(ConstantTimeEqual(again->key_and_salt.Reveal(), crypto->key_and_salt.Reveal()));
  }
}

void CheckTransportValue(std::string_view value) {
  if (const auto candidate = wire::ParseCandidate(value)) {
    const std::string text = wire::FormatCandidate(*candidate);
    const auto again = wire::ParseCandidate(text);
    LATCHKEY_CHECK(again && wire::FormatCandidate(*again) == text);
    LATCHKEY_CHECK(again->UdpLiteral() == candidate->UdpLiteral());
  }
  if (const auto print = wire::ParseFingerprint(value); print && print->sha256) {
    const auto again = wire::ParseFingerprint(wire::FormatFingerprint(*print->sha256));
    LATCHKEY_CHECK(again && again->sha256 == print->sha256);
  }
  (void)wire::ParseSetup(value);
  (void)wire::IsIceUfrag(value);
  (void)wire::IsIcePassword(value);
}

void CheckAttributes(const wire::SdpAttributes& attributes) {
  for (const wire::SdpAttribute& attribute : attributes.items()) {
    CheckMediaValue(attribute.value);
    CheckTransportValue(attribute.value);
  }
  LATCHKEY_CHECK(wire::CandidatesOf(attributes).size() <= wire::kMaxRemoteCandidates);
}

}  // namespace

void Fuzz(ByteView input) {
  const std::string_view text = AsText(input);
  CheckMediaValue(text);
  CheckTransportValue(text);
  const auto sdp = wire::ParseSdp(text);
  if (!sdp) return;
  CheckAttributes(sdp->attributes);
  for (const wire::SdpMedia& media : sdp->media) {
    CheckAttributes(media.attributes);
    (void)wire::DirectionOf(*sdp, media);
    if (const auto mid = wire::MidOf(media)) LATCHKEY_CHECK(mid->size() <= wire::kMaxMidBytes);
  }
}

}  // namespace latchkey::fuzz
