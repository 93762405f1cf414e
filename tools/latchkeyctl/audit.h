// The audit log as its owner reads it: shown, exported, and checked from its first record to its last.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "daemon/ports/audit.h"
#include "tools/latchkeyctl/client.h"

namespace latchkey::ctl {

using AskFunction = std::function<Outcome<Json>(Json command)>;

// Where a log is read: from the daemon, from its state folder when it does not run, or from an export.
struct AuditSource {
  ports::AuditLogId log;
  ports::Signer::PublicKey public_key{};
  std::optional<ports::AuditHead> head;        // where it says that it ends
  std::optional<ports::AuditHead> checkpoint;  // what was cut off ended in this
  // Records after this number, some of them; none: there are no more.
  std::function<Outcome<std::vector<ports::AuditRecord>>(std::uint64_t after)> read;
  // Whether its table of views says what the records say; nothing: it has none.
  std::function<Outcome<void>()> check_views;
};
[[nodiscard]] Outcome<AuditSource> FromDaemon(const AskFunction& ask);
[[nodiscard]] Outcome<AuditSource> FromStateFolder(const std::string& folder);
[[nodiscard]] Outcome<AuditSource> FromExport(const std::string& path);

// Checks everything there is to check. `heads`: what pages and people kept (audit/chain.h). `key`: the public
// key that the owner wrote down; empty: the source's own is believed. A failure says what is wrong.
[[nodiscard]] Outcome<Json> VerifyAudit(const AuditSource& source, const std::vector<std::string>& heads,
                                        const std::string& key);
// The daemon's log; once more when it was cut by age or size meanwhile, which would look like a hole.
[[nodiscard]] Outcome<Json> VerifyDaemon(const AskFunction& ask, const std::vector<std::string>& heads,
                                         const std::string& key);
// For people.
[[nodiscard]] std::string RenderVerified(const Json& verified);

// The newest `last` records, oldest first: a line each, or JSON.
[[nodiscard]] Outcome<std::string> ShowAudit(const AuditSource& source, std::uint64_t last, bool json);
// One JSON object a line: the log's own properties, then each record. Returns how many records.
[[nodiscard]] Outcome<std::uint64_t> ExportAudit(const AuditSource& source, const std::string& path);

}  // namespace latchkey::ctl
