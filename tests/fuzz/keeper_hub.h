// The keeper among hostile children, for fuzzing: a real Keeper over a registry in memory, an honest lane,
// and a front and two lanes that say whatever the input says.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/access/grant.h"
#include "daemon/access/token.h"
#include "daemon/keeper/keeper.h"
#include "platform/crypto/openssl_crypto.h"
#include "tests/fuzz/keeper_loot.h"
#include "tests/support/seeded_entropy.h"

namespace latchkey::fuzz {

// A disk that takes everything; the registry has it all in memory.
class Disk final : public ports::RegistryStore {
 public:
  Result<ports::RegistrySnapshot> Load() override { return ports::RegistrySnapshot{}; }
  Result<std::uint64_t> Turn() override { return std::uint64_t{0}; }
  Status AddCamera(const ports::CameraRecord&) override { return {}; }
  Status RenameCamera(CameraId, const std::string&) override { return {}; }
  Status RemoveCamera(CameraId) override { return {}; }
  Status ReplaceCameraToken(CameraId, const ports::TokenDigest&,
                            const std::optional<ports::SealedSdesKey>&) override {
    return {};
  }
  Status TransferCamera(CameraId, const ports::TokenDigest&,
                        const std::optional<ports::SealedSdesKey>&) override {
    return {};
  }
  Status ReplaceViewerToken(ViewerId, const ports::TokenDigest&) override { return {}; }
  Status ReserveEpochs(CameraId, Epoch) override { return {}; }
  Status SetPin(CameraId, ports::PinState, const std::optional<ports::KeyPin>&) override { return {}; }
  Status UseKeys(CameraId camera, const std::optional<ports::KeyTag>&, const ports::KeyTag& key,
                 WallTime) override {
    used_.emplace(key, camera);
    return {};
  }
  Status NoteSdesTag(CameraId camera, const ports::KeyTag& key, WallTime) override {
    used_.emplace(key, camera);
    return {};
  }
  Status SetSdesPort(CameraId, std::uint16_t) override { return {}; }
  Status ReserveIndex(CameraId, const ports::SealedSdesKey&, const ports::SourceFloor& source) override {
    auto& from = sources_[source.ssrc];
    if (source.from <= from) return Fail(ErrorCode::kInvalid, "further already");
    from = source.from;
    return {};
  }
  Result<std::vector<ports::SourceFloor>> SdesSources(CameraId) override {
    std::vector<ports::SourceFloor> floors;
    for (const auto& [ssrc, from] : sources_) {
      if (floors.size() < ports::kMaxSdesSources) floors.push_back({ssrc, from});
    }
    return floors;
  }
  [[nodiscard]] ports::SrtpIndex FloorOf(std::uint32_t ssrc) const {
    const auto at = sources_.find(ssrc);
    return at == sources_.end() ? 0 : at->second;
  }
  Result<std::optional<CameraId>> UserOf(const ports::KeyTag& key) override {
    const auto at = used_.find(key);
    return at == used_.end() ? std::optional<CameraId>() : std::optional<CameraId>(at->second);
  }
  Result<std::optional<ports::Sha256Digest>> SecretCheck() override {
    return std::optional<ports::Sha256Digest>();
  }
  Status KeepSecretCheck(const ports::Sha256Digest&) override { return {}; }
  Status AddViewer(const ports::ViewerRecord&) override { return {}; }
  Status RemoveViewer(ViewerId) override { return {}; }
  Status AddGrant(const ports::GrantRecord&) override { return {}; }
  Status RemoveGrant(GrantId) override { return {}; }
  Status AddSuspension(const ports::SuspensionRecord&) override { return {}; }
  Status LiftSuspension(SuspensionId, const std::string&, WallTime) override { return {}; }

