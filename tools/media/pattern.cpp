#include "tools/media/pattern.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tools/media/font.h"
#include "tools/media/mark.h"
#include "tools/media/random.h"

namespace latchkey::media {
namespace {

constexpr double kPi = 3.14159265358979323846;
// One swing of the moon from left to right and back.
constexpr double kSwingSeconds = 8;
constexpr std::size_t kMaxShownName = 24;

int Even(int v) {
  return v & ~1;
}

std::uint8_t Byte(double v) {
  return static_cast<std::uint8_t>(std::clamp(v, 0.0, 255.0));
}

// Chroma of a hue (0..1) at a modest saturation.
struct Tint {
  double u, v;
};
Tint TintOf(double hue, double strength) {
  return {128 + strength * std::cos(2 * kPi * hue), 128 + strength * std::sin(2 * kPi * hue)};
}

// Below the mark, above the disc, and clear of what players lay over the lower edge.
int TextTop(int height) {
  return Even(height * 4 / 25);
}

// Turns of the chroma plane, as kSkies names them.
constexpr std::array<double, kSkies.size()> kSkyHues{0.93, 0.37, 0.62, 0.16};

double HueOf(std::string_view name, std::string_view sky) {
  const auto* const at = std::find(kSkies.begin(), kSkies.end(), sky);
  if (at != kSkies.end()) return kSkyHues[static_cast<std::size_t>(at - kSkies.begin())];
  return static_cast<double>(MarkText(name) >> 40U) / (1 << 24);
}

// Height of the hills' crest at x (both 0..1), from the bottom.
double Crest(double x, double phase) {
  return 0.20 + 0.045 * std::sin(2 * kPi * (x * 1.3 + phase)) +
         0.02 * std::sin(2 * kPi * (x * 3.1 + 2 * phase));
}

// Grain is cut out of one tape of noise, from another place for each row.
constexpr std::size_t kGrainTape = 1U << 16U;
constexpr int kGrainStrength = 7;

}  // namespace

Pattern::Pattern(int width, int height, std::string name, std::string_view sky)
    : width_(width),
      height_(height),
      name_(std::move(name)),
      background_(width, height),
      picture_(width, height) {
  LATCHKEY_CHECK(width >= 160 && height >= 90);
  if (name_.size() > kMaxShownName) name_.resize(kMaxShownName);
  DrawBackground(HueOf(name_, sky));
  picture_ = background_;
}

void Pattern::DrawBackground(double hue) {
  for (int y = 0; y < height_; ++y) {
    const double fy = static_cast<double>(y) / height_;
    auto luma = background_.Row(0, y);
    for (int x = 0; x < width_; ++x) {
      const double from_bottom = 1 - fy;
      const double fx = static_cast<double>(x) / width_;
      double value = 52 + 92 * fy;                             // sky
      if (from_bottom < Crest(fx, hue) + 0.07) value = 78;     // far hills
      if (from_bottom < Crest(1 - fx, hue + 0.3)) value = 44;  // near hills
      luma[static_cast<std::size_t>(x)] = Byte(value);
    }
  }
  for (int y = 0; y < height_ / 2; ++y) {
    const double fy = 2.0 * y / height_;
    auto u = background_.Row(1, y);
    auto v = background_.Row(2, y);
    for (int x = 0; x < width_ / 2; ++x) {
      const double fx = 2.0 * x / width_;
      const bool land = 1 - fy < Crest(fx, hue) + 0.07 || 1 - fy < Crest(1 - fx, hue + 0.3);
      const Tint tint = land ? TintOf(hue + 0.06, 16) : TintOf(hue, 16 + 26 * fy);
      u[static_cast<std::size_t>(x)] = Byte(tint.u);
      v[static_cast<std::size_t>(x)] = Byte(tint.v);
    }
  }
  const int scale = std::max(1, height_ / 120);
  DrawText(background_, name_, width_ / 20, TextTop(height_), scale);
}

Pattern::Area Pattern::Clip(int left, int top, int right, int bottom) const {
  return {std::clamp(Even(left), 0, width_), std::clamp(Even(top), 0, height_),
          std::clamp(Even(right + 1), 0, width_), std::clamp(Even(bottom + 1), 0, height_)};
}

void Pattern::Restore(const Area& area) {
  for (std::size_t plane = 0; plane < 3; ++plane) {
    const int shift = plane == 0 ? 0 : 1;
    for (int y = area.top >> shift; y < area.bottom >> shift; ++y) {
      const auto from = background_.Row(plane, y);
      auto to = picture_.Row(plane, y);
      std::copy(from.begin() + (area.left >> shift), from.begin() + (area.right >> shift),
                to.begin() + (area.left >> shift));
    }
  }
}

void Pattern::DrawDisc(int centre_x, int centre_y, int radius) {
  disc_ = Clip(centre_x - radius - 2, centre_y - radius - 2, centre_x + radius + 2, centre_y + radius + 2);
  for (int y = disc_.top; y < disc_.bottom; ++y) {
    auto luma = picture_.Row(0, y);
    for (int x = disc_.left; x < disc_.right; ++x) {
      const double distance = std::hypot(x - centre_x, y - centre_y);
      // One pixel of soft edge.
      const double cover = std::clamp(radius - distance + 0.5, 0.0, 1.0);
      auto& pixel = luma[static_cast<std::size_t>(x)];
      pixel = Byte(pixel + cover * (214 - pixel));
    }
  }
  for (int y = disc_.top / 2; y < disc_.bottom / 2; ++y) {
    auto u = picture_.Row(1, y);
    auto v = picture_.Row(2, y);
    for (int x = disc_.left / 2; x < disc_.right / 2; ++x) {
      if (std::hypot(2 * x - centre_x, 2 * y - centre_y) > radius) continue;
      u[static_cast<std::size_t>(x)] = 104;
      v[static_cast<std::size_t>(x)] = 140;
    }
  }
}

void Pattern::DrawText(Picture& onto, std::string_view text, int left, int top, int scale) const {
  ForEachDot(text, [&](int x, int y) {
    for (int dy = 0; dy < scale; ++dy) {
      for (int dx = 0; dx < scale; ++dx) {
        const int px = left + x * scale + dx;
        const int py = top + y * scale + dy;
        if (px < 0 || py < 0 || px >= width_ || py >= height_) continue;
        onto.Row(0, py)[static_cast<std::size_t>(px)] = 222;
      }
    }
  });
}

Picture& Pattern::Draw(Duration elapsed, std::string_view clock) {
  Restore(disc_);
  const double swing = std::sin(2 * kPi * ToSeconds(elapsed) / kSwingSeconds);
  const int radius = height_ / 11;
  const int centre_x = static_cast<int>(width_ * (0.5 + 0.36 * swing));
  const int centre_y = static_cast<int>(height_ * (0.42 + 0.10 * swing * swing));
  DrawDisc(centre_x, centre_y, radius);

  clock = clock.substr(0, kMaxClock);
  if (clock != clock_text_) {
    clock_text_ = clock;
    const int scale = std::max(1, height_ / 180);
    const int text_width = static_cast<int>(clock_text_.size()) * kGlyphAdvance * scale;
    const int left = width_ - text_width - width_ / 20;
    const int top = TextTop(height_);
    Restore(clock_);
    clock_ = Clip(left, top, left + text_width, top + kGlyphHeight * scale);
    DrawText(picture_, clock_text_, left, top, scale);
  }
  return picture_;
}

Picture& Pattern::WithGrain(std::uint32_t frame) {
  const auto width = static_cast<std::size_t>(width_);
  SeededRandom random(frame);
  if (grain_.empty()) {
    grain_.resize(kGrainTape + width);
    // The sum of two dice: more small deviations than large ones.
    for (auto& g : grain_) {
      const std::uint64_t dice = random.U64();
      g = static_cast<std::int8_t>(static_cast<int>(dice % (kGrainStrength + 1)) +
                                   static_cast<int>((dice >> 32U) % (kGrainStrength + 1)) - kGrainStrength);
    }
  }
  grainy_ = picture_;
  for (int y = 0; y < height_; ++y) {
    const auto noise = std::span(grain_).subspan(random.U64() % kGrainTape, width);
    auto row = grainy_->Row(0, y);
    for (std::size_t x = 0; x < width; ++x) {
      row[x] = static_cast<std::uint8_t>(std::clamp(row[x] + noise[x], int{kLumaBlack}, int{kLumaWhite}));
    }
  }
  return *grainy_;
}

}  // namespace latchkey::media
