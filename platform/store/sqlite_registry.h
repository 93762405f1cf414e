// ports::RegistryStore on SQLite: write-ahead log, synchronous=FULL, foreign keys, STRICT tables.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "daemon/ports/audit.h"
#include "daemon/ports/entropy.h"
#include "daemon/ports/store.h"
#include "platform/store/sqlite.h"
#include "platform/store/state_folder.h"

namespace latchkey::platform {

// PRAGMA application_id: "LKey".
constexpr std::int64_t kRegistryApplicationId = 0x4c4b6579;
// PRAGMA user_version. A higher one was written by a newer program and is refused.
constexpr std::int64_t kRegistrySchemaVersion = 3;
// Ids ever given out, ended ones too, because none is given twice. At the limit nothing new is added.
constexpr std::int64_t kMaxIdsEver = 1'000'000;

struct SqliteRegistryOptions {
  std::string folder;
  // Largest size in pages of 4096 bytes; 0: the disk's. At the limit a write fails as on a full disk.
  std::int64_t max_pages = 0;
};

// Every call may come from any thread: one at a time has the disk, the others wait for it. Turn() never
// waits.
class SqliteRegistry final : public ports::RegistryStore {
 public:
  // A new registry is made only in a folder that has none and never had one. Anything else than a sound
  // registry of this program's version is an error (one line: what, where, what to do) and is left as it
  // is. A write is tried, so that a full disk shows now.
  static Result<std::unique_ptr<SqliteRegistry>> Open(const SqliteRegistryOptions& options,
                                                      ports::Entropy& entropy);

  [[nodiscard]] Result<ports::RegistrySnapshot> Load() override;
  [[nodiscard]] Result<std::uint64_t> Turn() override { return turn_.load(); }
  // registry.id was not there when it was opened: its owner took it away to use this registry, whatever it
  // is.
  [[nodiscard]] bool adopted() const { return adopted_; }
  [[nodiscard]] Status AddCamera(const ports::CameraRecord& camera) override;
  [[nodiscard]] Status RenameCamera(CameraId camera, const std::string& name) override;
  [[nodiscard]] Status RemoveCamera(CameraId camera) override;
  [[nodiscard]] Status ReplaceCameraToken(CameraId camera, const ports::TokenDigest& token,
                                          const std::optional<ports::SealedSdesKey>& sdes) override;
  [[nodiscard]] Status TransferCamera(CameraId camera, const ports::TokenDigest& token,
                                      const std::optional<ports::SealedSdesKey>& sdes) override;
  [[nodiscard]] Status ReserveEpochs(CameraId camera, Epoch up_to) override;
  [[nodiscard]] Status SetPin(CameraId camera, ports::PinState state,
                              const std::optional<ports::KeyPin>& pin) override;
  [[nodiscard]] Status UseKeys(CameraId camera, const std::optional<ports::KeyTag>& certificate,
                               const ports::KeyTag& stream_key, WallTime when) override;
  [[nodiscard]] Status NoteSdesTag(CameraId camera, const ports::KeyTag& tag, WallTime when) override;
  [[nodiscard]] Status SetSdesPort(CameraId camera, std::uint16_t port) override;
  [[nodiscard]] Status ReserveIndex(CameraId camera, const ports::SealedSdesKey& key,
                                    const ports::SourceFloor& source) override;
  [[nodiscard]] Result<std::vector<ports::SourceFloor>> SdesSources(CameraId camera) override;
  [[nodiscard]] Result<std::optional<CameraId>> UserOf(const ports::KeyTag& stream_key) override;
  [[nodiscard]] Result<std::optional<ports::Sha256Digest>> SecretCheck() override;
  [[nodiscard]] Status KeepSecretCheck(const ports::Sha256Digest& check) override;
  // The audit log that it is used with; nothing: none yet. To be kept once.
  [[nodiscard]] Result<std::optional<ports::AuditLogId>> AuditLog();
  [[nodiscard]] Status KeepAuditLog(const ports::AuditLogId& log);
  [[nodiscard]] Status AddViewer(const ports::ViewerRecord& viewer) override;
  [[nodiscard]] Status ReplaceViewerToken(ViewerId viewer, const ports::TokenDigest& token) override;
  [[nodiscard]] Status RemoveViewer(ViewerId viewer) override;
  [[nodiscard]] Status AddGrant(const ports::GrantRecord& grant) override;
  [[nodiscard]] Status RemoveGrant(GrantId grant) override;
  [[nodiscard]] Status AddSuspension(const ports::SuspensionRecord& suspension) override;
  [[nodiscard]] Status LiftSuspension(SuspensionId suspension, const std::string& root_cause,
                                      WallTime when) override;

 private:
  // Has the disk for as long as it lives, and reads the turn anew at its end.
  class Use;

  SqliteRegistry(StateFolder folder, Database db, bool adopted)
      : folder_(std::move(folder)), db_(std::move(db)), adopted_(adopted) {}
  [[nodiscard]] Status ReadTurn();
  [[nodiscard]] Status ReplaceCredentials(CameraId camera, const ports::TokenDigest& token,
                                          const std::optional<ports::SealedSdesKey>& sdes);
  [[nodiscard]] Status UseUp(CameraId camera, const ports::KeyTag& stream_key, WallTime when);
  [[nodiscard]] Status TakeId(ByteView id, std::string_view kind);
  [[nodiscard]] Status LoadCameras(std::vector<ports::CameraRecord>& out);
  [[nodiscard]] Status LoadViewers(std::vector<ports::ViewerRecord>& out);
  [[nodiscard]] Status LoadGrants(std::vector<ports::GrantRecord>& out);
  [[nodiscard]] Status LoadSuspensions(std::vector<ports::SuspensionRecord>& out);

  StateFolder folder_;  // outlives the database: the lock goes last
  std::mutex in_use_;
  Database db_;
  std::atomic<std::uint64_t> turn_ = 0;
  bool adopted_;
};

}  // namespace latchkey::platform
