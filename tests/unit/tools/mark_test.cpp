#include "tools/media/mark.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/catch.h"
#include "tools/media/pattern.h"
#include "tools/media/random.h"
#include "tools/media/video_decoder.h"
#include "tools/media/video_encoder.h"

namespace latchkey::media {
namespace {

Instant At(std::int64_t us) {
  return Instant{microseconds{us}};
}

Mark Example(std::uint32_t frame = 7) {
  return {MarkText("Front door"), frame, At(123'456'789'012)};
}

// Nearest-neighbour scaling of the luma: what a hub or a browser might do, at its worst.
Picture Scaled(const PictureView& from, int width, int height) {
  Picture to(width, height);
  for (int y = 0; y < height; ++y) {
    auto row = to.Row(0, y);
    for (int x = 0; x < width; ++x) {
      row[static_cast<std::size_t>(x)] =
          from.planes[0].At(x * from.width() / width, y * from.height() / height);
    }
  }
  return to;
}

struct Coded {
  int marks_ok = 0;
  int marks_wrong = 0;
  int pictures = 0;
};

// The moving pattern with a mark in each picture, encoded and decoded.
Coded ThroughCodec(wire::Codec codec, int width, int height, int kbit, int pictures) {
  VideoEncoderOptions options;
  options.codec = codec;
  options.width = width;
  options.height = height;
  options.bitrate_kbit = kbit;
  auto encoder = VideoEncoder::Make(options);
  auto decoder = VideoDecoder::Make(codec);
  REQUIRE(encoder.has_value());
  REQUIRE(decoder.has_value());
  Pattern pattern(width, height, "Front door");
  Coded coded;
  for (int i = 0; i < pictures; ++i) {
    Picture& picture = pattern.Draw(milliseconds{40} * i, "12:00:0" + std::to_string(i % 10));
    const Mark mark{MarkText("Front door"), static_cast<std::uint32_t>(i), At(1'000'000 + 40'000 * i)};
    REQUIRE(DrawMark(mark, picture));
    const auto encoded = encoder->Encode(picture.View(), false);
    REQUIRE(encoded.has_value());
    if (encoded->bytes.empty()) continue;
    const auto output = decoder->Decode(encoded->bytes);
    REQUIRE(output.picture.has_value());
    ++coded.pictures;
    const auto read = ReadMark(*output.picture);
    if (read && *read == mark) ++coded.marks_ok;
    if (read && *read != mark) ++coded.marks_wrong;
  }
  return coded;
}

TEST_CASE("mark: what was drawn is read back, at every size from 320x180 up") {
  for (const auto& [width, height] : {std::pair{320, 180},
                                      {322, 182},
                                      {480, 270},
                                      {638, 358},
                                      {640, 360},
                                      {640, 480},
                                      {768, 432},
                                      {1280, 720},
                                      {1366, 768},
                                      {1920, 1080},
                                      {360, 640},
                                      {3840, 2160}}) {
    Picture picture(width, height);
    REQUIRE(DrawMark(Example(), picture));
    CAPTURE(width, height);
    CHECK(ReadMark(picture.View()) == Example());
  }
}

TEST_CASE("mark: a picture too small for it stays as it is") {
  Picture picture(318, 180);
  const Picture before = picture;
  CHECK_FALSE(DrawMark(Example(), picture));
  CHECK(std::equal(picture.View().planes[0].bytes.begin(), picture.View().planes[0].bytes.end(),
                   before.View().planes[0].bytes.begin()));
  CHECK_FALSE(ReadMark(picture.View()).has_value());
}

TEST_CASE("mark: another text has another hash, and the same text the same") {
  CHECK(MarkText("Front door") == MarkText("Front door"));
  CHECK(MarkText("Front door") != MarkText("Front doos"));
  CHECK(MarkText("") == 0xe3b0c44298fc1c14ULL);  // SHA-256 of nothing begins so (FIPS 180-4)
}

TEST_CASE("mark: time is kept to the microsecond over 48 bits, and the frame number over 32") {
  Picture picture(640, 360);
  const Mark mark{1, 0xffffffffU, At((std::int64_t{1} << 48) - 1)};
  REQUIRE(DrawMark(mark, picture));
  CHECK(ReadMark(picture.View()) == mark);
}

TEST_CASE("pattern: its skies are far from each other in colour, and each name has one of its own") {
  struct Colour {
    double u = 0, v = 0;
  };
  const auto mean = [](std::string name, std::string_view sky) {
    Pattern pattern(320, 180, std::move(name), sky);
    const PictureView picture = pattern.Draw(seconds{1}, "12:00").View();
    Colour sum;
    for (int y = 0; y < 90; ++y) {
      for (int x = 0; x < 160; ++x) {
        sum.u += picture.planes[1].At(x, y);
        sum.v += picture.planes[2].At(x, y);
      }
    }
    return Colour{sum.u / (90 * 160), sum.v / (90 * 160)};
  };
  std::vector<Colour> skies;
  for (const std::string_view sky : kSkies) skies.push_back(mean("Nursery", sky));
  for (std::size_t i = 0; i < skies.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      INFO(kSkies[i] << " " << kSkies[k]);
      CHECK(std::hypot(skies[i].u - skies[k].u, skies[i].v - skies[k].v) > 25);
    }
  }
  // Blue is U, red is V (BT.601).
  CHECK(skies[0].u > 135);
  CHECK(skies[1].v > 135);
  const Colour one = mean("Front door", "");
  const Colour two = mean("Nursery", "");
  CHECK(std::hypot(one.u - two.u, one.v - two.v) > 1);
}

TEST_CASE("mark: a plain picture, noise, or the bare pattern has none") {
  CHECK_FALSE(ReadMark(Picture(1280, 720).View()).has_value());
  Pattern pattern(1280, 720, "Nursery");
  CHECK_FALSE(ReadMark(pattern.Draw(seconds{1}, "12:00").View()).has_value());
  SeededRandom random(5);
  Picture noise(640, 360);
  for (int y = 0; y < 360; ++y) {
    for (auto& pixel : noise.Row(0, y)) pixel = static_cast<std::uint8_t>(random.U64());
  }
  CHECK_FALSE(ReadMark(noise.View()).has_value());
}

TEST_CASE("mark: each single wrong cell is detected") {
  // A cell of the fine layout at 640x360 is 8x8 pixels; the strip begins at x = 64, y = 8.
  int cells = 0;
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 64; ++column) {
      if (row * 64 + column >= 190) continue;
      Picture picture(640, 360);
      REQUIRE(DrawMark(Example(), picture));
      for (int y = 8 + row * 8; y < 16 + row * 8; ++y) {
        for (int x = 64 + column * 8; x < 72 + column * 8; ++x) {
          auto& pixel = picture.Row(0, y)[static_cast<std::size_t>(x)];
          pixel = pixel > 128 ? kLumaBlack : kLumaWhite;
        }
      }
      ++cells;
      CAPTURE(row, column);
      CHECK_FALSE(ReadMark(picture.View()).has_value());
    }
  }
  CHECK(cells == 190);
}

TEST_CASE("mark: a thousand random pairs and bursts of wrong cells are detected") {
  SeededRandom random(42);
  for (int round = 0; round < 1000; ++round) {
    Picture picture(640, 360);
    REQUIRE(DrawMark(Example(static_cast<std::uint32_t>(round)), picture));
    const int errors = 2 + static_cast<int>(random.U64() % 30);
    const int first = static_cast<int>(random.U64() % 160);
    bool changed = false;
    for (int i = 0; i < errors; ++i) {
      const int cell = round % 2 == 0 ? first + i : static_cast<int>(random.U64() % 190);
      if (cell >= 190 || (round % 2 != 0 && i > 1)) continue;
      changed = true;
      const int left = 64 + cell % 64 * 8;
      const int top = 8 + cell / 64 * 8;
      for (int y = top; y < top + 8; ++y) {
        for (int x = left; x < left + 8; ++x) {
          auto& pixel = picture.Row(0, y)[static_cast<std::size_t>(x)];
          pixel = pixel > 128 ? kLumaBlack : kLumaWhite;
        }
      }
    }
    const auto read = ReadMark(picture.View());
    CAPTURE(round);
    // Two flips of one cell are none.
    CHECK((!changed || !read.has_value() || *read == Example(static_cast<std::uint32_t>(round))));
    if (round % 2 == 0) CHECK_FALSE(read.has_value());
  }
}

TEST_CASE("mark: it survives scaling down and up") {
  Picture picture(1280, 720);
  REQUIRE(DrawMark(Example(), picture));
  for (const auto& [width, height] :
       {std::pair{640, 360}, {854, 480}, {320, 180}, {1920, 1080}, {640, 480}}) {
    CAPTURE(width, height);
    CHECK(ReadMark(Scaled(picture.View(), width, height).View()) == Example());
  }
}

TEST_CASE("mark: it survives x264 and VP8 at low bitrates") {
  struct Case {
    wire::Codec codec;
    int width, height, kbit;
  };
  for (const Case& c : {Case{wire::Codec::kH264, 1280, 720, 300}, Case{wire::Codec::kH264, 640, 360, 150},
                        Case{wire::Codec::kH264, 320, 180, 100}, Case{wire::Codec::kVp8, 640, 360, 300},
                        Case{wire::Codec::kVp8, 1280, 720, 500}, Case{wire::Codec::kVp8, 320, 180, 150}}) {
    const Coded coded = ThroughCodec(c.codec, c.width, c.height, c.kbit, 75);
    CAPTURE(c.width, c.height, c.kbit, coded.pictures, wire::CodecName(c.codec));
    CHECK(coded.pictures >= 70);
    CHECK(coded.marks_wrong == 0);
    // One picture in fifty may be unread at such rates; wrong is never allowed.
    CHECK(coded.marks_ok * 50 >= coded.pictures * 49);
  }
}

}  // namespace
}  // namespace latchkey::media
