#include "tools/media/mark.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "daemon/base/bytes.h"

namespace latchkey::media {
namespace {

constexpr std::size_t kSyncBits = 14;
constexpr std::uint32_t kSync = 0b11111001101010;  // Barker-13 and a zero: 9 white cells, 5 black ones
constexpr std::size_t kPayloadBytes = 8 + 4 + 6;
constexpr std::size_t kCrcBytes = 4;
constexpr std::size_t kBits = kSyncBits + 8 * (kPayloadBytes + kCrcBytes);
static_assert(kBits == 190);

constexpr std::uint8_t kQuiet = 96;
// Least distance between the means of the white and the black sync cells: under it there is no mark.
constexpr double kMinContrast = 60;
constexpr std::int64_t kTimeMask = (std::int64_t{1} << 48) - 1;

using Bits = std::array<bool, kBits>;

struct Layout {
  int columns;
  int rows;
  double cell_width;   // fraction of the picture's width
  double cell_height;  // fraction of the picture's height
  [[nodiscard]] constexpr std::size_t cells() const { return static_cast<std::size_t>(columns * rows); }
};
constexpr Layout kFine{64, 3, 1.0 / 80, 1.0 / 45};
constexpr Layout kCoarse{38, 5, 1.0 / 40, 2.0 / 45};
static_assert(kFine.cells() >= kBits && kCoarse.cells() >= kBits);

constexpr const Layout& LayoutFor(int width, int height) {
  return width >= 640 && height >= 360 ? kFine : kCoarse;
}

struct Box {
  int left, top, right, bottom;  // right and bottom are one past the end
};

// A rectangle in units of cells, from the strip's origin half a cell below the picture's top, centred.
Box ToPixels(const Layout& layout, int width, int height, double x0, double y0, double x1, double y1) {
  const double cw = layout.cell_width * width;
  const double ch = layout.cell_height * height;
  const double left = (width - layout.columns * cw) / 2;
  const double top = ch;
  const auto round = [](double v) { return static_cast<int>(v + 0.5); };
  return {std::max(0, round(left + x0 * cw)), std::max(0, round(top + y0 * ch)),
          std::min(width, round(left + x1 * cw)), std::min(height, round(top + y1 * ch))};
}

constexpr std::array<std::uint32_t, 256> MakeCrcTable() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int k = 0; k < 8; ++k) c = (c & 1U) != 0 ? 0xedb88320U ^ (c >> 1U) : c >> 1U;
    table[i] = c;
  }
  return table;
}
constexpr auto kCrcTable = MakeCrcTable();

// CRC-32 of IEEE 802.3.
constexpr std::uint32_t Crc32(ByteView bytes) {
  std::uint32_t c = 0xffffffffU;
  for (const auto b : bytes) c = kCrcTable[(c ^ b) & 0xffU] ^ (c >> 8U);
  return c ^ 0xffffffffU;
}

Bits Encode(const Mark& mark) {
  std::array<std::uint8_t, kPayloadBytes + kCrcBytes> bytes{};
  ByteWriter writer(bytes);
  writer.U64(mark.text);
  writer.U32(mark.frame);
  const auto time = static_cast<std::uint64_t>(ToMicroseconds(mark.sent.time_since_epoch()) & kTimeMask);
  writer.U16(static_cast<std::uint16_t>(time >> 32U));
  writer.U32(static_cast<std::uint32_t>(time));
  writer.U32(Crc32(writer.Written()));
  LATCHKEY_CHECK(writer.ok());
  Bits bits{};
  for (std::size_t i = 0; i < kSyncBits; ++i) bits[i] = ((kSync >> (kSyncBits - 1 - i)) & 1U) != 0;
  for (std::size_t i = kSyncBits; i < kBits; ++i) {
    const std::size_t at = i - kSyncBits;
    bits[i] = ((unsigned{bytes[at / 8]} >> (7 - at % 8)) & 1U) != 0;
  }
  return bits;
}

