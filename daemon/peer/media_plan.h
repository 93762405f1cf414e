// What an offer and its answer agreed on, as plain values: everything a lane needs to know of a peer, and
// nothing of SDP.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/address.h"
#include "daemon/base/bytes.h"
#include "daemon/ports/dtls.h"
#include "daemon/wire/codec.h"
#include "daemon/wire/h264_sps.h"

namespace latchkey::peer {

// One stream of each kind at most (wire::StreamKind).
constexpr std::size_t kMaxStreams = 2;
// Sources that one section may declare; further a=ssrc lines are ignored, so packets of those are of a wrong
// SSRC.
constexpr std::size_t kMaxDeclaredSources = 8;
// SPS and PPS taken from sprop-parameter-sets; further ones are ignored (they come in the stream as well).
constexpr std::size_t kMaxParameterSets = 8;

// A declared SSRC of the peer, with its RTX partner (RFC 4588, a=ssrc-group:FID).
struct RemoteSource {
  std::uint32_t ssrc = 0;
  std::optional<std::uint32_t> rtx_ssrc;
  friend bool operator==(const RemoteSource&, const RemoteSource&) = default;
};

// RTCP feedback that both sides understand.
struct Feedback {
  bool nack = false;  // RFC 4585 6.2.1
  bool pli = false;   // RFC 4585 6.3.1
  bool fir = false;   // RFC 5104 4.3.1
  bool remb = false;  // goog-remb
  friend bool operator==(const Feedback&, const Feedback&) = default;
};

// Ids of RTP header extensions (RFC 8285), one-byte form: 1..14. Nothing: not agreed, must not be sent.
struct HeaderExtensionIds {
  std::optional<std::uint8_t> mid;            // urn:ietf:params:rtp-hdrext:sdes:mid
  std::optional<std::uint8_t> rid;            // …:rtp-stream-id; only our own tools' answers could have it
  std::optional<std::uint8_t> playout_delay;  // viewers only
};

// a=fmtp of H264 (RFC 6184 8.1).
struct H264Format {
  std::uint8_t packetization_mode = 0;                  // 0 or 1
  std::optional<wire::H264ProfileLevel> profile_level;  // nothing: not offered, or not six hexadecimal digits
  std::vector<ByteVector> parameter_sets;  // NAL units of sprop-parameter-sets, with their header byte
};

struct StreamPlan {
  wire::StreamKind kind = wire::StreamKind::kVideo;
  wire::Codec codec = wire::Codec::kVp8;
  std::string mid;                // as the peer spelled it; may be empty without BUNDLE
  std::uint8_t payload_type = 0;  // in the offerer's numbering
  std::optional<std::uint8_t> rtx_payload_type;
  std::uint32_t clock_rate = 90000;  // Hz
  // Sources that the peer declared, the one to take first; empty: none declared, the first authentic packet
  // tells. Of a simulcast offer only the first layer. A viewer's are the sources of its receiver reports.
  std::vector<RemoteSource> remote_sources;
  // Ours: what a viewer receives, and the sender of our RTCP in both directions. Never 0.
  std::uint32_t local_ssrc = 0;
  std::optional<std::uint32_t> local_rtx_ssrc;  // exactly when we send and rtx_payload_type is there
  HeaderExtensionIds extensions;
  Feedback feedback;
  H264Format h264;  // of H264 alone
};

// The one transport that carries all streams (BUNDLE, rtcp-mux).
struct TransportPlan {
  std::string remote_ufrag;
  std::string remote_password;
  ports::Fingerprint remote_fingerprint{};
  ports::DtlsRole local_role = ports::DtlsRole::kServer;
  // UDP literals only; names (".local") are skipped and never resolved. May be empty: peers are learnt from
  // checks.
  std::vector<SocketAddress> remote_candidates;
  // The section that a restart fragment names: kind as in m=, and its mid.
  std::string tagged_kind;
  std::string tagged_mid;
};

struct MediaPlan {
  TransportPlan transport;
  std::vector<StreamPlan> streams;  // 1..kMaxStreams, one of a kind
  std::string local_cname;          // of our SDES (RFC 7022): random for each session

  [[nodiscard]] const StreamPlan* Find(wire::StreamKind kind) const {
    for (const StreamPlan& stream : streams) {
      if (stream.kind == kind) return &stream;
    }
    return nullptr;
  }
};

// What we say of ourselves: credentials, certificate, addresses (all host candidates; IPv4 is put first).
struct LocalTransport {
  std::string ufrag;
  std::string password;
  ports::Fingerprint fingerprint{};
  std::vector<SocketAddress> candidates;  // at most kMaxLocalCandidates are told
};
// So that an answer with candidates stays far below kMaxAnswerBytes (negotiation.h).
constexpr std::size_t kMaxLocalCandidates = 16;

}  // namespace latchkey::peer
