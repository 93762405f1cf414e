// A small keeper for one lane: sessions, epochs and real wraps (daemon/access), so that a mix-up fails as it
// does in the hub. It mixes things up on request.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "daemon/access/grant.h"
#include "daemon/wire/ipc_messages.h"
#include "tests/sim/machine.h"

namespace latchkey::sim {

// What goes into a wrap that does not belong there. All must be refused.
enum class MixUp : std::uint8_t {
  kNone,
  kCamera,       // another camera's id
  kEpoch,        // the epoch before
  kFingerprint,  // another viewer's certificate
  kKey,          // another viewer's derived key
  kRights,       // more rights in the message than in the wrap
  kCount
};

class Keeper {
 public:
  struct Session {
    SessionId id;
    ports::Fingerprint fingerprint{};
    Secret32 viewer_key;
    Epoch granted;
    WallTime not_after{};
    bool renews = true;
    std::uint8_t rights = static_cast<std::uint8_t>(wire::Rights::kLive);

    [[nodiscard]] bool listens() const {
      return (rights & static_cast<std::uint8_t>(wire::Rights::kListen)) != 0;
    }
  };

  Keeper(Machine& hub, CameraId camera) : hub_(hub), camera_(camera) {}

  // A camera's offer under the next epoch; `life` is what the camera lives then.
  wire::PublishOffer Publish(const std::string& sdp, std::uint32_t life);
  // The lane took it.
  void Published();
  wire::EpochBegin NextEpoch(std::uint32_t life);
  wire::ViewerOffer View(const std::string& sdp, Session& session);
  // Wraps the content key for the session that the lane parsed.
  wire::ViewerAdmit Admit(const wire::ViewerParsed& parsed, Session& session, WallTime not_after,
                          MixUp mixup);
  wire::WrapRenewal Renew(Session& session, WallTime not_after, MixUp mixup);

  [[nodiscard]] Epoch epoch() const { return epoch_; }
  [[nodiscard]] std::uint32_t life() const { return life_; }

 private:
  wire::WrapBytes Wrap(const Session& session, WallTime not_after, MixUp mixup);
  wire::Ticket MakeTicket();
  Secret32 MakeKey();

  Machine& hub_;
  CameraId camera_;
  Epoch epoch_;
  Epoch last_epoch_;  // the highest ever offered
  std::uint32_t life_ = 0;
  std::uint32_t offered_life_ = 0;
  Secret32 content_key_;
  Secret32 offered_key_;
  wire::Ticket viewer_ticket_;
};

}  // namespace latchkey::sim
