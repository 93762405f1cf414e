// The test pattern of latchkey-cam: a calm evening scene with a moon that really moves, the camera's name and
// a clock. Each name has a sky of its own colour; names that happen on colours alike can be given others.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/time.h"
#include "tools/media/picture.h"

namespace latchkey::media {

// Skies that nobody takes for one another.
constexpr std::array<std::string_view, 4> kSkies{"blue", "orange", "green", "violet"};

// Keeps one picture and redraws only what moves, so a picture costs tens of microseconds.
class Pattern {
 public:
  // Width and height even, at least 160x90. `sky` is one of kSkies; "": by the name.
  Pattern(int width, int height, std::string name, std::string_view sky = "");

  // The picture for this moment: `elapsed` since the first one moves the scene, `clock` is written in the
  // corner (at most kMaxClock characters are). Valid until the next call; what the caller draws into the
  // mark's strip stays until overdrawn.
  static constexpr std::size_t kMaxClock = 24;
  Picture& Draw(Duration elapsed, std::string_view clock);
  // The picture drawn last with a sensor's grain over it, another for each `frame`: what makes an encoder use
  // the rate it was given. Valid until the next call.
  Picture& WithGrain(std::uint32_t frame);

 private:
  struct Area {
    int left = 0, top = 0, right = 0, bottom = 0;  // even; one past the end
  };
  void DrawBackground(double hue);
  void Restore(const Area& area);
  void DrawDisc(int centre_x, int centre_y, int radius);
  void DrawText(Picture& onto, std::string_view text, int left, int top, int scale) const;
  [[nodiscard]] Area Clip(int left, int top, int right, int bottom) const;

  int width_;
  int height_;
  std::string name_;
  Picture background_;
  Picture picture_;
  std::optional<Picture> grainy_;
  std::vector<std::int8_t> grain_;
  Area disc_;
  Area clock_;
  std::string clock_text_;
};

}  // namespace latchkey::media
