// What the receivers and senders of srtp.h have in common: sessions of libsrtp and a look at headers.
#pragma once

#include <srtp2/srtp.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "daemon/base/bytes.h"
#include "daemon/base/counters.h"
#include "daemon/base/result.h"
#include "daemon/ports/srtp.h"

namespace latchkey::platform::internal {

struct SrtpSessionFree {
  void operator()(srtp_ctx_t* session) const { (void)srtp_dealloc(session); }
};
using SrtpSession = std::unique_ptr<srtp_ctx_t, SrtpSessionFree>;

// Bytes of the authentication tag.
std::size_t SrtpTagLength(ports::SrtpProfile profile);
// `key` outlives it.
srtp_policy_t MakeSrtpPolicy(const ports::SrtpKey& key, bool sender);
Result<SrtpSession> MakeSrtpSession(const ports::SrtpKey& key, bool sender);
DropReason SrtpReasonOf(srtp_err_status_t status, DropReason malformed);
// Bytes of an RTP header with CSRCs and extension (RFC 3550 5.1); 0 when it isn't whole.
std::size_t RtpHeaderSize(ByteView packet);
// Precondition: four bytes are there.
std::uint32_t SsrcAt(ByteView packet, std::size_t offset);

}  // namespace latchkey::platform::internal
