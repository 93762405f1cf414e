// A description that was written parses, and is written the same again; so is a fragment.
#include "daemon/wire/sdp.h"
#include "daemon/wire/sdp_transport.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey::fuzz {

void Fuzz(ByteView input) {
  const std::string_view text = AsText(input);
  if (const auto sdp = wire::ParseSdp(text)) {
    LATCHKEY_CHECK(sdp->media.size() <= wire::kMaxSdpMedia);
    const std::string written = wire::WriteSdp(*sdp);
    // LF becomes CRLF: only a description at its bound may outgrow it.
    const auto again = wire::ParseSdp(written);
    LATCHKEY_CHECK(again || written.size() > wire::kMaxSdpBytes);
    if (again) LATCHKEY_CHECK(wire::WriteSdp(*again) == written);
  }
  if (const auto fragment = wire::ParseSdpFragment(text)) {
    const std::string written = wire::WriteSdpFragment(*fragment);
    const auto again = wire::ParseSdpFragment(written);
    LATCHKEY_CHECK(again || written.size() > wire::kMaxSdpBytes);
    if (again) LATCHKEY_CHECK(wire::WriteSdpFragment(*again) == written);
  }
  if (const auto trickle = wire::ParseTrickleFragment(text)) {
    LATCHKEY_CHECK(trickle->candidates.size() <= wire::kMaxRemoteCandidates);
    LATCHKEY_CHECK(trickle->ufrag.empty() == trickle->password.empty());
  }
}

}  // namespace latchkey::fuzz
