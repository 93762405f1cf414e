// What makes the audit log's records one chain, and its head a promise (DESIGN section 6).
//
//   hash of record n = SHA-256( label | hash of n-1 | number | time | kind | camera | viewer | session |
//                               epoch | length of body | body )          hash of record 0: zeros
//   head             = Ed25519( label | log | number | hash | time )
//
// An edited record has another hash than the next one says; a record that was taken out leaves a hole; a tail
// that was cut, or a log that was swapped, lacks what an older head says of it: a head is kept by each page
// that watches.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/ports/audit.h"
#include "daemon/ports/crypto.h"

namespace latchkey::audit {

// Longest body of a record, in bytes.
constexpr std::size_t kMaxBody = 4096;

// `previous`: the hash of the record before, zeros for the first. record.hash is not read.
[[nodiscard]] ports::AuditHash HashOf(ports::Crypto& crypto, const ports::AuditHash& previous,
                                      const ports::AuditRecord& record);

// What is signed.
[[nodiscard]] ByteVector HeadToSign(const ports::AuditHead& head);
[[nodiscard]] bool IsGenuine(ports::Verifier& verifier, const ports::Signer::PublicKey& key,
                             const ports::AuditHead& head);

// A head as text that people and pages can keep: five fields with dots between them, hexadecimal and decimal.
[[nodiscard]] std::string FormatHead(const ports::AuditHead& head);
[[nodiscard]] std::optional<ports::AuditHead> ParseHead(std::string_view text);

// Follows a log from its beginning, or from a checkpoint, record by record.
class ChainReader {
 public:
  explicit ChainReader(ports::Crypto& crypto) : crypto_(crypto) {}
  // The records before were cut, and this is what they ended in.
  ChainReader(ports::Crypto& crypto, const ports::AuditHead& checkpoint)
      : crypto_(crypto), number_(checkpoint.number), hash_(checkpoint.hash) {}

  // Nothing when the record follows; else what is wrong, in words.
  [[nodiscard]] std::optional<std::string> Take(const ports::AuditRecord& record);
  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] const ports::AuditHash& hash() const { return hash_; }

 private:
  ports::Crypto& crypto_;
  std::uint64_t number_ = 0;
  ports::AuditHash hash_{};
};

}  // namespace latchkey::audit
