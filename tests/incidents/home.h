// The people and things of a home around a hub: cameras that film pictures which say whose they are in every
// byte, and viewers of whom each picture that they get is looked at whole.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/incidents/hub.h"

namespace latchkey::incidents {

// A picture as a viewer has it.
struct Sight {
  std::uint32_t mark = 0;  // whose
  std::uint32_t number = 0;
  bool keyframe = false;
  bool whole = false;  // every byte is of this picture, and none is missing
};

// Its handshake is over, and nobody has said goodbye.
inline bool IsUp(const lane::test::Peer& peer) {
  return peer.connected() && !peer.closed();
}

// A device that publishes or watches, over all its sessions.
struct Asking {
  ports::HttpExchange exchange;
  std::string offer;
  int status = 0;        // of the newest answer; 0: none yet
  std::string location;  // of the session
  bool insists = false;  // asks again when it was refused
  Instant again;
};

struct HomeCamera {
  std::string name;
  keeper::Enrolled<CameraId> own;
  std::uint32_t mark = 0;
  std::shared_ptr<lane::test::PeerTools> tools;
  std::vector<std::unique_ptr<lane::test::Camera>> lives;  // its sessions
  Asking asking;
  bool films = true;
  bool repairs = true;  // answers NACKs
  std::optional<wire::Codec> sound;
  std::uint32_t ssrc_of_mark = 0;            // it sends under the SSRC that this mark has; 0: its own
  std::optional<SocketAddress> at;           // where its next session is; otherwise an address of its own
  std::map<std::uint16_t, ByteVector> sent;  // as it was on the wire, of the present session
  std::uint32_t numbers = 0;                 // pictures filmed in all its lives

  [[nodiscard]] lane::test::Camera& end() { return *lives.back(); }
  [[nodiscard]] bool connected() const { return !lives.empty() && IsUp(lives.back()->peer); }
};

struct HomeViewer {
  std::string name;
  keeper::Enrolled<ViewerId> own;
  CameraId camera;
  std::uint32_t mark = 0;  // of that camera: what it may see, and nothing else
  std::shared_ptr<lane::test::PeerTools> tools;
  std::vector<std::unique_ptr<lane::test::ViewerEnd>> lives;
  Asking asking;

  [[nodiscard]] lane::test::ViewerEnd& end() { return *lives.back(); }
  [[nodiscard]] bool connected() const { return !lives.empty() && IsUp(lives.back()->peer); }
  // RTP packets that opened, in all its sessions.
  [[nodiscard]] std::size_t packets() const;
};

// Pictures of one session, oldest first; one that is not whole is told as such.
std::vector<Sight> Sights(const lane::test::ViewerEnd& end);

class Home {
 public:
  explicit Home(std::uint64_t seed = 1);

  HomeCamera& Camera(const std::string& name);
  // With a grant for that camera, for an hour.
  HomeViewer& Viewer(const std::string& name, const HomeCamera& camera);

  // Asks the hub; the rest happens as time goes on.
  void Publish(HomeCamera& camera);
  void Watch(HomeViewer& viewer);
  // Without a word, and for so long that the hub no longer takes it for live.
  void SwitchOff(HomeCamera& camera);
  // Until it is connected, however often the hub says "currently unavailable" or "already publishing".
  void PublishAndConnect(HomeCamera& camera);
  void WatchAndConnect(HomeViewer& viewer);
  // Until the viewer's present session has so many pictures, or for `patience`: whether it has.
  bool Sees(HomeViewer& viewer, std::size_t pictures = 10, Duration patience = seconds(4));

  // Every picture that anybody ever got is whole, of the camera of the viewer's grant, newer than the one
  // before in its session, and a change to exactly that one unless it is a keyframe.
  void CheckEverySight() const;

  Hub hub;
  std::vector<std::unique_ptr<HomeCamera>> cameras;
  std::vector<std::unique_ptr<HomeViewer>> viewers;
  std::vector<ports::HttpExchange> unheard;  // responses for which nobody waited

 private:
  void OnResponse(ports::HttpExchange exchange, const ports::HttpResponse& response);
  void OnTime();
  template <class Device>
  void Connect(Device& device);
  bool HearHub(HomeCamera& camera);
  [[nodiscard]] SocketAddress NextAddress();

  std::uint64_t seed_;
  std::uint16_t next_port_ = 50000;
  Instant next_picture_;
};

}  // namespace latchkey::incidents
