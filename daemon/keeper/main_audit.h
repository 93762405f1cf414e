// The audit log at the daemon's start: opened, and believed only when it ends in what its own key has signed.
#pragma once

#include <memory>
#include <string>

#include "daemon/keeper/audit_book.h"
#include "platform/crypto/ed25519.h"
#include "platform/store/sqlite_audit.h"
#include "platform/store/sqlite_registry.h"

namespace latchkey::keeper {

struct AuditPlace {
  std::string state;        // the state folder, with audit.secret
  std::string credentials;  // $CREDENTIALS_DIRECTORY, or empty
  std::string path;         // of the log
};

struct OpenedAudit {
  std::unique_ptr<platform::Ed25519Signer> signer;
  std::unique_ptr<platform::SqliteAudit> store;
  std::unique_ptr<AuditBook> book;
};

// The registry knows which log it was used with; the first time there is none, and log and key are made.
// Errors are one line: what is wrong and what to do. Nothing is overwritten.
[[nodiscard]] Result<OpenedAudit> OpenAudit(const AuditPlace& place, platform::SqliteRegistry& registry,
                                            ports::Crypto& crypto, ports::Entropy& entropy);

}  // namespace latchkey::keeper
