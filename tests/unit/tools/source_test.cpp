#include "tools/media/source.h"

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "daemon/wire/h264.h"
#include "daemon/wire/h264_pack.h"
#include "platform/loop/clock.h"
#include "tests/support/catch.h"
#include "tools/media/font.h"
#include "tools/media/mark.h"
#include "tools/media/video_decoder.h"

namespace latchkey::media {
namespace {

// So that the tests' output isn't drowned in encoders' statistics.
[[maybe_unused]] const bool kSilent = [] {
  SilenceLibraries();
  return true;
}();

// Runs a source for as long as `count` video frames take, in real time.
std::vector<MediaFrame> Take(Source& source, std::size_t count) {
  FrameQueue queue;
  std::thread thread([&] { (void)source.Run(queue); });
  std::vector<MediaFrame> frames;
  const Instant give_up = platform::MonotonicNow() + seconds{20};
  std::size_t video = 0;
  while (video < count && platform::MonotonicNow() < give_up) {
    if (auto frame = queue.Pop()) {
      if (frame->kind == wire::StreamKind::kVideo) ++video;
      frames.push_back(std::move(*frame));
    } else {
      (void)queue.SleepUntil(platform::MonotonicNow() + milliseconds{2});
    }
  }
  queue.Stop();
  thread.join();
  return frames;
}

std::unique_ptr<Source> Open(const SourceOptions& options, std::string* note = nullptr) {
  auto source = OpenSource(options, [&](const std::string& text) {
    if (note != nullptr) *note = text;
  });
  if (!source) FAIL(source.error().message);
  return std::move(*source);
}

std::optional<std::string> Footage(const std::string& name) {
  const char* folder = std::getenv("LATCHKEY_SHARED_DATA");
  const std::string path = std::string(folder != nullptr ? folder : "../shared/data") + "/footage/" + name;
  if (!std::filesystem::exists(path)) return std::nullopt;
  return path;
}

TEST_CASE("source: the pattern comes in real time with a readable mark in each picture") {
  for (const wire::Codec codec : {wire::Codec::kH264, wire::Codec::kVp8}) {
    SourceOptions options;
    options.codec = codec;
    options.mark = "Nursery";
    options.width = 640;
    options.height = 360;
    options.tone = true;
    const auto source = Open(options);
    CHECK(source->has_audio());
    const Instant begun = platform::MonotonicNow();
    const auto frames = Take(*source, 20);
    const double lasted = ToSeconds(platform::MonotonicNow() - begun);
    CHECK(lasted > 0.7);
    auto decoder = VideoDecoder::Make(codec);
    std::uint32_t next = 0;
    std::size_t audio = 0;
    for (const MediaFrame& frame : frames) {
      if (frame.kind == wire::StreamKind::kAudio) {
        ++audio;
        continue;
      }
      CHECK(frame.keyframe == (next == 0));
      const auto output = decoder->Decode(frame.bytes);
      REQUIRE(output.picture.has_value());
      const auto mark = ReadMark(*output.picture);
      REQUIRE(mark.has_value());
      CHECK(mark->text == MarkText("Nursery"));
      CHECK(mark->frame == next++);
    }
    CHECK(next == 20);
    CHECK(audio > 20);
  }
}

TEST_CASE("source: a keyframe asked for comes next, with its parameter sets") {
  SourceOptions options;
  options.width = 320;
  options.height = 180;
  options.gop_seconds = 3600;
  const auto source = Open(options);
  FrameQueue queue;
  std::thread thread([&] { (void)source->Run(queue); });
  int keyframes = 0;
  int frames = 0;
  const Instant give_up = platform::MonotonicNow() + seconds{10};
  while (keyframes < 2 && platform::MonotonicNow() < give_up) {
    const auto frame = queue.Pop();
    if (!frame) {
      (void)queue.SleepUntil(platform::MonotonicNow() + milliseconds{2});
      continue;
    }
    ++frames;
    if (frames == 5) queue.RequestKeyframe();
    if (!frame->keyframe) continue;
    ++keyframes;
    std::vector<std::uint8_t> types;
    wire::AnnexBReader reader(frame->bytes);
    while (const auto nal = reader.Next()) types.push_back(wire::NalType((*nal)[0]));
    CHECK(std::count(types.begin(), types.end(), wire::nal::kSps) == 1);
    CHECK(std::count(types.begin(), types.end(), wire::nal::kPps) == 1);
    CHECK(std::count(types.begin(), types.end(), wire::nal::kIdr) == 1);
  }
  queue.Stop();
  thread.join();
  CHECK(keyframes == 2);
  CHECK(frames < 12);
}

TEST_CASE("source: a file with B-frames is encoded anew and says so") {
  const auto path = Footage("bottle-detection.mp4");
  if (!path) {
    WARN("skipped: ../shared/data is not here");
    return;
  }
  SourceOptions options;
  options.spec = *path;
  options.mark = std::nullopt;
  std::string note;
  const auto source = Open(options, &note);
  CHECK(note.find("B-frames") != std::string::npos);
  CHECK_FALSE(source->has_audio());
  CHECK_FALSE(source->h264_profile().has_value());
  const auto frames = Take(*source, 15);
  REQUIRE(frames.size() == 15);
  CHECK(frames.front().keyframe);
  Duration last{-1};
  for (const MediaFrame& frame : frames) {
    CHECK(frame.media_time > last);
    last = frame.media_time;
    wire::AnnexBReader reader(frame.bytes);
    while (const auto nal = reader.Next()) {
      if (!wire::IsVclNal(wire::NalType((*nal)[0]))) continue;
      const auto slice = wire::ParseH264SliceStart(nal->subspan(1));
      REQUIRE(slice.has_value());
      CHECK(slice->type != wire::H264SliceType::kB);
    }
  }
}

TEST_CASE("source: a file that isn't there is told by name") {
  SourceOptions options;
  options.spec = "/nowhere/camera.mp4";
  const auto source = OpenSource(options, [](const std::string&) {});
  REQUIRE_FALSE(source.has_value());
  CHECK(source.error().message.find("/nowhere/camera.mp4") != std::string::npos);
}

TEST_CASE("source: a queue that nobody empties drops up to the next keyframe") {
  FrameQueue queue;
  const auto frame = [](int n, bool key) {
    return MediaFrame{wire::StreamKind::kVideo, ByteVector(1), key, milliseconds{n}, {}};
  };
  for (int n = 0; n < 70; ++n) queue.Push(frame(n, n == 0));
  CHECK(queue.dropped() == 70 - FrameQueue::kMaxFrames);
  CHECK(queue.TakeKeyframeRequest());
  CHECK_FALSE(queue.TakeKeyframeRequest());
  for (int n = 0; n < 10; ++n) (void)queue.Pop();
  queue.Push(frame(70, false));
  queue.Push(frame(71, true));
  queue.Push(frame(72, false));
  std::vector<Duration> rest;
  while (const auto next = queue.Pop()) rest.push_back(next->media_time);
  REQUIRE(rest.size() == FrameQueue::kMaxFrames - 10 + 2);
  CHECK(rest[rest.size() - 2] == milliseconds{71});
}

TEST_CASE("font: letters are drawn, small ones as capitals, unknown ones as a box") {
  CHECK(GlyphOf('a') == GlyphOf('A'));
  CHECK(GlyphOf('A') != GlyphOf('B'));
  CHECK(GlyphOf('\xc3') == GlyphOf('~'));
  int dots = 0;
  ForEachDot("I.", [&](int x, int y) {
    CHECK((x >= 0 && x < 2 * kGlyphAdvance && y >= 0 && y < kGlyphHeight));
    ++dots;
  });
  CHECK(dots > 8);
}

}  // namespace
}  // namespace latchkey::media
