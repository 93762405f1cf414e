// A 5x7 font for the test pattern: capitals, digits and some signs. Small letters are drawn as capitals.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace latchkey::media {

constexpr int kGlyphWidth = 5;
constexpr int kGlyphHeight = 7;
// From the left edge of a glyph to the next one's, in its pixels.
constexpr int kGlyphAdvance = kGlyphWidth + 1;

// Rows from the top; bit 4 is the leftmost pixel.
using Glyph = std::array<std::uint8_t, kGlyphHeight>;

// A hollow box for what the font doesn't have.
const Glyph& GlyphOf(char c);

// Calls dot(x, y) for each pixel set of `text`, in the font's pixels from the text's upper left corner.
template <class Dot>
void ForEachDot(std::string_view text, Dot&& dot) {
  int left = 0;
  for (const char c : text) {
    const Glyph& glyph = GlyphOf(c);
    for (int y = 0; y < kGlyphHeight; ++y) {
      for (int x = 0; x < kGlyphWidth; ++x) {
        if (((unsigned{glyph[static_cast<std::size_t>(y)]} >> static_cast<unsigned>(kGlyphWidth - 1 - x)) &
             1U) != 0)
          dot(left + x, y);
      }
    }
    left += kGlyphAdvance;
  }
}

}  // namespace latchkey::media
