// How a peer is reached and recognised: the transport half of an offer (negotiation_offer.h).
#include <algorithm>

#include "daemon/peer/negotiation_offer.h"

namespace latchkey::peer {
namespace {

using wire::SdpAttributes;

// Of the section, else of the session (RFC 8839 5.4, RFC 8122 5, RFC 4145 4).
std::optional<std::string_view> ValueOf(const wire::Sdp& sdp, const wire::SdpMedia& media,
                                        std::string_view name) {
  const auto own = media.attributes.Value(name);
  return own ? own : sdp.attributes.Value(name);
}

Negotiated<ports::Fingerprint> ReadFingerprint(const wire::Sdp& sdp, const wire::SdpMedia& media) {
  const SdpAttributes& from = media.attributes.Has("fingerprint") ? media.attributes : sdp.attributes;
  const auto values = from.Values("fingerprint");
  if (values.empty()) {
    return Refuse(
        406, "the offer has no a=fingerprint: only DTLS-SRTP is spoken here, add the certificate's sha-256");
  }
  for (const std::string_view value : values) {
    const auto fingerprint = wire::ParseFingerprint(value);
    if (!fingerprint)
      return Refuse(400, "a=fingerprint is malformed: write \"sha-256\" and 32 bytes as AB:CD:...");
    if (fingerprint->sha256) return *fingerprint->sha256;
  }
  return Refuse(406, "a=fingerprint is not sha-256: add the sha-256 fingerprint of the certificate");
}

Negotiated<ports::DtlsRole> ReadRole(const wire::Sdp& sdp, const wire::SdpMedia& media) {
  const auto value = ValueOf(sdp, media, "setup");
  // RFC 4145 4.1: without a=setup the offerer is active.
  if (!value) return ports::DtlsRole::kServer;
  const auto setup = wire::ParseSetup(*value);
  if (!setup || *setup == wire::SdpSetup::kHoldConn) {
    return Refuse(400, "a=setup must be actpass, active or passive");
  }
  return *setup == wire::SdpSetup::kPassive ? ports::DtlsRole::kClient : ports::DtlsRole::kServer;
}

// One SSRC names one stream of a transport (RFC 3550 8.1): a second claim is told now, not after the
// handshake.
bool SharesSource(const OfferedSection& a, const OfferedSection& b) {
  for (const RemoteSource& x : a.sources) {
    for (const RemoteSource& y : b.sources) {
      if (x.ssrc == y.ssrc || x.ssrc == y.rtx_ssrc || x.rtx_ssrc == y.ssrc) return true;
      if (x.rtx_ssrc && x.rtx_ssrc == y.rtx_ssrc) return true;
    }
  }
  return false;
}

}  // namespace

Negotiated<TransportPlan> ReadTransport(const wire::Sdp& sdp, const wire::SdpMedia& media, bool keyed) {
  TransportPlan plan;
  const auto ufrag = ValueOf(sdp, media, "ice-ufrag");
  const auto password = ValueOf(sdp, media, "ice-pwd");
  if (!ufrag || !password)
    return Refuse(406, "the offer has no a=ice-ufrag or no a=ice-pwd: ICE is required");
  if (!wire::IsIceUfrag(*ufrag) || !wire::IsIcePassword(*password)) {
    return Refuse(400, "a=ice-ufrag or a=ice-pwd is not 4 (22) to 256 letters, digits, '+' or '/'");
  }
  if (!keyed) {
    const auto fingerprint = ReadFingerprint(sdp, media);
    if (!fingerprint) return tl::unexpected(fingerprint.error());
    const auto role = ReadRole(sdp, media);
    if (!role) return tl::unexpected(role.error());
    plan.remote_fingerprint = *fingerprint;
    plan.local_role = *role;
  }
  plan.remote_ufrag = *ufrag;
  plan.remote_password = *password;
  plan.remote_candidates = wire::CandidatesOf(media.attributes);
  plan.tagged_kind = media.kind;
  plan.tagged_mid = wire::MidOf(media).value_or("");
  return plan;
}

std::optional<Refusal> FindContradiction(const wire::Sdp& sdp, const std::vector<OfferedSection>& sections) {
  std::optional<ports::Fingerprint> shown;
  for (const OfferedSection& section : sections) {
    const auto same_mid = [&](const OfferedSection& o) {
      return o.index < section.index && o.mid == section.mid;
    };
    if (!section.mid.empty() && std::any_of(sections.begin(), sections.end(), same_mid)) {
      return Refusal{400, "two media sections have the same a=mid"};
    }
    if (!section.usable()) continue;
    const auto same_source = [&](const OfferedSection& o) {
      return o.index < section.index && o.usable() && SharesSource(o, section);
    };
    if (std::any_of(sections.begin(), sections.end(), same_source)) {
      return Refusal{400, "two media sections declare the same a=ssrc: give each stream its own"};
    }
    const auto fingerprint = ReadFingerprint(sdp, sdp.media[section.index]);
    if (!fingerprint) continue;  // told where the section is taken
    if (shown && *shown != *fingerprint) {
      return Refusal{400,
                     "the media sections name different certificates: one session has one a=fingerprint"};
    }
    shown = *fingerprint;
  }
  return std::nullopt;
}

}  // namespace latchkey::peer
