// A lane, a scripted keeper, and peers, under one virtual clock. Datagrams take no time; every input is
// followed by the checks that hold always.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/access/grant.h"
#include "daemon/lane/lane.h"
#include "daemon/ports/store.h"
#include "tests/unit/lane/peer.h"

namespace latchkey::lane::test {

inline const SocketAddress kHub{IpAddress::V4({192, 0, 2, 1}), 47000};
inline SocketAddress Host(std::uint8_t last, std::uint16_t port = 50000) {
  return {IpAddress::V4({192, 0, 2, last}), port};
}

// What a test may change of a viewer's admission, to see it refused.
struct Admission {
  std::optional<CameraId> camera;
  std::optional<Epoch> epoch;                     // in the wrap
  std::optional<Epoch> told_epoch;                // in the message
  std::optional<ports::Fingerprint> fingerprint;  // in the wrap
  std::optional<Secret32> derived_key;            // in the message
  std::optional<std::uint8_t> rights;             // in the wrap, and told with it
  std::optional<std::uint8_t> told_rights;        // instead of them
  std::optional<wire::Ticket> ticket;
  Duration life = access::kWrapLife;
  Duration keeper_takes{};  // from the parsed offer to the wrap
};

class World {
 public:
  explicit World(std::function<void(wire::LaneConfig&)> change = {});

  // Keeper. Each returns what the lane answered to that ticket.
  std::vector<wire::LaneToKeeper> Publish(Camera& camera);
  // A camera whose key was enrolled; `sources` are what the keeper has of earlier senders.
  void Enrol(Camera& camera, const ports::SdesKey& key, std::vector<wire::SdesSource> sources = {},
             wire::Codec video = wire::Codec::kH264);
  std::vector<wire::LaneToKeeper> View(ViewerEnd& viewer, const Admission& admission = {},
                                       bool only_h264 = false);
  void Renew(const SessionId& session, const Admission& admission = {});
  void RenewAll();
  void BeginNextEpoch();
  std::vector<wire::LaneToKeeper> Tell(wire::KeeperToLane message);
  std::vector<wire::LaneToKeeper> Patch(const SessionId& session, const std::string& if_match,
                                        const std::string& fragment);

  // The present epoch's content key, which nobody but the lane has afterwards.
  [[nodiscard]] Secret32 TakeContentKey() { return std::move(content_key_); }

  // Time.
  void Advance(Duration d);
  // A picture every 40 ms, a keyframe first in each group of `group`; `keyframe_bytes`, then `bytes`.
  void Film(Camera& camera, Duration d, std::uint32_t group = 50, std::size_t keyframe_bytes = 20000,
            std::size_t bytes = 4000);
  void Connect(Peer& peer);
  // Datagrams both ways until nobody has anything to say.
  void Settle();
  // A datagram from anywhere, as it is.
  void Inject(ByteView bytes, const SocketAddress& from);

  // Everything that the lane said since the last call, statuses left out.
  std::vector<wire::LaneToKeeper> TakeMessages();
  template <class Message>
  std::optional<Message> Find(std::vector<wire::LaneToKeeper>& messages) {
    for (auto& message : messages) {
      if (auto* found = std::get_if<Message>(&message)) return std::move(*found);
    }
    return std::nullopt;
  }

  PeerTools hub;
  PeerTools camera_tools;
  PeerTools viewer_tools;
  Instant now{seconds{1000}};
  WallTime wall = FromUnixSeconds(1'790'000'000);
  wire::LaneConfig config;
  std::unique_ptr<Lane> lane;
  wire::LaneStatus status;       // told last
  std::size_t datagrams = 0;     // sent by the lane
  std::size_t largest_turn = 0;  // packets of one turn
  std::size_t turn_bytes = 0;    // of the largest turn
  Epoch epoch;
  SessionId camera_session;
  bool allows_sdes = false;               // in offers
  bool reserves = true;                   // indices, as soon as they are wanted
  std::vector<wire::SdesSource> sources;  // as far as they were reserved
  bool vouches = true;  // for every key that a camera shows; else KeyShown is a message as any other

 private:
  struct Session {
    SessionId id;
    ports::Fingerprint fingerprint{};
    Secret32 viewer_key;
  };
  void Collect();
  wire::WrapBytes Wrap(const Session& session, const Admission& admission, WallTime not_after);
  wire::Ticket MakeTicket();
  void After();

  Secret32 content_key_;
  std::vector<wire::IndexWanted> wanted_;
  std::optional<wire::KeyShown> vouch;  // as soon as the lane has done what it does
  std::vector<Session> sessions_;
  std::vector<Peer*> peers_;
  std::vector<wire::LaneToKeeper> messages_;
};

}  // namespace latchkey::lane::test
