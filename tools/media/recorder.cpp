#include "tools/media/recorder.h"

#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "daemon/base/seq.h"
#include "daemon/wire/h264.h"
#include "daemon/wire/h264_pack.h"
#include "daemon/wire/h264_sps.h"
#include "daemon/wire/vp8.h"
#include "tools/media/ffmpeg.h"

namespace latchkey::media {
namespace {

constexpr std::array<std::uint8_t, 4> kStartCode{0, 0, 0, 1};

struct StreamStart {
  int width = 0;
  int height = 0;
  ByteVector extradata;  // H.264: SPS and PPS as Annex B
};

std::optional<StreamStart> StartOfH264(ByteView unit) {
  StreamStart start;
  wire::AnnexBReader reader(unit);
  while (const auto nal = reader.Next()) {
    const std::uint8_t type = wire::NalType((*nal)[0]);
    if (type != wire::nal::kSps && type != wire::nal::kPps) continue;
    if (type == wire::nal::kSps) {
      const auto sps = wire::ParseH264Sps(nal->subspan(1));
      if (!sps) return std::nullopt;
      start.width = static_cast<int>(sps->width);
      start.height = static_cast<int>(sps->height);
    }
    start.extradata.insert(start.extradata.end(), kStartCode.begin(), kStartCode.end());
    start.extradata.insert(start.extradata.end(), nal->begin(), nal->end());
  }
  if (start.width == 0) return std::nullopt;
  return start;
}

std::optional<StreamStart> StartOf(wire::Codec codec, ByteView frame) {
  if (codec == wire::Codec::kH264) return StartOfH264(frame);
  const auto size = wire::ParseVp8Dimensions(frame);
  if (!size) return std::nullopt;
  return StreamStart{size->width, size->height, {}};
}

}  // namespace

struct Recorder::Impl {
  std::string path;
  ff::Output output;
  AVStream* stream = nullptr;  // the output's
  ff::Packet packet = ff::MakePacket();
  Unwrapper<std::uint32_t> timestamps;
  std::optional<std::int64_t> first;
  std::optional<std::int64_t> last;

  Status Begin(wire::Codec codec, const StreamStart& start);
};

Recorder::Recorder(std::string path) : impl_(std::make_unique<Impl>()) {
  impl_->path = std::move(path);
}
Recorder::~Recorder() {
  (void)Finish();
}

Status Recorder::Impl::Begin(wire::Codec codec, const StreamStart& start) {
  AVFormatContext* raw = nullptr;
  if (const int code = avformat_alloc_output_context2(&raw, nullptr, nullptr, path.c_str()); code < 0) {
    return ff::FailWith("can't record to " + path + " (name it .mp4 or .mkv)", code);
  }
  ff::Output made(raw);
  stream = avformat_new_stream(raw, nullptr);
  AVCodecParameters& parameters = *stream->codecpar;
  parameters.codec_type = AVMEDIA_TYPE_VIDEO;
  parameters.codec_id = codec == wire::Codec::kH264 ? AV_CODEC_ID_H264 : AV_CODEC_ID_VP8;
  parameters.width = start.width;
  parameters.height = start.height;
  if (!start.extradata.empty()) {
    const std::size_t size = start.extradata.size();
    parameters.extradata = static_cast<std::uint8_t*>(av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE));
    if (parameters.extradata == nullptr) return Fail(ErrorCode::kSystem, "no memory to record");
    std::memcpy(parameters.extradata, start.extradata.data(), size);
    parameters.extradata_size = static_cast<int>(size);
  }
  stream->time_base = {1, 90000};
  if (const int code = avio_open(&raw->pb, path.c_str(), AVIO_FLAG_WRITE); code < 0) {
    return ff::FailWith("can't record to " + path, code);
  }
  if (const int code = avformat_write_header(raw, nullptr); code < 0) {
    return ff::FailWith("can't record to " + path, code);
  }
  output = std::move(made);
  return {};
}

Status Recorder::Write(wire::Codec codec, const ReceivedFrame& frame) {
  Impl& my = *impl_;
  if (!my.output) {
    if (!frame.keyframe) return {};
    const auto start = StartOf(codec, frame.bytes);
    if (!start) return {};
    if (auto status = my.Begin(codec, *start); !status) return status;
  }
  const std::int64_t ticks = my.timestamps.Unwrap(frame.timestamp);
  if (!my.first) my.first = ticks;
  // A camera that came back may begin anywhere: the file goes on a hundredth of a second later.
  const bool forward = !my.last || (ticks > *my.last && ticks < *my.last + 90000 * 60);
  if (!forward) *my.first += ticks - *my.last - 900;
  my.last = ticks;
  if (av_new_packet(my.packet.get(), static_cast<int>(frame.bytes.size())) < 0) {
    return Fail(ErrorCode::kSystem, "no memory to record");
  }
  std::memcpy(my.packet->data, frame.bytes.data(), frame.bytes.size());
  my.packet->stream_index = 0;
  my.packet->pts = av_rescale_q(ticks - *my.first, {1, 90000}, my.stream->time_base);
  my.packet->dts = my.packet->pts;
  if (frame.keyframe) my.packet->flags |= AV_PKT_FLAG_KEY;
  // Takes the packet's reference, also when it fails.
  if (const int code = av_interleaved_write_frame(my.output.get(), my.packet.get()); code < 0) {
    return ff::FailWith("can't go on recording to " + my.path, code);
  }
  return {};
}

Status Recorder::Finish() {
  if (!impl_->output) return Fail(ErrorCode::kNotFound, "nothing was recorded: no keyframe came");
  const int code = av_write_trailer(impl_->output.get());
  impl_->output.reset();
  if (code < 0) return ff::FailWith("can't end the recording " + impl_->path, code);
  return {};
}

}  // namespace latchkey::media