std::optional<Mark> Decode(const Bits& bits) {
  std::array<std::uint8_t, kPayloadBytes + kCrcBytes> bytes{};
  for (std::size_t i = 0; i < kSyncBits; ++i) {
    if (bits[i] != (((kSync >> (kSyncBits - 1 - i)) & 1U) != 0)) return std::nullopt;
  }
  for (std::size_t i = kSyncBits; i < kBits; ++i) {
    const std::size_t at = i - kSyncBits;
    if (bits[i]) bytes[at / 8] = static_cast<std::uint8_t>(bytes[at / 8] | (1U << (7 - at % 8)));
  }
  ByteReader reader(bytes);
  Mark mark;
  mark.text = reader.U64();
  mark.frame = reader.U32();
  const std::uint64_t high = reader.U16();
  const std::uint64_t time = (high << 32U) | reader.U32();
  mark.sent = Instant{microseconds{static_cast<std::int64_t>(time)}};
  if (reader.U32() != Crc32(ByteView(bytes).first(kPayloadBytes))) return std::nullopt;
  return mark;
}

void Fill(Picture& picture, const Box& box, std::uint8_t luma) {
  for (int y = box.top; y < box.bottom; ++y) {
    auto row = picture.Row(0, y);
    std::fill(row.begin() + box.left, row.begin() + box.right, luma);
  }
}

Box CellBox(const Layout& layout, int width, int height, std::size_t cell, double inset) {
  const auto columns = static_cast<std::size_t>(layout.columns);
  const auto x = static_cast<double>(cell % columns);
  const auto y = static_cast<double>(cell / columns);
  return ToPixels(layout, width, height, x + inset, y + inset, x + 1 - inset, y + 1 - inset);
}

// Mean luma of the middle of a cell, where the neighbours' ringing is least.
double Sample(const PlaneView& luma, const Layout& layout, std::size_t cell) {
  const Box box = CellBox(layout, luma.width, luma.height, cell, 0.25);
  unsigned sum = 0;
  unsigned count = 0;
  for (int y = box.top; y < std::max(box.bottom, box.top + 1); ++y) {
    for (int x = box.left; x < std::max(box.right, box.left + 1); ++x) {
      sum += luma.At(x, y);
      ++count;
    }
  }
  return static_cast<double>(sum) / count;
}

std::optional<Mark> ReadLayout(const PlaneView& luma, const Layout& layout) {
  // The sync cells are read first: they give black, white and the threshold, and most pictures end here.
  double white = 0;
  double black = 0;
  int whites = 0;
  for (std::size_t i = 0; i < kSyncBits; ++i) {
    const bool is_white = ((kSync >> (kSyncBits - 1 - i)) & 1U) != 0;
    (is_white ? white : black) += Sample(luma, layout, i);
    whites += is_white ? 1 : 0;
  }
  white /= whites;
  black /= static_cast<int>(kSyncBits) - whites;
  if (white - black < kMinContrast) return std::nullopt;
  const double threshold = (white + black) / 2;
  Bits bits{};
  for (std::size_t i = 0; i < kBits; ++i) bits[i] = Sample(luma, layout, i) > threshold;
  return Decode(bits);
}

}  // namespace

std::uint64_t MarkText(std::string_view text) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  const ByteView bytes = AsBytes(text);
  SHA256(bytes.data(), bytes.size(), digest.data());
  return ByteReader(digest).U64();
}

bool DrawMark(const Mark& mark, Picture& picture) {
  const int width = picture.width();
  const int height = picture.height();
  if (width < kMarkMinWidth || height < kMarkMinHeight) return false;
  const Layout& layout = LayoutFor(width, height);
  Fill(picture, ToPixels(layout, width, height, -0.5, -0.5, layout.columns + 0.5, layout.rows + 0.5), kQuiet);
  const Bits bits = Encode(mark);
  for (std::size_t i = 0; i < kBits; ++i) {
    Fill(picture, CellBox(layout, width, height, i, 0), bits[i] ? kLumaWhite : kLumaBlack);
  }
  return true;
}

std::optional<Mark> ReadMark(const PictureView& picture) {
  const PlaneView& luma = picture.planes[0];
  // Under two pixels a cell there is no middle to sample.
  if (luma.width < 160 || luma.height < 90) return std::nullopt;
  const Layout& likely = LayoutFor(luma.width, luma.height);
  if (auto mark = ReadLayout(luma, likely)) return mark;
  return ReadLayout(luma, &likely == &kFine ? kCoarse : kFine);
}

int MarkStripBottom(int width, int height) {
  const Layout& layout = LayoutFor(width, height);
  return ToPixels(layout, width, height, 0, 0, 1, layout.rows + 0.5).bottom;
}

}  // namespace latchkey::media
