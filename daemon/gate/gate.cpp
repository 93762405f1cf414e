#include "daemon/gate/gate.h"

#include <algorithm>
#include <utility>

#include "daemon/base/check.h"
#include "daemon/wire/rtcp.h"
#include "daemon/wire/rtp.h"

namespace latchkey::gate {
namespace {

// Each number that may name a packet, once.
bool PayloadTypesDiffer(std::span<const AgreedStream> streams) {
  std::array<bool, std::size_t{wire::kRtpMaxPayloadType} + 1> taken{};
  const auto take = [&taken](std::uint8_t type) {
    return type <= wire::kRtpMaxPayloadType && !std::exchange(taken[type], true);
  };
  return std::all_of(streams.begin(), streams.end(), [&take](const AgreedStream& s) {
    return take(s.payload_type) && (!s.rtx_payload_type || take(*s.rtx_payload_type));
  });
}

template <class Streams, class Use>
void ForEachSsrc(const Streams& streams, Use use) {
  for (const AgreedStream& s : streams) {
    if (s.ssrc) use(*s.ssrc);
    if (s.rtx_ssrc) use(*s.rtx_ssrc);
  }
}

bool SsrcsDiffer(std::span<const AgreedStream> streams) {
  std::array<std::uint32_t, 2 * kMaxStreams> seen{};
  std::size_t count = 0;
  bool differ = true;
  ForEachSsrc(streams, [&](std::uint32_t ssrc) {
    const auto end = seen.begin() + static_cast<std::ptrdiff_t>(count);
    differ = differ && count < seen.size() && std::find(seen.begin(), end, ssrc) == end;
    if (count < seen.size()) seen[count++] = ssrc;
  });
  return differ;
}

DropReason CheckSize(ByteView bytes, std::size_t least, DropReason malformed) {
  if (bytes.empty()) return DropReason::kEmpty;
  if (bytes.size() > kMaxDatagram) return DropReason::kTooLong;
  return bytes.size() < least ? malformed : DropReason::kNone;
}

// (d) and (g).
DropReason CheckPath(const ReceivedDatagram& datagram, const Admission& admission) {
  if (datagram.from != admission.peer || datagram.to != admission.local) return DropReason::kUnknownPeer;
  if (!admission.consent_fresh) return DropReason::kConsentExpired;
  return admission.suspended ? DropReason::kSuspended : DropReason::kNone;
}

}  // namespace

Status Gate::CheckStreams(std::span<const AgreedStream> streams) {
  LATCHKEY_CHECK(streams.size() <= kMaxStreams);
  LATCHKEY_CHECK(PayloadTypesDiffer(streams));
  if (SsrcsDiffer(streams)) return {};
  return Fail(ErrorCode::kInvalid, "the offer declares one SSRC twice; give each stream its own");
}

Result<Gate> Gate::Make(StreamKey key, std::span<const AgreedStream> streams, ports::SrtpFactory& srtp) {
  if (auto checked = CheckStreams(streams); !checked) return tl::unexpected(checked.error());
  auto receiver = srtp.MakeReceiver(key.key_);
  if (!receiver) return tl::unexpected<Error>(std::move(receiver.error()));
  return Gate(std::move(*receiver), streams);
}

Result<Gate> Gate::Resume(StreamKey key, std::span<const AgreedStream> streams,
                          std::span<const ports::SourceFloor> floors, ports::SrtpFactory& srtp) {
  if (auto checked = CheckStreams(streams); !checked) return tl::unexpected(checked.error());
  auto receiver = srtp.ResumeReceiver(key.key_, floors);
  if (!receiver) return tl::unexpected<Error>(std::move(receiver.error()));
  Gate gate(std::move(*receiver), streams);
  gate.ledger_.emplace();
  return gate;
}

Gate::Gate(std::unique_ptr<ports::SrtpReceiver> receiver, std::span<const AgreedStream> streams)
    : receiver_(std::move(receiver)), stream_count_(streams.size()) {
  for (std::size_t i = 0; i < streams.size(); ++i) streams_[i].agreed = streams[i];
}

RtpVerdict Gate::AdmitRtp(const ReceivedDatagram& datagram, const Admission& admission, Instant now) {
  // 1, 2: nothing is believed yet, only that it could be RTP at all.
  const DropReason size = CheckSize(datagram.bytes, kMinRtp, DropReason::kRtpMalformed);
  if (size != DropReason::kNone) return Refuse(size);
  if (!wire::ParseProtectedRtp(datagram.bytes)) return Refuse(DropReason::kRtpMalformed);
  // 3, 4
  const DropReason path = CheckPath(datagram, admission);
  if (path != DropReason::kNone) return Refuse(path);
  // 5: from here on the sender holds the admitted key.
  const auto opened = receiver_->UnprotectRtp(datagram.bytes);
  if (opened.reason != DropReason::kNone) return Refuse(opened.reason);
  const ByteView plain = datagram.bytes.first(opened.size);
  const auto packet = wire::ParseRtp(plain);
  if (!packet) return Refuse(DropReason::kRtpMalformed);
  // The disk is for what would be taken.
  if (ledger_ && !FindPayloadType(packet->header.payload_type)) return Refuse(DropReason::kWrongPayloadType);
  if (ledger_ && !ledger_->Note(packet->header.ssrc, opened.index, now))
    return Hold(plain, opened.index, now, std::nullopt);
  // 6, 7
  const auto index = ledger_ ? std::optional(opened.index) : std::nullopt;
  const RtpVerdict verdict = Belongs(*packet, index, now);
  if (!ledger_ || verdict.reason != DropReason::kWrongSsrc || !AwaitsEpoch(packet->header)) return verdict;
  return Hold(plain, opened.index, now, verdict.changed);
}

RtpVerdict Gate::Hold(ByteView plain, ports::SrtpIndex index, Instant now,
                      std::optional<SsrcChanged> changed) {
  std::erase_if(held_, [now](const Held& h) { return now - h.arrived > kHeldLife; });
  if (held_.size() == kMaxHeld) return Refuse(DropReason::kIndexUnreserved, changed);
  held_.push_back({ByteVector(plain.begin(), plain.end()), index, now});
  return {std::nullopt, DropReason::kNone, changed, true};
}

bool Gate::AwaitsEpoch(const wire::RtpHeader& header) const {
  const auto match = FindPayloadType(header.payload_type);
  return match && !match->rtx && streams_[match->stream].agreed.ssrc && !IsOwned(header.ssrc) &&
         !WasLeft(header.ssrc);
}

bool Gate::MayPass(const Held& held) const {
  const auto packet = wire::ParseRtp(held.plain);
  LATCHKEY_CHECK(packet.has_value());
  return ledger_->Covers(packet->header.ssrc, held.index) && !AwaitsEpoch(packet->header);
}

std::optional<AuthenticPacket> Gate::TakeHeld(Instant now) {
  std::erase_if(held_, [now](const Held& h) { return now - h.arrived > kHeldLife; });
  for (auto next = held_.begin(); next != held_.end();) {
    if (!MayPass(*next)) {
      ++next;
      continue;
    }
    handed_out_ = std::move(next->plain);
    const auto packet = wire::ParseRtp(handed_out_);
    const RtpVerdict verdict = Belongs(*packet, next->index, next->arrived);
    next = held_.erase(next);
    if (verdict.packet) return verdict.packet;
  }
  return std::nullopt;
}

std::optional<IndexWish> Gate::TakeIndexWish() {
  return ledger_ ? ledger_->TakeWish() : std::nullopt;
}

void Gate::ReserveIndex(const IndexWish& reserved) {
  if (ledger_) ledger_->Reserve(reserved);
}

RtcpVerdict Gate::AdmitRtcp(const ReceivedDatagram& datagram, const Admission& admission, Instant now) {
  const DropReason size = CheckSize(datagram.bytes, kMinRtcp, DropReason::kRtcpMalformed);
  if (size != DropReason::kNone) return RefuseRtcp(size);
  const DropReason path = CheckPath(datagram, admission);
  if (path != DropReason::kNone) return RefuseRtcp(path);
  // A camera reports under an SSRC of its streams, which stands in the clear: of another's nothing is opened,
  // for that would use up one of those that the key may name. Before any is known, and for a viewer, which
  // sends none, the key alone says who it is.
  const auto sender = wire::RtcpSenderSsrc(datagram.bytes);
  if (!sender) return RefuseRtcp(DropReason::kRtcpMalformed);
  if (AnySsrcKnown() && !IsOwned(*sender)) return RefuseRtcp(DropReason::kWrongSsrc);
  const auto opened = receiver_->UnprotectRtcp(datagram.bytes);
  if (opened.reason != DropReason::kNone) return RefuseRtcp(opened.reason);
  const auto compound = wire::ParseRtcp(datagram.bytes.first(opened.size));
  if (!compound) return RefuseRtcp(DropReason::kRtcpMalformed);
  return {AuthenticRtcp(*compound, *sender, now), DropReason::kNone};
}

// (f): payload type and SSRC are those of one agreed stream, which has its SSRC by declaration or from its
// first authentic packet on.
RtpVerdict Gate::Belongs(const wire::RtpPacket& packet, std::optional<ports::SrtpIndex> index, Instant now) {
  if (stream_count_ == 0) return Refuse(DropReason::kWrongDirection);
  const auto match = FindPayloadType(packet.header.payload_type);
  if (!match) return Refuse(DropReason::kWrongPayloadType);
  Stream& stream = streams_[match->stream];
  const std::uint32_t ssrc = packet.header.ssrc;
  if (WasLeft(ssrc)) return Refuse(DropReason::kWrongSsrc);
  if (match->rtx) {
    if (!TakeRtxSsrc(stream, ssrc)) return Refuse(DropReason::kWrongSsrc);
    return Number(packet, *match, index, now);
  }
  if (TakeMediaSsrc(stream, ssrc)) {
    stream.rival.reset();
    stream.change_reported = false;
    return Number(packet, *match, index, now);
  }
  // An SSRC of another stream is a mix-up, not a change.
  if (IsOwned(ssrc)) return Refuse(DropReason::kWrongSsrc);
  const auto previous = NoteRival(stream, ssrc, now);
  if (!previous) return Refuse(DropReason::kWrongSsrc);
  return Refuse(DropReason::kWrongSsrc, SsrcChanged{match->stream, *previous, ssrc});
}

bool Gate::TakeMediaSsrc(Stream& stream, std::uint32_t ssrc) {
  if (!stream.agreed.ssrc && !IsOwned(ssrc)) stream.agreed.ssrc = ssrc;
  return stream.agreed.ssrc == ssrc;
}

bool Gate::TakeRtxSsrc(Stream& stream, std::uint32_t ssrc) {
  // Nothing can be sent again before it was sent once.
  if (!stream.agreed.ssrc) return false;
  if (!stream.agreed.rtx_ssrc && !IsOwned(ssrc)) stream.agreed.rtx_ssrc = ssrc;
  return stream.agreed.rtx_ssrc == ssrc;
}

// The pinned SSRC, when `ssrc` has replaced it for good and nobody was told yet.
std::optional<std::uint32_t> Gate::NoteRival(Stream& stream, std::uint32_t ssrc, Instant now) {
  if (stream.rival != ssrc) {
    stream.rival = ssrc;
    stream.rival_since = now;
    stream.change_reported = false;
  }
  if (stream.change_reported || now - stream.rival_since < kSsrcSilence) return std::nullopt;
  stream.change_reported = true;
  return stream.agreed.ssrc;
}

// (e): the stream's own numbering, bounded.
RtpVerdict Gate::Number(const wire::RtpPacket& packet, Match match, std::optional<ports::SrtpIndex> index,
                        Instant now) {
  Stream& stream = streams_[match.stream];
  AuthenticPacket out;
  out.header_ = packet.header;
  out.payload_ = packet.payload;
  out.stream_ = match.stream;
  out.kind_ = wire::StreamKindOf(stream.agreed.codec);
  out.codec_ = stream.agreed.codec;
  out.arrived_ = now;
  out.retransmission_ = match.rtx;
  out.on_wire_ = packet;
  if (match.rtx) {
    const auto original = wire::ParseRtx(packet.payload);
    out.header_.payload_type = stream.agreed.payload_type;
    out.header_.ssrc = *stream.agreed.ssrc;
    if (!original) {
      out.payload_ = {};
      out.probe_ = true;
      return {out, DropReason::kNone, std::nullopt};
    }
    out.header_.sequence = original->original_sequence;
    out.payload_ = original->payload;
  }
  // The index tells more than the nearest number does: such a sender may have gone on unheard for any time.
  constexpr std::int64_t kOneRange = 1 << 16;
  if (index) {
    LATCHKEY_CHECK(!match.rtx);  // nobody asks such a sender again
    out.sequence_ = {static_cast<std::int64_t>(*index) + kOneRange};
    return {out, DropReason::kNone, std::nullopt};
  }
  const std::int64_t sequence = stream.sequence.Peek(out.header_.sequence);
  const std::int64_t first = stream.first_sequence.value_or(sequence);
  if ((sequence >> 16U) - (first >> 16U) > kMaxRollovers) return Refuse(DropReason::kSrtpRollover);
  stream.first_sequence = first;
  (void)stream.sequence.Unwrap(out.header_.sequence);
  out.sequence_ = {sequence};
  return {out, DropReason::kNone, std::nullopt};
}

void Gate::BeginEpoch() {
  for (std::size_t i = 0; i < stream_count_; ++i) {
    Stream& stream = streams_[i];
    if (!stream.change_reported) continue;
    AgreedStream agreed = stream.agreed;
    const std::optional<std::uint32_t> rival = stream.rival;
    for (const auto& ssrc : {agreed.ssrc, agreed.rtx_ssrc}) {
      if (ssrc && left_.size() < kMaxLeft) left_.push_back(*ssrc);
    }
    agreed.ssrc.reset();
    agreed.rtx_ssrc.reset();
    stream = Stream{};
    stream.agreed = agreed;
    // Unless another stream took it meanwhile: then this one is pinned by its next packet.
    if (!IsOwned(*rival)) stream.agreed.ssrc = rival;
  }
}

std::optional<Gate::Match> Gate::FindPayloadType(std::uint8_t payload_type) const {
  for (std::size_t i = 0; i < stream_count_; ++i) {
    const AgreedStream& agreed = streams_[i].agreed;
    if (agreed.payload_type == payload_type) return Match{i, false};
    if (agreed.rtx_payload_type == payload_type) return Match{i, true};
  }
  return std::nullopt;
}

bool Gate::WasLeft(std::uint32_t ssrc) const {
  return std::find(left_.begin(), left_.end(), ssrc) != left_.end();
}

bool Gate::IsOwned(std::uint32_t ssrc) const {
  return std::any_of(streams_.begin(), streams_.begin() + static_cast<std::ptrdiff_t>(stream_count_),
                     [ssrc](const Stream& s) { return s.agreed.ssrc == ssrc || s.agreed.rtx_ssrc == ssrc; });
}

bool Gate::AnySsrcKnown() const {
  return std::any_of(streams_.begin(), streams_.begin() + static_cast<std::ptrdiff_t>(stream_count_),
                     [](const Stream& s) { return s.agreed.ssrc || s.agreed.rtx_ssrc; });
}

std::optional<std::size_t> Gate::StreamOfSsrc(std::uint32_t ssrc) const {
  for (std::size_t i = 0; i < stream_count_; ++i) {
    if (streams_[i].agreed.ssrc == ssrc) return i;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> Gate::SsrcOfStream(std::size_t stream) const {
  return agreed(stream).ssrc;
}

const AgreedStream& Gate::agreed(std::size_t stream) const {
  LATCHKEY_CHECK(stream < stream_count_);
  return streams_[stream].agreed;
}

RtpVerdict Gate::Refuse(DropReason reason, std::optional<SsrcChanged> changed) {
  drops_.Add(reason);
  return {std::nullopt, reason, changed};
}

RtcpVerdict Gate::RefuseRtcp(DropReason reason) {
  drops_.Add(reason);
  return {std::nullopt, reason};
}

bool Gate::IsConsistent() const {
  std::array<AgreedStream, kMaxStreams> agreed{};
  for (std::size_t i = 0; i < stream_count_; ++i) {
    const Stream& stream = streams_[i];
    agreed[i] = stream.agreed;
    // A rival is somebody else, and only someone known can have one.
    if (stream.rival && (!stream.agreed.ssrc || stream.rival == stream.agreed.ssrc)) return false;
    if (stream.change_reported && !stream.rival) return false;
    if (stream.sequence.highest().has_value() != (!ledger_ && stream.first_sequence.has_value()))
      return false;
  }
  const auto used = std::span<const AgreedStream>(agreed).first(stream_count_);
  if (held_.size() > kMaxHeld || (ledger_ ? !ledger_->IsConsistent() : !held_.empty())) return false;
  return receiver_ != nullptr && SsrcsDiffer(used) && PayloadTypesDiffer(used);
}

}  // namespace latchkey::gate
