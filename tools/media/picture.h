// Pictures as values: planar YUV 4:2:0, 8 bits, limited range (BT.601 or BT.709; nobody here cares which).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "daemon/base/check.h"

namespace latchkey::media {

constexpr std::uint8_t kLumaBlack = 16;
constexpr std::uint8_t kLumaWhite = 235;

// Largest width and height taken from anywhere, in pixels.
constexpr int kMaxPictureSide = 8192;

// A view of one plane; rows may be further apart than they are wide.
struct PlaneView {
  std::span<const std::uint8_t> bytes;
  std::size_t stride = 0;
  int width = 0;
  int height = 0;

  [[nodiscard]] std::uint8_t At(int x, int y) const {
    return bytes[static_cast<std::size_t>(y) * stride + static_cast<std::size_t>(x)];
  }
};

// What a decoder lends until its next call, or a Picture lends while it lives.
struct PictureView {
  std::array<PlaneView, 3> planes;  // Y, U, V
  [[nodiscard]] int width() const { return planes[0].width; }
  [[nodiscard]] int height() const { return planes[0].height; }
};

// A picture that owns its bytes. Width and height are even, 2..kMaxPictureSide.
class Picture {
 public:
  Picture(int width, int height) : width_(width), height_(height) {
    LATCHKEY_CHECK(width >= 2 && height >= 2 && width <= kMaxPictureSide && height <= kMaxPictureSide);
    LATCHKEY_CHECK(width % 2 == 0 && height % 2 == 0);
    for (std::size_t i = 0; i < 3; ++i) {
      planes_[i].assign(static_cast<std::size_t>(PlaneWidth(i)) * static_cast<std::size_t>(PlaneHeight(i)),
                        i == 0 ? kLumaBlack : kNeutralChroma);
    }
  }

  [[nodiscard]] int width() const { return width_; }
  [[nodiscard]] int height() const { return height_; }
  [[nodiscard]] int PlaneWidth(std::size_t plane) const { return plane == 0 ? width_ : width_ / 2; }
  [[nodiscard]] int PlaneHeight(std::size_t plane) const { return plane == 0 ? height_ : height_ / 2; }
  // One row of one plane, exactly as wide as the plane.
  [[nodiscard]] std::span<std::uint8_t> Row(std::size_t plane, int y) {
    const auto width = static_cast<std::size_t>(PlaneWidth(plane));
    return std::span(planes_[plane]).subspan(static_cast<std::size_t>(y) * width, width);
  }
  [[nodiscard]] PictureView View() const {
    PictureView view;
    for (std::size_t i = 0; i < 3; ++i) {
      view.planes[i] = {planes_[i], static_cast<std::size_t>(PlaneWidth(i)), PlaneWidth(i), PlaneHeight(i)};
    }
    return view;
  }

 private:
  static constexpr std::uint8_t kNeutralChroma = 128;
  int width_;
  int height_;
  std::array<std::vector<std::uint8_t>, 3> planes_;
};

}  // namespace latchkey::media
