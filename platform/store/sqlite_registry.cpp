#include "platform/store/sqlite_registry.h"

#include "platform/store/registry_file.h"
#include "platform/store/sqlite_registry_rows.h"

namespace latchkey::platform {
namespace {

constexpr std::string_view kCameraKind = "camera";
constexpr std::string_view kViewerKind = "viewer";
constexpr std::string_view kGrantKind = "grant";
constexpr std::string_view kSuspensionKind = "suspension";

WallTime SecondAt(const Statement& statement, int column) {
  return FromUnixSeconds(statement.NumberAt(column));
}

Status PutToken(Database& db, ByteView owner, const ports::TokenDigest& digest) {
  Statement put(db, "INSERT INTO tokens (digest, owner) VALUES (?, ?)");
  return put.Blob(digest).Blob(owner).Run();
}

Status DropToken(Database& db, ByteView owner) {
  return Statement(db, "DELETE FROM tokens WHERE owner = ?").Blob(owner).Run();
}

}  // namespace

Result<std::unique_ptr<SqliteRegistry>> SqliteRegistry::Open(const SqliteRegistryOptions& options,
                                                             ports::Entropy& entropy) {
  auto folder = StateFolder::Lock(options.folder);
  if (!folder) return tl::unexpected(folder.error());
  const auto found = folder->Look();
  if (!found) return tl::unexpected(found.error());
  auto db = OpenRegistryFile(*folder, options.max_pages, entropy);
  if (!db) return tl::unexpected(db.error());
  auto registry = std::unique_ptr<SqliteRegistry>(
      new SqliteRegistry(std::move(*folder), std::move(*db), !found->marker.has_value()));
  if (auto read = registry->ReadTurn(); !read) return tl::unexpected(read.error());
  return registry;
}

Status SqliteRegistry::ReadTurn() {
  const auto turn = db_.Number("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'turn'");
  if (!turn) return tl::unexpected(turn.error());
  turn_ = static_cast<std::uint64_t>(turn->value_or(0));
  return {};
}

Status SqliteRegistry::TakeId(ByteView id, std::string_view kind) {
  const auto ever = db_.Number("SELECT count(*) FROM ids");
  if (!ever) return tl::unexpected(ever.error());
  if (**ever >= kMaxIdsEver) return Fail(ErrorCode::kLimit, "the registry has given out all its ids");
  return Statement(db_, "INSERT INTO ids (id, kind) VALUES (?, ?)").Blob(id).Text(kind).Run();
}

Status SqliteRegistry::AddCamera(const ports::CameraRecord& camera) {
  const Use use(*this);
  return Atomically(db_, [&]() -> Status {
    if (auto taken = TakeId(camera.id.bytes(), kCameraKind); !taken) return taken;
    Statement add(
        db_,
        "INSERT INTO cameras (id, name, model, pin, sdes, reserved_epoch, added, pin_state, sdes_key, "
        "sdes_vp8) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    add.Blob(camera.id.bytes()).Text(camera.name).Text(camera.model);
    if (camera.pin) {
      add.Blob(*camera.pin);
    } else {
      add.Null();
    }
    add.Number(camera.sdes ? 1 : 0).Number(static_cast<std::int64_t>(camera.reserved_epoch.value));
    add.Number(ToUnixSeconds(camera.added)).Number(static_cast<std::int64_t>(camera.pin_state));
    if (camera.enrolment) {
      add.Blob(camera.enrolment->key).Number(camera.enrolment->vp8 ? 1 : 0);
    } else {
      add.Null().Number(0);
    }
    if (auto added = add.Run(); !added) return added;
    return PutToken(db_, camera.id.bytes(), camera.token);
  });
}

Status SqliteRegistry::RenameCamera(CameraId camera, const std::string& name) {
  const Use use(*this);
  Statement rename(db_, "UPDATE cameras SET name = ? WHERE id = ?");
  return ExactlyOne(db_, rename.Text(name).Blob(camera.bytes()).Run(), kNoCamera);
}

Status SqliteRegistry::RemoveCamera(CameraId camera) {
  const Use use(*this);
  return TakeAway(db_, [&]() -> Status {
    if (auto dropped = DropToken(db_, camera.bytes()); !dropped) return dropped;
    Statement lift(db_,
                   "UPDATE suspensions SET lifted = unixepoch(), root_cause = 'camera removed' WHERE camera "
                   "= ? AND lifted IS NULL");
    if (auto lifted = lift.Blob(camera.bytes()).Run(); !lifted) return lifted;
    Statement remove(db_, "DELETE FROM cameras WHERE id = ?");
    return ExactlyOne(db_, remove.Blob(camera.bytes()).Run(), kNoCamera);
  });
}

Result<std::optional<ports::Sha256Digest>> SqliteRegistry::SecretCheck() {
  const Use use(*this);
  Statement find(db_, "SELECT value FROM meta WHERE key = 'secret'");
  const auto row = find.Step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::optional<ports::Sha256Digest>{};
  ports::Sha256Digest check{};
  if (!internal::HexDecodeExact(find.TextAt(0), check))
    return tl::unexpected(Damaged("the table of its own properties").error());
  return std::optional<ports::Sha256Digest>(check);
}

Status SqliteRegistry::KeepSecretCheck(const ports::Sha256Digest& check) {
  const Use use(*this);
  Statement keep(db_, "INSERT INTO meta (key, value) VALUES ('secret', ?)");
  return keep.Text(internal::HexEncode(check)).Run();
}

Result<std::optional<ports::AuditLogId>> SqliteRegistry::AuditLog() {
  const Use use(*this);
  Statement find(db_, "SELECT value FROM meta WHERE key = 'audit'");
  const auto row = find.Step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::optional<ports::AuditLogId>{};
  const auto log = ports::AuditLogId::FromHex(find.TextAt(0));
  if (!log) return tl::unexpected(Damaged("the table of its own properties").error());
  return log;
}

Status SqliteRegistry::KeepAuditLog(const ports::AuditLogId& log) {
  const Use use(*this);
  Statement keep(db_, "INSERT INTO meta (key, value) VALUES ('audit', ?)");
  return keep.Text(log.ToHex()).Run();
}

Status SqliteRegistry::ReserveEpochs(CameraId camera, Epoch up_to) {
  const Use use(*this);
  const auto number = static_cast<std::int64_t>(up_to.value);
  Statement reserve(db_, "UPDATE cameras SET reserved_epoch = ?1 WHERE id = ?2 AND reserved_epoch < ?1");
  if (auto ran = reserve.Number(number).Blob(camera.bytes()).Run(); !ran) return ran;
  if (db_.changes() != 1)
    return Fail(ErrorCode::kInvalid, "no such camera, or its epochs are further already");
  return {};
}

Status SqliteRegistry::AddViewer(const ports::ViewerRecord& viewer) {
  const Use use(*this);
  return Atomically(db_, [&]() -> Status {
    if (auto taken = TakeId(viewer.id.bytes(), kViewerKind); !taken) return taken;
    Statement add(db_, "INSERT INTO viewers (id, name, added) VALUES (?, ?, ?)");
    if (auto added = add.Blob(viewer.id.bytes()).Text(viewer.name).Number(ToUnixSeconds(viewer.added)).Run();
        !added)
      return added;
    return PutToken(db_, viewer.id.bytes(), viewer.token);
  });
}

Status SqliteRegistry::ReplaceViewerToken(ViewerId viewer, const ports::TokenDigest& token) {
  const Use use(*this);
  Statement replace(db_, "UPDATE tokens SET digest = ? WHERE owner = (SELECT id FROM viewers WHERE id = ?)");
  return FoldedIn(db_,
                  ExactlyOne(db_, replace.Blob(token).Blob(viewer.bytes()).Run(), "no viewer with this id"));
}

Status SqliteRegistry::RemoveViewer(ViewerId viewer) {
  const Use use(*this);
  return TakeAway(db_, [&]() -> Status {
    if (auto dropped = DropToken(db_, viewer.bytes()); !dropped) return dropped;
    Statement remove(db_, "DELETE FROM viewers WHERE id = ?");
    return ExactlyOne(db_, remove.Blob(viewer.bytes()).Run(), "no viewer with this id");
  });
}

Status SqliteRegistry::AddGrant(const ports::GrantRecord& grant) {
  const Use use(*this);
  return Atomically(db_, [&]() -> Status {
    if (auto taken = TakeId(grant.id.bytes(), kGrantKind); !taken) return taken;
    Statement add(db_,
                  "INSERT INTO grants (id, viewer, camera, rights, not_before, not_after, added) VALUES (?, "
                  "?, ?, ?, ?, ?, ?)");
    add.Blob(grant.id.bytes()).Blob(grant.viewer.bytes()).Blob(grant.camera.bytes()).Number(grant.rights);
    add.Number(ToUnixSeconds(grant.not_before)).Number(ToUnixSeconds(grant.not_after));
    return add.Number(ToUnixSeconds(grant.added)).Run();
  });
}

Status SqliteRegistry::RemoveGrant(GrantId grant) {
  const Use use(*this);
  Statement remove(db_, "DELETE FROM grants WHERE id = ?");
  return FoldedIn(db_, ExactlyOne(db_, remove.Blob(grant.bytes()).Run(), "no grant with this id"));
}

Status SqliteRegistry::AddSuspension(const ports::SuspensionRecord& suspension) {
  const Use use(*this);
  return TakeAway(db_, [&]() -> Status {
    if (auto taken = TakeId(suspension.id.bytes(), kSuspensionKind); !taken) return taken;
    Statement add(db_,
                  "INSERT INTO suspensions (id, scope, camera, model, reason, automatic, since) VALUES (?, "
                  "?, ?, ?, ?, ?, ?)");
    add.Blob(suspension.id.bytes()).Number(static_cast<std::int64_t>(suspension.scope));
    if (suspension.scope == ports::SuspensionScope::kCamera) {
      add.Blob(suspension.camera.bytes());
    } else {
      add.Null();
    }
    add.Text(suspension.model).Text(suspension.reason).Number(suspension.automatic ? 1 : 0);
    return add.Number(ToUnixSeconds(suspension.since)).Run();
  });
}

Status SqliteRegistry::LiftSuspension(SuspensionId suspension, const std::string& root_cause, WallTime when) {
  const Use use(*this);
  Statement lift(db_, "UPDATE suspensions SET lifted = ?, root_cause = ? WHERE id = ? AND lifted IS NULL");
  return ExactlyOne(db_, lift.Number(ToUnixSeconds(when)).Text(root_cause).Blob(suspension.bytes()).Run(),
                    "no suspension with this id stands");
}

Status SqliteRegistry::LoadCameras(std::vector<ports::CameraRecord>& out) {
  Statement all(db_,
                "SELECT c.id, c.name, c.model, t.digest, c.pin, c.sdes, c.reserved_epoch, c.added, "
                "c.pin_state, c.certificate, c.sdes_key, c.sdes_vp8, c.sdes_tag, c.sdes_port "
                "FROM cameras c LEFT JOIN tokens t ON t.owner = c.id ORDER BY c.number");
  for (;;) {
    const auto row = all.Step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    ports::CameraRecord camera;
    camera.name = all.TextAt(1);
    camera.model = all.TextAt(2);
    if (!KnownIdAt(all, 0, camera.id) || !all.BlobAt(3, camera.token)) return Damaged("the table of cameras");
    if (!all.IsNullAt(4)) {
      camera.pin.emplace();
      if (!all.BlobAt(4, *camera.pin)) return Damaged("the table of cameras");
    }
    camera.sdes = all.NumberAt(5) != 0;
    camera.reserved_epoch = Epoch{static_cast<std::uint64_t>(all.NumberAt(6))};
    camera.added = SecondAt(all, 7);
    camera.pin_state = static_cast<ports::PinState>(all.NumberAt(8));
    if (!all.IsNullAt(9)) {
      camera.certificate.emplace();
      if (!all.BlobAt(9, *camera.certificate)) return Damaged("the table of cameras");
    }
    if (!all.IsNullAt(10)) {
      ports::SdesEnrolment& enrolment = camera.enrolment.emplace();
      enrolment.vp8 = all.NumberAt(11) != 0;
      enrolment.port = static_cast<std::uint16_t>(all.NumberAt(13));
      if (!all.BlobAt(10, enrolment.key)) return Damaged("the table of cameras");
      if (!all.IsNullAt(12) && !all.BlobAt(12, enrolment.tag.emplace()))
        return Damaged("the table of cameras");
    }
    const bool pinned =
        camera.pin_state == ports::PinState::kFirstUse || camera.pin_state == ports::PinState::kConfirmed;
    if (pinned != camera.pin.has_value()) return Damaged("the table of cameras");
    out.push_back(std::move(camera));
  }
}

Status SqliteRegistry::LoadViewers(std::vector<ports::ViewerRecord>& out) {
  Statement all(db_,
                "SELECT v.id, v.name, t.digest, v.added FROM viewers v LEFT JOIN tokens t ON t.owner = v.id "
                "ORDER BY v.number");
  for (;;) {
    const auto row = all.Step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    ports::ViewerRecord viewer;
    viewer.name = all.TextAt(1);
    if (!KnownIdAt(all, 0, viewer.id) || !all.BlobAt(2, viewer.token)) return Damaged("the table of viewers");
    viewer.added = SecondAt(all, 3);
    out.push_back(std::move(viewer));
  }
}

Status SqliteRegistry::LoadGrants(std::vector<ports::GrantRecord>& out) {
  Statement all(
      db_, "SELECT id, viewer, camera, rights, not_before, not_after, added FROM grants ORDER BY number");
  for (;;) {
    const auto row = all.Step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    ports::GrantRecord grant;
    if (!KnownIdAt(all, 0, grant.id) || !KnownIdAt(all, 1, grant.viewer) || !KnownIdAt(all, 2, grant.camera))
      return Damaged("the table of grants");
    grant.rights = static_cast<std::uint8_t>(all.NumberAt(3));
    grant.not_before = SecondAt(all, 4);
    grant.not_after = SecondAt(all, 5);
    grant.added = SecondAt(all, 6);
    out.push_back(grant);
  }
}

Status SqliteRegistry::LoadSuspensions(std::vector<ports::SuspensionRecord>& out) {
  Statement all(db_,
                "SELECT id, scope, camera, model, reason, automatic, since FROM suspensions WHERE lifted IS "
                "NULL ORDER BY number");
  for (;;) {
    const auto row = all.Step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    ports::SuspensionRecord suspension;
    suspension.scope = static_cast<ports::SuspensionScope>(all.NumberAt(1));
    const bool one_camera = suspension.scope == ports::SuspensionScope::kCamera;
    if (!KnownIdAt(all, 0, suspension.id) || (one_camera && !KnownIdAt(all, 2, suspension.camera)))
      return Damaged("the table of suspensions");
    suspension.model = all.TextAt(3);
    suspension.reason = all.TextAt(4);
    suspension.automatic = all.NumberAt(5) != 0;
    suspension.since = SecondAt(all, 6);
    out.push_back(std::move(suspension));
  }
}

Result<ports::RegistrySnapshot> SqliteRegistry::Load() {
  const Use use(*this);
  ports::RegistrySnapshot snapshot;
  for (const Status& loaded : {LoadCameras(snapshot.cameras), LoadViewers(snapshot.viewers),
                               LoadGrants(snapshot.grants), LoadSuspensions(snapshot.suspensions)}) {
    if (!loaded) return tl::unexpected(loaded.error());
  }
  return snapshot;
}

}  // namespace latchkey::platform