 private:
  std::map<ports::KeyTag, CameraId> used_;
  std::map<std::uint32_t, ports::SrtpIndex> sources_;  // of the only camera with an enrolled key
};

// A signature that nobody else makes, cheaply.
class Stamp final : public ports::Signer {
 public:
  explicit Stamp(ports::Crypto& crypto) : crypto_(crypto) {}
  [[nodiscard]] PublicKey public_key() const override { return {}; }
  ports::Signature Sign(ByteView data) override {
    ByteVector keyed{'a', ' ', 's', 'e', 'c', 'r', 'e', 't'};
    keyed.insert(keyed.end(), data.begin(), data.end());
    const auto digest = crypto_.Sha256(keyed);
    ports::Signature signature{};
    for (std::size_t i = 0; i < signature.size(); ++i) signature[i] = digest[i % digest.size()];
    return signature;
  }

 private:
  ports::Crypto& crypto_;
};

// The hub. Every input is followed by what must hold always (LATCHKEY_CHECK).
class HostileHub {
 public:
  HostileHub();
  // The next thing that the input says happens.
  void Act(ByteReader& input);
  // When it is over: an honest front starts, the honest camera publishes, its viewer sees it, and another
  // does not.
  void ServeHonestly();

 private:
  struct Person {
    keeper::Enrolled<ViewerId> own;
    PrincipalId principal;
  };
  // Who spoke, to be ended for it: nobody, the front (a null camera), or a camera's lane.
  using Speaker = std::optional<CameraId>;

  void FrontSays(ByteReader& input);
  void LaneSays(CameraId camera, ByteReader& input);
  void FrontPublishes(std::size_t which);
  void LaneAnswers(CameraId camera, std::size_t which);
  void FrontSaysJunk(ByteView record);
  void LaneSaysJunk(CameraId camera, ByteView record);
  template <class Message>
  void Aim(Message& message, ByteReader& input);

  void HonestFront(wire::FrontToKeeper message);
  void HonestLane(wire::LaneToKeeper message);
  void AnswerHonestly(wire::KeeperToLane message);
  void PassTime(Duration by);
  void StartFront();
  void StartLane(CameraId camera);
  void EndFront();
  void EndLane(CameraId camera);
  wire::Ticket NewTicket(const Secret32& token);

  void CarryOut(Speaker speaker);
  void Do(keeper::Effect& effect, Speaker speaker);
  void Look(const wire::KeeperToFront& message, Speaker speaker);
  void Look(CameraId camera, const wire::KeeperToLane& message);
  // The disk gets to what waits for it.
  void WriteIndices();
  void LookAtEnrolled(CameraId camera, const wire::KeeperToLane& message);
  void NewContentKey(CameraId camera, const Secret32& key);
  // The viewer of this principal has a grant for this camera at this moment.
  [[nodiscard]] bool MaySee(const PrincipalId& principal, CameraId camera) const;
  template <class Message>
  std::optional<Message> Answer();

  platform::OpenSslCrypto crypto_;
  test::SeededEntropy entropy_{1};
  Disk disk_;
  Stamp stamp_{crypto_};
  std::unique_ptr<keeper::Registry> registry_;
  std::unique_ptr<keeper::AuditBook> book_;
  std::unique_ptr<keeper::Keeper> keeper_;
  Instant now_{hours(1)};
  WallTime wall_ = FromUnixSeconds(1'800'000'000);
  std::vector<keeper::Enrolled<CameraId>> cameras_;   // the first one's lane is honest
  std::vector<CameraId> camera_ids_;                  // the last one has an enrolled key
  std::vector<Person> people_;                        // each has a grant for the camera of the same place
  std::vector<std::array<std::uint8_t, 32>> tokens_;  // of all of them
  std::map<CameraId, Secret32> content_keys_;         // what each lane was given last
  std::map<SessionId, Epoch> epochs_;                 // that cameras' sessions were to begin
  std::map<SessionId, CameraId> published_;           // cameras' sessions, and whose lane was asked
  std::map<SessionId, CameraId> offered_;             // viewers' sessions, and where they were asked for
  std::map<SessionId, PrincipalId> admitted_;         // and those that lanes were told to admit
  Loot loot_;
  std::deque<keeper::ReserveIndex> indices_;  // that wait for the disk
  std::vector<CameraId> ending_;              // lanes
  bool ending_front_ = false;
  bool honest_front_ = false;
  std::vector<wire::KeeperToFront> answers_;        // to the honest front
  std::vector<wire::KeeperToLane> honest_letters_;  // to the honest lane
};

}  // namespace latchkey::fuzz
