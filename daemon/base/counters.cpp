#include "daemon/base/counters.h"

#include "daemon/base/check.h"

namespace latchkey {

std::string_view DropReasonName(DropReason reason) {
  switch (reason) {
    case DropReason::kNone: return "none";
    case DropReason::kEmpty: return "empty";
    case DropReason::kTooLong: return "too_long";
    case DropReason::kUnknownProtocol: return "unknown_protocol";
    case DropReason::kStunMalformed: return "stun_malformed";
    case DropReason::kStunUnauthenticated: return "stun_unauthenticated";
    case DropReason::kUnknownPeer: return "unknown_peer";
    case DropReason::kNoKeysYet: return "no_keys_yet";
    case DropReason::kRtpMalformed: return "rtp_malformed";
    case DropReason::kRtcpMalformed: return "rtcp_malformed";
    case DropReason::kSrtpAuthentication: return "srtp_authentication";
    case DropReason::kSrtpReplay: return "srtp_replay";
    case DropReason::kSrtpRecorded: return "srtp_recorded";
    case DropReason::kSrtpRollover: return "srtp_rollover";
    case DropReason::kWrongSsrc: return "wrong_ssrc";
    case DropReason::kWrongPayloadType: return "wrong_payload_type";
    case DropReason::kConsentExpired: return "consent_expired";
    case DropReason::kSuspended: return "suspended";
    case DropReason::kWrongDirection: return "wrong_direction";
    case DropReason::kPayloadMalformed: return "payload_malformed";
    case DropReason::kDuplicate: return "duplicate";
    case DropReason::kTooOld: return "too_old";
    case DropReason::kIndexUnreserved: return "index_unreserved";
    case DropReason::kCount: break;
  }
  LATCHKEY_CHECK(false);
}

}  // namespace latchkey
