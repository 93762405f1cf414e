// A world with a live camera and one viewer that has seen all of its pictures.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "daemon/wire/rtcp_feedback.h"
#include "daemon/wire/rtcp_source.h"
#include "tests/support/catch.h"
#include "tests/unit/lane/world.h"

namespace latchkey::lane::test {

struct Watched : World {
  explicit Watched(std::function<void(wire::LaneConfig&)> change = {})
      : World(std::move(change)), camera(camera_tools, Host(2), 0xCA1), viewer(viewer_tools, Host(3)) {
    auto replies = Publish(camera);
    REQUIRE(Find<wire::PublishAnswer>(replies));
    Connect(camera.peer);
    Film(camera, milliseconds{400});
    replies = View(viewer);
    const auto answer = Find<wire::ViewerAnswer>(replies);
    REQUIRE(answer);
    viewer_session = answer->session;
    etag = answer->etag.str();
    Connect(viewer.peer);
    Film(camera, milliseconds{400});
    REQUIRE(viewer.Pictures().size() == camera.pictures);
  }
  void SendNack(std::vector<std::uint16_t> sequences) {
    std::array<std::uint8_t, 600> bytes{};
    ByteWriter writer(bytes);
    wire::WriteReceiverReport(7, {}, writer);
    wire::WriteNack(7, viewer.video().remote_sources.front().ssrc, sequences, writer);
    viewer.peer.SendRtcp(writer.Written());
    Settle();
  }
  void SendPli() {
    viewer.SendPli();
    Settle();
  }
  Camera camera;
  ViewerEnd viewer;
  SessionId viewer_session;
  std::string etag;
};

}  // namespace latchkey::lane::test
