#include "daemon/keeper/main_audit.h"

#include <utility>

#include "platform/store/secret_file.h"

namespace latchkey::keeper {
namespace {

// The newest record and the checkpoint are what the log's own key has signed.
Status CheckEnds(platform::SqliteAudit& store, AuditBook& book,
                 const std::optional<ports::AuditRecord>& last) {
  const auto head = store.LastHead();
  if (!head) return tl::unexpected(head.error());
  if (last.has_value() != head->has_value()) return Fail(ErrorCode::kCorrupt, "its end was taken away");
  if (last && ((*head)->number != last->number || (*head)->hash != last->hash))
    return Fail(ErrorCode::kCorrupt, "it does not end where its head says");
  if (last && book.Judge(**head) != HeadVerdict::kFits)
    return Fail(ErrorCode::kCorrupt, "its head is not signed with audit.secret");
  const auto checkpoint = store.Checkpoint();
  if (!checkpoint) return tl::unexpected(checkpoint.error());
  if (*checkpoint && book.Judge(**checkpoint) != HeadVerdict::kFits)
    return Fail(ErrorCode::kCorrupt, "its checkpoint is not signed with audit.secret");
  return {};
}

// Neither of the two is older than the other: a registry that was put back alone would bring back what had
// been taken from somebody. `last`: the log's newest record.
Status CheckTurn(platform::SqliteAudit& store, platform::SqliteRegistry& registry,
                 const std::optional<ports::AuditRecord>& last) {
  const auto told = store.LastTurn();
  if (!told) return tl::unexpected(told.error());
  const auto turn = registry.Turn();
  if (!turn) return tl::unexpected(turn.error());
  // A log of before turns were counted tells nothing; one that was cut off in a crash may lack the newest.
  const bool stopped = last && last->kind == static_cast<std::uint8_t>(audit::Kind::kStopped);
  if (!*told || registry.adopted() || *turn == **told || (*turn > **told && !stopped)) return {};
  const bool older = *turn < **told;
  return Fail(
      ErrorCode::kConflict,
      std::string(older ? "registry.db is older than audit.db" : "audit.db is older than registry.db") +
          " (" + std::to_string(*turn) + " changes, of which the log tells " + std::to_string(**told) +
          "): restore both, with their .secret files, from one "
          "backup. To use them as they are, though what was revoked since may hold again, "
          "remove registry.id (nothing was changed)");
}

}  // namespace

Result<OpenedAudit> OpenAudit(const AuditPlace& place, platform::SqliteRegistry& registry,
                              ports::Crypto& crypto, ports::Entropy& entropy) {
  const auto known = registry.AuditLog();
  if (!known) return tl::unexpected(known.error());
  // A power cut may have left one of the two, or both: they count from when the registry knows them.
  const bool first = !*known;
  const auto seed = platform::LoadSecret({place.credentials, place.state, "audit.secret", first}, entropy);
  if (!seed) return tl::unexpected(seed.error());
  auto store = platform::SqliteAudit::Open({place.path, first, 0}, entropy);
  if (!store) return tl::unexpected(store.error());
  const auto because = [&](const Error& error) {
    return Fail(error.code,
                place.path + ": " + error.message +
                    ". Restore the state folder from a backup, or look at the log with latchkeyctl "
                    "audit verify --state " +
                    place.state + " (nothing was changed)");
  };
  if (*known && **known != (*store)->log())
    return because({ErrorCode::kConflict, "it is not the log that this registry was used with"});
  if (first) {
    if (auto kept = registry.KeepAuditLog((*store)->log()); !kept) return tl::unexpected(kept.error());
  }
  auto signer = platform::Ed25519Signer::Create(*seed);
  if (!signer) return tl::unexpected(signer.error());
  const auto last = (*store)->Last();
  if (!last) return because(last.error());
  OpenedAudit audit{std::move(*signer), std::move(*store), nullptr};
  audit.book = std::make_unique<AuditBook>(crypto, *audit.signer, audit.store->log(), *last);
  if (auto sound = CheckEnds(*audit.store, *audit.book, *last); !sound) return because(sound.error());
  if (auto fits = CheckTurn(*audit.store, registry, *last); !fits)
    return Fail(fits.error().code, place.state + ": " + fits.error().message);
  return audit;
}

}  // namespace latchkey::keeper
