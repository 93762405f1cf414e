// The keeper with a virtual clock, a registry in memory and real cryptography; front and lanes are scripts
// that a test lets say what it wants.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/access/grant.h"
#include "daemon/access/token.h"
#include "daemon/keeper/keeper.h"
#include "platform/crypto/ed25519.h"
#include "platform/crypto/openssl_crypto.h"
#include "tests/support/catch.h"

namespace latchkey::keeper {

class SeededEntropy final : public ports::Entropy {
 public:
  explicit SeededEntropy(std::uint64_t seed) : state_(seed) {}
  void Fill(std::span<std::uint8_t> out) override;
  // The next Fill repeats what the last one gave, once.
  void RepeatOnce() { given_ = last_; }
  // The next Fill of that many bytes gives these, once.
  void GiveOnce(std::span<const std::uint8_t> bytes) { given_.assign(bytes.begin(), bytes.end()); }

 private:
  std::uint64_t state_;
  std::vector<std::uint8_t> given_;
  std::vector<std::uint8_t> last_;
};

// The registry on a disk that can fail. What is asked of it is what SQLite is asked; its own rules are
// tested in tests/platform/store_test.cpp.
class MemoryStore final : public ports::RegistryStore {
 public:
  ports::RegistrySnapshot state;
  std::map<ports::KeyTag, CameraId> used;
  std::map<std::pair<CameraId, std::uint32_t>, ports::SrtpIndex> sources;
  std::size_t most_sources = ports::kMaxSdesSources;
  std::optional<ports::Sha256Digest> secret;
  bool failing = false;
  bool no_epochs = false;  // no more can be reserved; all else can be written
  int writes = 0;

  Result<ports::RegistrySnapshot> Load() override { return state; }
  Result<std::uint64_t> Turn() override { return static_cast<std::uint64_t>(writes); }
  Status AddCamera(const ports::CameraRecord& camera) override;
  Status RenameCamera(CameraId camera, const std::string& name) override;
  Status RemoveCamera(CameraId camera) override;
  Status ReplaceCameraToken(CameraId camera, const ports::TokenDigest& token,
                            const std::optional<ports::SealedSdesKey>& sdes) override;
  Status TransferCamera(CameraId camera, const ports::TokenDigest& token,
                        const std::optional<ports::SealedSdesKey>& sdes) override;
  Status ReserveEpochs(CameraId camera, Epoch up_to) override;
  Status SetPin(CameraId camera, ports::PinState pin_state, const std::optional<ports::KeyPin>& pin) override;
  Status UseKeys(CameraId camera, const std::optional<ports::KeyTag>& certificate,
                 const ports::KeyTag& stream_key, WallTime when) override;
  Status NoteSdesTag(CameraId camera, const ports::KeyTag& tag, WallTime when) override;
  Status SetSdesPort(CameraId camera, std::uint16_t port) override;
  Status ReserveIndex(CameraId camera, const ports::SealedSdesKey& key,
                      const ports::SourceFloor& source) override;
  Result<std::vector<ports::SourceFloor>> SdesSources(CameraId camera) override;
  Result<std::optional<CameraId>> UserOf(const ports::KeyTag& stream_key) override;
  Result<std::optional<ports::Sha256Digest>> SecretCheck() override { return secret; }
  Status KeepSecretCheck(const ports::Sha256Digest& check) override;
  Status AddViewer(const ports::ViewerRecord& viewer) override;
  Status ReplaceViewerToken(ViewerId viewer, const ports::TokenDigest& token) override;
  Status RemoveViewer(ViewerId viewer) override;
  Status AddGrant(const ports::GrantRecord& grant) override;
  Status RemoveGrant(GrantId grant) override;
  Status AddSuspension(const ports::SuspensionRecord& suspension) override;
  Status LiftSuspension(SuspensionId suspension, const std::string& root_cause, WallTime when) override;

 private:
  Status Write();
};

// The audit log on a disk that can fail.
struct MemoryLog {
  std::vector<ports::AuditRecord> records;
  std::optional<ports::AuditHead> head;
  bool failing = false;
};

// Why there is no result; nothing when there is one. error() of a result that is there is whatever lies in
// memory, which is often what a test hoped for.
template <class Result>
std::optional<ErrorCode> Failure(const Result& result) {
  if (result.has_value()) return std::nullopt;
  return result.error().code;
}

using Fingerprint = std::array<std::uint8_t, 32>;

// A viewer's session as its own side knows it.
struct Watching {
  wire::Ticket ticket;
  SessionId session;
  GrantId grant;
  Fingerprint fingerprint{};
  Secret32 key;
};

class House {
 public:
  explicit House(std::uint64_t seed = 1);

