// A mark: a machine-readable block code in the luma of each picture, by which a viewer's end proves whose
// picture it got, which one, and how old it is. Made to survive lossy coding and scaling.
//
// 190 bits as black and white cells in a mid-grey strip at the top of the picture:
//
//    0          14                78          110             158         190
//    +----------+-----------------+-----------+---------------+-----------+
//    | sync 14  | hash of TEXT 64 | frame 32  | send time 48  | CRC-32 32 |
//    +----------+-----------------+-----------+---------------+-----------+
//
// The strip's place and its cells are fixed fractions of the picture, so a scaled picture still reads:
//   fine:   64 columns x 3 rows, a cell is 1/80 of the width and 1/45 of the height (640x360 and larger)
//   coarse: 38 columns x 5 rows, a cell is 1/40 of the width and 2/45 of the height (320x180 and larger)
// Either way a cell is at least 8x8 pixels when it is drawn. The reader tries both.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "daemon/base/time.h"
#include "tools/media/picture.h"

namespace latchkey::media {

constexpr int kMarkMinWidth = 320;
constexpr int kMarkMinHeight = 180;

struct Mark {
  std::uint64_t text = 0;   // MarkText(TEXT)
  std::uint32_t frame = 0;  // counted by the camera, wraps
  Instant sent;             // CLOCK_MONOTONIC, whole microseconds, 48 bits (8.9 years)
  friend bool operator==(const Mark&, const Mark&) = default;
};

// The first 64 bits of SHA-256(text).
std::uint64_t MarkText(std::string_view text);

// Draws into the luma plane. False, and nothing drawn, when the picture is under the least size.
[[nodiscard]] bool DrawMark(const Mark& mark, Picture& picture);

// Nothing unless sync, contrast and CRC-32 all hold: a mark is whole or unread, never guessed.
[[nodiscard]] std::optional<Mark> ReadMark(const PictureView& picture);

// Height of the strip that DrawMark covers, in pixels from the top, for what is drawn around it.
[[nodiscard]] int MarkStripBottom(int width, int height);

}  // namespace latchkey::media
