// A world with a camera that has filmed, and nobody who watches yet.
#pragma once

#include <functional>
#include <optional>

#include "tests/support/catch.h"
#include "tests/unit/lane/world.h"

namespace latchkey::lane::test {

// A lane with a camera that has filmed for a second.
struct Filmed : World {
  explicit Filmed(std::function<void(wire::LaneConfig&)> change = {},
                  std::optional<wire::Codec> sound = std::nullopt)
      : World(std::move(change)), camera(camera_tools, Host(2), 0xCA1) {
    camera.sound = sound;
    auto replies = Publish(camera);
    REQUIRE(Find<wire::PublishAnswer>(replies));
    Connect(camera.peer);
    Film(camera, seconds{1});
  }
  Camera camera;
};

}  // namespace latchkey::lane::test