  // Everything decided since is sorted to its receiver, and the machine is checked.
  void Run();
  void Advance(Duration by);
  // In steps of the machine's own timeouts.
  void Pass(Duration by);

  // Enrolment, through the owner's desk.
  Enrolled<CameraId> Camera(const std::string& name, const std::string& model = "");
  Enrolled<ViewerId> Viewer(const std::string& name);
  GrantId Grant(ViewerId viewer, CameraId camera, Duration length = hours(1), std::uint8_t rights = 3);
  ControlDesk& owner() { return keeper->control(); }
  // After something the owner ordered.
  void Settle();
  // The disk gets to the indices that wait for it.
  void WriteIndices();

  // A keeper from what is in the store and the log.
  void StartKeeper();
  // Records of this kind, as they are on disk.
  [[nodiscard]] std::vector<ports::AuditRecord> Recorded(audit::Kind kind) const;

  // Processes.
  void StartFront();
  void StartLane(CameraId camera);
  void EndLane(CameraId camera);
  void EndFront();

  // Tells the keeper something as the front or a lane.
  template <class Message>
  void Front(Message message) {
    keeper->HandleFront(std::move(message), now, wall);
    Run();
  }
  template <class Message>
  void Lane(CameraId camera, Message message) {
    keeper->HandleLane(camera, std::move(message), now, wall);
    Run();
  }

  wire::Ticket NewTicket(const Secret32& token);
  wire::PublishRequest PublishRequest(CameraId camera, const Secret32& token);
  wire::ViewRequest ViewRequest(CameraId camera, const Secret32& token);

  // Whole conversations that are expected to succeed.
  SessionId Publish(const Enrolled<CameraId>& camera);
  // Up to the proof, which is handed to the caller.
  wire::ViewProof ViewUpToProof(const Enrolled<ViewerId>& viewer, CameraId camera, Watching& watching);
  Watching View(const Enrolled<ViewerId>& viewer, CameraId camera);
  // As the lane judges a wrap: from its own camera, its own epoch and the session's own fingerprint.
  bool Opens(const Watching& watching, CameraId camera, Epoch epoch, std::uint8_t rights, WallTime until,
             const wire::WrapBytes& wrap);

  // The oldest message of this kind to the front or to a lane, taken out; nothing when there is none.
  template <class Message>
  std::optional<Message> ToFront() {
    return Take<Message>(front);
  }
  template <class Message>
  std::optional<Message> ToLane(CameraId camera) {
    return Take<Message>(lanes[camera]);
  }
  template <class E>
  std::optional<E> Effect() {
    return Take<E>(others);
  }
  // The status of the only refusal waiting, 0 when there is none.
  int RefusedStatus();
  void ForgetMessages();

  Instant now{hours(1)};
  WallTime wall = FromUnixSeconds(1'800'000'000);
  platform::OpenSslCrypto crypto;
  SeededEntropy entropy;
  Secret32 secret;  // of the registry
  MemoryStore store;
  std::unique_ptr<Registry> registry;
  MemoryLog log;
  std::unique_ptr<platform::Ed25519Signer> signer;
  std::unique_ptr<AuditBook> book;
  std::unique_ptr<Keeper> keeper;
  std::vector<wire::KeeperToFront> front;
  std::map<CameraId, std::vector<wire::KeeperToLane>> lanes;
  std::map<CameraId, Secret32> content_keys;  // what each lane was last given
  std::vector<keeper::ReserveIndex> indices;  // that wait for the disk
  bool disk_is_slow = false;                  // for them, until WriteIndices()
  std::vector<keeper::Effect> others;

 private:
  template <class Message, class List>
  static std::optional<Message> Take(List& list) {
    for (auto at = list.begin(); at != list.end(); ++at) {
      if (auto* found = std::get_if<Message>(&*at)) {
        std::optional<Message> message(std::move(*found));
        list.erase(at);
        return message;
      }
    }
    return std::nullopt;
  }
};

// A camera that publishes, a viewer with a grant for it, and another of each.
struct Home {
  House house;
  Enrolled<CameraId> camera = house.Camera("Nursery", "M1");
  Enrolled<CameraId> other_camera = house.Camera("Garden", "M2");
  Enrolled<ViewerId> viewer = house.Viewer("Anna");
  Enrolled<ViewerId> other_viewer = house.Viewer("Ben");
  GrantId grant = house.Grant(viewer.id, camera.id);
  GrantId other_grant = house.Grant(other_viewer.id, other_camera.id);

  Home();
};

}  // namespace latchkey::keeper
