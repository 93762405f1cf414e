// The sections of an offer (or answer) read into what matters here: codecs that we know, with their repair,
// feedback and format; header extensions; sources. Used by negotiation.h and client_sdp.h.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/peer/media_plan.h"
#include "daemon/peer/negotiation.h"
#include "daemon/wire/sdp.h"
#include "daemon/wire/sdp_media.h"
#include "daemon/wire/sdp_transport.h"

namespace latchkey::peer {

// One payload type of a codec that the hub passes on.
struct OfferedFormat {
  wire::Codec codec = wire::Codec::kVp8;
  std::uint8_t payload_type = 0;
  std::optional<std::uint8_t> rtx_payload_type;
  Feedback feedback;
  std::string rtpmap;     // "H264/90000", as the offer spells it
  bool has_fmtp = false;  // nothing said about the format: the receiver sets no conditions
  H264Format h264;
};

// Why a section can't be used, as the end of a sentence.
enum class SectionFault : std::uint8_t {
  kNone,
  kKind,
  kRefusedByOfferer,
  kProtocol,
  kNoRtcpMux,
  kNoKnownCodec,
  kDirection,
  kCount
};
std::string_view Explain(SectionFault fault);

struct OfferedSection {
  std::size_t index = 0;  // among Sdp::media
  SectionFault fault = SectionFault::kNone;
  wire::StreamKind kind = wire::StreamKind::kVideo;
  std::string mid;  // empty: none
  wire::SdpDirection direction = wire::SdpDirection::kSendRecv;
  std::vector<OfferedFormat> formats;  // in the offer's order
  std::vector<RemoteSource> sources;

  [[nodiscard]] bool usable() const { return fault == SectionFault::kNone; }
};

// All sections in their order; unusable ones say why. Direction is not judged here.
std::vector<OfferedSection> ReadSections(const wire::Sdp& sdp);

// The id of extension `uri` if the peer sends it (`peer_sends`) or receives it, 1..14; nothing otherwise.
std::optional<std::uint8_t> ExtensionId(const wire::SdpMedia& media, std::string_view uri, bool peer_sends);

// ICE credentials, fingerprint, setup and candidates of `media`, each falling back to the session's. `keyed`:
// without DTLS, of which nothing is read.
Negotiated<TransportPlan> ReadTransport(const wire::Sdp& sdp, const wire::SdpMedia& media,
                                        bool keyed = false);

// BUNDLE groups (RFC 9143).
class Bundle {
 public:
  explicit Bundle(const wire::Sdp& sdp);
  [[nodiscard]] bool Contains(std::string_view mid) const { return GroupOf(mid) != nullptr; }
  [[nodiscard]] bool Together(std::string_view a, std::string_view b) const;
  // Of the given mids, the one that its group names first: its section's transport is the one to use.
  // The view returned is the caller's own, so that it outlives this object.
  [[nodiscard]] std::string_view Tagged(const std::vector<std::string_view>& mids) const;

 private:
  [[nodiscard]] const wire::SdpGroup* GroupOf(std::string_view mid) const;
  std::vector<wire::SdpGroup> groups_;
};

// 400 when a mid or an SSRC is used twice, or sections that share a transport name different fingerprints.
std::optional<Refusal> FindContradiction(const wire::Sdp& sdp, const std::vector<OfferedSection>& sections);

// Parsing with the statuses of Refusal.
Negotiated<wire::Sdp> ReadSdp(std::string_view text);

}  // namespace latchkey::peer
