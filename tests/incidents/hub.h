// A whole hub in one process, under one virtual clock and from one seed: the real front, keeper and lanes as
// machines. What the processes say to each other travels as the records that the socketpairs carry, and
// datagrams travel one by one, so a test can stop anywhere, choose what comes next, lose it or change it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "daemon/front/front.h"
#include "daemon/lane/lane.h"
#include "tests/unit/keeper/house.h"
#include "tests/unit/lane/peer.h"

namespace latchkey::incidents {

enum class Channel : std::uint8_t { kFrontToKeeper, kKeeperToFront, kKeeperToLane, kLaneToKeeper };

// One record on its way.
struct Letter {
  Channel channel = Channel::kFrontToKeeper;
  CameraId camera;            // whose lane; null on the front's channel
  std::uint64_t process = 0;  // the child at its end: what was under way to or from a dead one is lost
  ByteVector record;

  [[nodiscard]] wire::IpcKind kind() const { return static_cast<wire::IpcKind>(record.at(1)); }
};

// The letter's message, if it is one of these.
template <class Message, class Variant>
std::optional<Message> Read(const Letter& letter) {
  auto decoded = wire::DecodeIpc<Variant>(letter.record);
  if (!decoded) return std::nullopt;
  auto* message = std::get_if<Message>(&*decoded);
  if (message == nullptr) return std::nullopt;
  return std::optional<Message>(std::move(*message));
}

struct Parcel {
  SocketAddress from;
  SocketAddress to;
  ByteVector bytes;
};

// What a hub is to do differently in a test; each may be empty.
struct Meddling {
  // Which letter comes next: an index into what waits. Otherwise the oldest.
  std::function<std::size_t(const std::vector<Letter>&)> choose;
  std::function<void(Letter&)> tamper;       // with a letter that is just posted
  std::function<bool(const Parcel&)> loses;  // a datagram
};

// Any order that the conversations allow: questions and answers overtake each other, what begins or ends
// something comes in its turn.
class Shuffle {
 public:
  explicit Shuffle(std::uint32_t seed) : dice_(seed) {}
  std::size_t operator()(const std::vector<Letter>& waiting);

 private:
  std::mt19937 dice_;
};

class Hub {
 public:
  explicit Hub(std::uint64_t seed = 1);
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  // The owner's orders; carried out before they return, but for the letters that they cause.
  keeper::ControlDesk& owner() { return keeper_->control(); }
  void Settle();
  // A keeper from what is in the store and the log, with new children: what a restart of the daemon is.
  void RestartDaemon();
  // A process ends of a sudden; its heir starts with the next step.
  void KillFront();
  void KillLane(CameraId camera);

  // HTTP, as from a device on the LAN. The response goes to on_response; 503 where the connection breaks.
  ports::HttpExchange Request(ports::HttpMethod method, const std::string& path, const Secret32& token,
                              const std::string& body = {});
  void Leave(ports::HttpExchange exchange);

  // Who takes part in datagrams. A peer stays until the hub is gone.
  void Plug(lane::test::Peer& peer) { peers_.push_back(&peer); }
  void Send(Parcel parcel) { parcels_.push_back(std::move(parcel)); }
  [[nodiscard]] SocketAddress AddressOf(CameraId camera) const { return lanes_.at(camera).address; }

  // One thing happens: a letter comes, or else a datagram, or else time goes on, by 10 ms at most.
  void Step();
  void Run(Duration length);
  // HTTP responses reach whoever asked. Each step begins so.
  void Respond();
  // Until no letter is under way. Time stands still.
  void DeliverLetters();

  [[nodiscard]] keeper::Keeper& keeper() { return *keeper_; }
  [[nodiscard]] front::Front& front() { return *front_; }
  [[nodiscard]] lane::Lane& lane(CameraId camera) { return *lanes_.at(camera).machine; }
  [[nodiscard]] const std::vector<Letter>& letters() const { return letters_; }
  // Datagrams that have left, and have not arrived.
  [[nodiscard]] const std::deque<Parcel>& parcels() const { return parcels_; }
  // Why the keeper ended children for what they said.
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  // The keeper's lines in the log.
  [[nodiscard]] bool Noticed(std::string_view words) const;

  Instant now{hours(1)};
  WallTime wall = FromUnixSeconds(1'800'000'000);
  Meddling meddling;
  std::function<void(ports::HttpExchange, ports::HttpResponse)> on_response;
  std::function<void()> on_time;  // time went on
  platform::OpenSslCrypto crypto;
  keeper::SeededEntropy entropy;        // the keeper's
  keeper::SeededEntropy front_entropy;  // the front's
  keeper::MemoryStore store;
  keeper::MemoryLog log;
  wire::LaneConfig changed;  // lanes that start from now on take the cache's bounds from here, if it has any

 private:
  struct LaneProcess {
    SocketAddress address;
    std::uint64_t process = 0;  // 0: it does not run
    std::unique_ptr<lane::test::PeerTools> tools;
    std::unique_ptr<lane::Lane> machine;
  };

  void StartChildren();
  void Deliver(Letter letter);
  void DeliverToLane(LaneProcess& lane, wire::KeeperToLane message);
  void Deliver(const Parcel& parcel);
  void Post(Channel channel, CameraId camera, std::uint64_t process, ByteVector record);
  void CarryOut();
  void Do(keeper::Effect& effect);
  void CollectFront();
  void Collect(CameraId camera);
  bool DrainPeers();
  void GoOn();

  std::uint64_t seed_;
  Secret32 secret_;
  std::unique_ptr<platform::Ed25519Signer> signer_;
  std::unique_ptr<keeper::Registry> registry_;
  std::unique_ptr<keeper::AuditBook> book_;
  std::unique_ptr<keeper::Keeper> keeper_;
  std::unique_ptr<front::Front> front_;
  std::uint64_t front_process_ = 0;
  std::map<CameraId, LaneProcess> lanes_;
  std::uint64_t processes_ = 0;
  ports::HttpExchange exchange_;
  std::vector<ports::HttpExchange> open_;    // requests that wait
  std::vector<ports::HttpExchange> broken_;  // whose connections broke
  std::vector<front::Reply> answered_;       // on their way to whoever asked
  std::vector<Letter> letters_;
  std::deque<Parcel> parcels_;
  std::vector<lane::test::Peer*> peers_;
  std::vector<std::string> violations_;
  std::vector<std::string> notices_;
};

}  // namespace latchkey::incidents
