// What the registry keeps of cameras' keys: tokens, pins, used keys, enrolled keys and how far they have
// come.
#include "platform/store/sqlite_registry.h"
#include "platform/store/sqlite_registry_rows.h"

namespace latchkey::platform {

Status SqliteRegistry::ReplaceCredentials(CameraId camera, const ports::TokenDigest& token,
                                          const std::optional<ports::SealedSdesKey>& sdes) {
  Statement replace(db_, "UPDATE tokens SET digest = ? WHERE owner = (SELECT id FROM cameras WHERE id = ?)");
  if (auto replaced = ExactlyOne(db_, replace.Blob(token).Blob(camera.bytes()).Run(), kNoCamera); !replaced)
    return replaced;
  if (!sdes) return {};
  Statement key(db_, "UPDATE cameras SET sdes_key = ?, sdes_tag = NULL WHERE id = ?");
  if (auto set = key.Blob(*sdes).Blob(camera.bytes()).Run(); !set) return set;
  return Statement(db_, "DELETE FROM sdes_sources WHERE camera = ?").Blob(camera.bytes()).Run();
}

Status SqliteRegistry::ReplaceCameraToken(CameraId camera, const ports::TokenDigest& token,
                                          const std::optional<ports::SealedSdesKey>& sdes) {
  const Use use(*this);
  return TakeAway(db_, [&] { return ReplaceCredentials(camera, token, sdes); });
}

Status SqliteRegistry::TransferCamera(CameraId camera, const ports::TokenDigest& token,
                                      const std::optional<ports::SealedSdesKey>& sdes) {
  const Use use(*this);
  return TakeAway(db_, [&]() -> Status {
    if (auto replaced = ReplaceCredentials(camera, token, sdes); !replaced) return replaced;
    if (auto ended = Statement(db_, "DELETE FROM grants WHERE camera = ?").Blob(camera.bytes()).Run(); !ended)
      return ended;
    return Statement(db_, "UPDATE cameras SET pin = NULL, pin_state = 0, certificate = NULL WHERE id = ?")
        .Blob(camera.bytes())
        .Run();
  });
}

Status SqliteRegistry::SetPin(CameraId camera, ports::PinState state,
                              const std::optional<ports::KeyPin>& pin) {
  const Use use(*this);
  Statement set(db_, "UPDATE cameras SET pin_state = ?, pin = ? WHERE id = ?");
  set.Number(static_cast<std::int64_t>(state));
  if (pin) {
    set.Blob(*pin);
  } else {
    set.Null();
  }
  return ExactlyOne(db_, set.Blob(camera.bytes()).Run(), kNoCamera);
}

Status SqliteRegistry::UseUp(CameraId camera, const ports::KeyTag& stream_key, WallTime when) {
  Statement use(db_, "INSERT INTO used_keys (tag, camera, since) VALUES (?, ?, ?)");
  if (auto used = use.Blob(stream_key).Blob(camera.bytes()).Number(ToUnixSeconds(when)).Run(); !used)
    return used;
  Statement forget(db_, "DELETE FROM used_keys WHERE number <= (SELECT max(number) FROM used_keys) - ?");
  return forget.Number(ports::kMaxUsedKeys).Run();
}

Status SqliteRegistry::UseKeys(CameraId camera, const std::optional<ports::KeyTag>& certificate,
                               const ports::KeyTag& stream_key, WallTime when) {
  const Use use(*this);
  return Atomically(db_, [&]() -> Status {
    if (auto used = UseUp(camera, stream_key, when); !used) return used;
    if (!certificate) return {};
    Statement note(db_, "UPDATE cameras SET certificate = ? WHERE id = ?");
    return ExactlyOne(db_, note.Blob(*certificate).Blob(camera.bytes()).Run(), kNoCamera);
  });
}

Status SqliteRegistry::NoteSdesTag(CameraId camera, const ports::KeyTag& tag, WallTime when) {
  const Use use(*this);
  return Atomically(db_, [&]() -> Status {
    if (auto used = UseUp(camera, tag, when); !used) return used;
    Statement note(db_, "UPDATE cameras SET sdes_tag = ? WHERE id = ? AND sdes_key IS NOT NULL");
    return ExactlyOne(db_, note.Blob(tag).Blob(camera.bytes()).Run(), kNoCamera);
  });
}

Status SqliteRegistry::SetSdesPort(CameraId camera, std::uint16_t port) {
  const Use use(*this);
  Statement set(db_, "UPDATE cameras SET sdes_port = ? WHERE id = ?");
  return ExactlyOne(db_, set.Number(port).Blob(camera.bytes()).Run(), kNoCamera);
}

Status SqliteRegistry::ReserveIndex(CameraId camera, const ports::SealedSdesKey& key,
                                    const ports::SourceFloor& source) {
  const Use use(*this);
  return Atomically(db_, [&]() -> Status {
    Statement find(db_, "SELECT 1 FROM cameras WHERE id = ? AND sdes_key = ?");
    const auto known = find.Blob(camera.bytes()).Blob(key).Step();
    if (!known) return tl::unexpected(known.error());
    if (!*known) return Fail(ErrorCode::kNotFound, "this camera has no such key any more");
    Statement count(db_, "SELECT count(*) FROM sdes_sources WHERE camera = ? AND ssrc <> ?");
    const auto row = count.Blob(camera.bytes()).Number(source.ssrc).Step();
    if (!row) return tl::unexpected(row.error());
    if (count.NumberAt(0) >= static_cast<std::int64_t>(ports::kMaxSdesSources))
      return Fail(ErrorCode::kDenied, "this key has had as many senders as one key may have");
    Statement reserve(
        db_,
        "INSERT INTO sdes_sources (camera, ssrc, reserved) VALUES (?, ?, ?) ON CONFLICT (camera, "
        "ssrc) DO UPDATE SET reserved = excluded.reserved WHERE excluded.reserved > reserved");
    reserve.Blob(camera.bytes()).Number(source.ssrc).Number(static_cast<std::int64_t>(source.from));
    if (auto ran = reserve.Run(); !ran) return ran;
    if (db_.changes() != 1) return Fail(ErrorCode::kInvalid, "this source is further already");
    return {};
  });
}

Result<std::vector<ports::SourceFloor>> SqliteRegistry::SdesSources(CameraId camera) {
  const Use use(*this);
  Statement all(db_, "SELECT ssrc, reserved FROM sdes_sources WHERE camera = ?");
  all.Blob(camera.bytes());
  std::vector<ports::SourceFloor> sources;
  for (;;) {
    const auto row = all.Step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return sources;
    sources.push_back(
        {static_cast<std::uint32_t>(all.NumberAt(0)), static_cast<ports::SrtpIndex>(all.NumberAt(1))});
  }
}

Result<std::optional<CameraId>> SqliteRegistry::UserOf(const ports::KeyTag& stream_key) {
  const Use use(*this);
  Statement find(db_, "SELECT camera FROM used_keys WHERE tag = ?");
  const auto row = find.Blob(stream_key).Step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::optional<CameraId>{};
  CameraId camera;
  if (!KnownIdAt(find, 0, camera)) return tl::unexpected(Damaged("the table of used keys").error());
  return std::optional<CameraId>(camera);
}

}  // namespace latchkey::platform
