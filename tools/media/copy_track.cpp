#include <array>
#include <cstring>
#include <utility>

#include "daemon/wire/h264.h"
#include "daemon/wire/h264_pack.h"
#include "daemon/wire/h264_sps.h"
#include "tools/media/video_track.h"

namespace latchkey::media {
namespace {

class CopyTrack final : public VideoTrack {
 public:
  Status Open(const AVStream& stream);
  Status Handle(const AVPacket* packet, TrackPort& port) override;
  [[nodiscard]] std::string Description() const override { return description_; }
  [[nodiscard]] std::optional<wire::H264ProfileLevel> h264_profile() const override { return profile_; }

 private:
  Status Emit(const AVPacket& packet, TrackPort& port);

  ff::BitstreamFilter to_annex_b_;  // none when the stream is Annex B already
  ff::Packet scratch_;
  ByteVector parameter_sets_;  // Annex B, from the stream's header
  std::optional<Duration> last_;
  bool started_ = false;
  std::string description_;
  std::optional<wire::H264ProfileLevel> profile_;
};

std::optional<wire::H264ProfileLevel> ProfileOfAnnexB(ByteView stream) {
  wire::AnnexBReader reader(stream);
  while (const auto nal = reader.Next()) {
    if (wire::NalType((*nal)[0]) != wire::nal::kSps) continue;
    const auto sps = wire::ParseH264Sps(nal->subspan(1));
    if (sps) return sps->profile_level;
  }
  return std::nullopt;
}

Status CopyTrack::Open(const AVStream& stream) {
  const AVCodecParameters& parameters = *stream.codecpar;
  scratch_ = ff::MakePacket();
  description_ =
      std::to_string(parameters.width) + "x" + std::to_string(parameters.height) + ", H.264 copied as it is";
  const auto size = static_cast<std::size_t>(std::max(0, parameters.extradata_size));
  const ByteView extradata(parameters.extradata, size);
  // avcC begins with its version, 1; Annex B with a start code (ISO/IEC 14496-15 5.3.3.1.2).
  if (extradata.empty() || extradata[0] != 1) {
    parameter_sets_.assign(extradata.begin(), extradata.end());
    profile_ = ProfileOfAnnexB(extradata);
    return {};
  }
  // avcC carries the SPS's three bytes behind its version.
  if (extradata.size() > 3) profile_ = wire::H264ProfileLevel{extradata[1], extradata[2], extradata[3]};
  AVBSFContext* raw = nullptr;
  if (const int code = av_bsf_alloc(av_bsf_get_by_name("h264_mp4toannexb"), &raw); code < 0) {
    return ff::FailWith("can't convert the file's H.264", code);
  }
  to_annex_b_.reset(raw);
  avcodec_parameters_copy(raw->par_in, stream.codecpar);
  raw->time_base_in = stream.time_base;
  if (const int code = av_bsf_init(raw); code < 0)
    return ff::FailWith("can't convert the file's H.264", code);
  return {};
}

Status CopyTrack::Handle(const AVPacket* packet, TrackPort& port) {
  if (packet == nullptr) {
    if (to_annex_b_) av_bsf_flush(to_annex_b_.get());
    return {};
  }
  if (!to_annex_b_) return Emit(*packet, port);
  if (const int code = av_packet_ref(scratch_.get(), packet); code < 0) {
    return ff::FailWith("no memory for a packet", code);
  }
  if (const int code = av_bsf_send_packet(to_annex_b_.get(), scratch_.get()); code < 0) {
    av_packet_unref(scratch_.get());
    return {};  // one damaged packet of the file
  }
  while (av_bsf_receive_packet(to_annex_b_.get(), scratch_.get()) >= 0) {
    auto status = Emit(*scratch_, port);
    av_packet_unref(scratch_.get());
    if (!status) return status;
  }
  return {};
}

Status CopyTrack::Emit(const AVPacket& packet, TrackPort& port) {
  const ByteView unit(packet.data, static_cast<std::size_t>(packet.size));
  const std::int64_t ticks = packet.pts != AV_NOPTS_VALUE ? packet.pts : packet.dts;
  if (unit.empty() || ticks == AV_NOPTS_VALUE) return {};
  bool idr = false;
  bool sps = false;
  wire::AnnexBReader reader(unit);
  while (const auto nal = reader.Next()) {
    const std::uint8_t type = wire::NalType((*nal)[0]);
    idr = idr || type == wire::nal::kIdr;
    sps = sps || type == wire::nal::kSps;
  }
  if (!started_ && !idr) return {};  // joined in the middle of a group: nobody could decode it
  started_ = true;
  MediaFrame frame;
  frame.media_time = port.media_time(ticks);
  if (last_ && frame.media_time < *last_) return Fail(kReordered, "the stream has B-frames");
  last_ = frame.media_time;
  const auto due = port.wait(frame.media_time);
  if (!due) return {};
  frame.captured = *due;
  frame.keyframe = idr;
  if (idr && !sps) frame.bytes = parameter_sets_;
  frame.bytes.insert(frame.bytes.end(), unit.begin(), unit.end());
  port.queue.Push(std::move(frame));
  return {};
}

}  // namespace

Result<std::unique_ptr<VideoTrack>> MakeCopyTrack(const AVStream& stream) {
  auto track = std::make_unique<CopyTrack>();
  if (auto status = track->Open(stream); !status) return tl::unexpected(status.error());
  return track;
}

}  // namespace latchkey::media
