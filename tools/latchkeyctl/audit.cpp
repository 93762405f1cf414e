#include "tools/latchkeyctl/audit.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "daemon/audit/chain.h"
#include "daemon/audit/kinds.h"
#include "daemon/audit/record_json.h"
#include "platform/crypto/ed25519.h"
#include "platform/crypto/openssl_crypto.h"
#include "platform/crypto/system_entropy.h"
#include "platform/store/secret_file.h"
#include "platform/store/sqlite_audit.h"
#include "tools/latchkeyctl/moments.h"

namespace latchkey::ctl {
namespace {

constexpr std::size_t kBatch = 2000;

tl::unexpected<Failure> No(const std::string& why) {
  return tl::unexpected(Failure{kExitRefused, why});
}

Outcome<std::vector<ports::AuditRecord>> RecordsOf(const Json& list) {
  std::vector<ports::AuditRecord> records;
  for (const Json& item : list) {
    auto record = audit::RecordFromJson(item);
    if (!record) return No(record.error().message);
    records.push_back(std::move(*record));
  }
  return records;
}

// "log", "public_key", "head" and "checkpoint" of an answer or of an export's first line.
Outcome<AuditSource> Properties(const Json& json) {
  AuditSource source;
  const auto log = ports::AuditLogId::FromHex(json.value("log", ""));
  if (!log || !internal::HexDecodeExact(json.value("public_key", ""), source.public_key))
    return No("this says of no audit log what it is");
  source.log = *log;
  for (const auto& [name, head] :
       {std::pair("head", &source.head), std::pair("checkpoint", &source.checkpoint)}) {
    if (!json.contains(name)) continue;
    *head = audit::ParseHead(json.value(name, ""));
    if (!*head) return No(std::string("its ") + name + " is none");
  }
  return source;
}

Json PropertiesOf(const AuditSource& source) {
  Json json{{"log", source.log.ToHex()}, {"public_key", internal::HexEncode(source.public_key)}};
  if (source.head) json["head"] = audit::FormatHead(*source.head);
  if (source.checkpoint) json["checkpoint"] = audit::FormatHead(*source.checkpoint);
  return json;
}

// What was kept elsewhere, in order of numbers, to be met while the log is read.
Outcome<std::vector<ports::AuditHead>> Kept(const AuditSource& source,
                                            const std::vector<std::string>& texts) {
  platform::Ed25519Verifier verifier;
  std::vector<ports::AuditHead> heads;
  for (const std::string& text : texts) {
    const auto head = audit::ParseHead(text);
    if (!head)
      return tl::unexpected(
          Failure{kExitUsage, "--head must be a head as the page and `audit head` give it"});
    if (!audit::IsGenuine(verifier, source.public_key, *head))
      return No(
          "a kept head was not signed by this log's key: it is of another hub, or the key was replaced");
    if (head->log != source.log) return No("a kept head is of another log: this one has taken its place");
    heads.push_back(*head);
  }
  std::sort(heads.begin(), heads.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
  return heads;
}

Outcome<void> CheckSignatures(const AuditSource& source, const std::string& key) {
  platform::Ed25519Verifier verifier;
  if (!key.empty() && key != internal::HexEncode(source.public_key))
    return No("the log is signed with another key: " + internal::HexEncode(source.public_key));
  for (const auto* head : {&source.head, &source.checkpoint}) {
    if (*head && (!audit::IsGenuine(verifier, source.public_key, **head) || (*head)->log != source.log))
      return No(head == &source.head ? "its head is not signed by its key"
                                     : "its checkpoint is not signed by its key");
  }
  return {};
}

}  // namespace

Outcome<AuditSource> FromDaemon(const AskFunction& ask) {
  const auto state = ask(Json{{"command", "audit state"}});
  if (!state) return tl::unexpected(state.error());
  auto source = Properties(*state);
  if (!source) return source;
  source->read = [ask](std::uint64_t after) -> Outcome<std::vector<ports::AuditRecord>> {
    const auto answer = ask(Json{{"command", "audit read"}, {"after", after}});
    if (!answer) return tl::unexpected(answer.error());
    return RecordsOf(answer->value("records", Json::array()));
  };
  source->check_views = [ask]() -> Outcome<void> {
    const auto answer = ask(Json{{"command", "audit check"}});
    if (!answer) return tl::unexpected(answer.error());
    return {};
  };
  return source;
}

Outcome<AuditSource> FromStateFolder(const std::string& folder) {
  auto opened = platform::SqliteAudit::OpenToRead(folder + "/audit.db");
  if (!opened) return No(opened.error().message);
  // Shared by the two functions below, which are copied about.
  const std::shared_ptr<platform::SqliteAudit> log = std::move(*opened);
  platform::SystemEntropy entropy;
  const auto seed = platform::LoadSecret({"", folder, "audit.secret", false}, entropy);
  if (!seed) return No(seed.error().message);
  const auto signer = platform::Ed25519Signer::Create(*seed);
  if (!signer) return No(signer.error().message);
  AuditSource source;
  source.log = log->log();
  source.public_key = (*signer)->public_key();
  const auto head = log->LastHead();
  const auto checkpoint = log->Checkpoint();
  if (!head) return No(head.error().message);
  if (!checkpoint) return No(checkpoint.error().message);
  source.head = *head;
  source.checkpoint = *checkpoint;
  source.read = [log](std::uint64_t after) -> Outcome<std::vector<ports::AuditRecord>> {
    auto records = log->Read(after + 1, kBatch);
    if (!records) return No(records.error().message);
    return std::move(*records);
  };
  source.check_views = [log]() -> Outcome<void> {
    const auto checked = log->CheckViews();
    if (!checked) return No(checked.error().message);
    return {};
  };
  return source;
}

Outcome<AuditSource> FromExport(const std::string& path) {
  const auto in = std::make_shared<std::ifstream>(path);
  std::string line;
  if (!*in || !std::getline(*in, line)) return No("cannot read " + path);
  const Json first = Json::parse(line, nullptr, false);
  auto source = first.is_object() ? Properties(first) : No(path + " is no export of an audit log");
  if (!source) return source;
  source->read = [in](std::uint64_t) -> Outcome<std::vector<ports::AuditRecord>> {
    Json list = Json::array();
    std::string text;
    while (list.size() < kBatch && std::getline(*in, text)) list.push_back(Json::parse(text, nullptr, false));
    return RecordsOf(list);
  };
  return source;
}

Outcome<Json> VerifyAudit(const AuditSource& source, const std::vector<std::string>& heads,
                          const std::string& key) {
  if (auto signatures = CheckSignatures(source, key); !signatures) return tl::unexpected(signatures.error());
  const auto kept = Kept(source, heads);
  if (!kept) return tl::unexpected(kept.error());
  platform::OpenSslCrypto crypto;
  audit::ChainReader reader(crypto, source.checkpoint.value_or(ports::AuditHead()));
  std::uint64_t cut = reader.number();
  std::uint64_t compared = 0;
  auto next = kept->begin();
  // What is older than the checkpoint can't be compared any more, and the checkpoint answers for it.
  while (next != kept->end() && next->number < cut) ++next;
  const auto meet = [&]() -> bool {
    for (; next != kept->end() && next->number == reader.number(); ++next) {
      if (next->hash != reader.hash()) return false;
      ++compared;
    }
    return true;
  };
  bool met = meet();
  bool ended = false;
  std::uint64_t records = 0;
  while (!ended && met) {
    const auto batch = source.read(reader.number());
    if (!batch) return tl::unexpected(batch.error());
    ended = batch->empty();
    for (const ports::AuditRecord& record : *batch) {
      // Records that came after the head was asked for are the next time's.
      if (source.head && record.number > source.head->number) ended = true;
      if (ended) break;
      if (const auto wrong = reader.Take(record)) return No(*wrong);
      ++records;
      met = met && meet();
    }
  }
  if (!met)
    return No("record " + std::to_string(next->number) + " is not the one that a kept head was signed for");
  if (next != kept->end()) {
    return No("records up to " + std::to_string(next->number) +
              " were signed and are gone: the log ends with " + std::to_string(reader.number()));
  }
  if (source.head && (source.head->number != reader.number() || source.head->hash != reader.hash()))
    return No("it does not end in what its head was signed for: record " +
              std::to_string(source.head->number));
  if (!source.head && records > 0) return No("its head is gone");
  if (source.check_views) {
    if (auto checked = source.check_views(); !checked) return tl::unexpected(checked.error());
  }
  Json verified{{"log", source.log.ToHex()}, {"public_key", internal::HexEncode(source.public_key)},
                {"records", records},        {"first", records == 0 ? 0 : cut + 1},
                {"last", reader.number()},   {"heads_compared", compared}};
  if (source.head) verified["head"] = audit::FormatHead(*source.head);
  return verified;
}

Outcome<Json> VerifyDaemon(const AskFunction& ask, const std::vector<std::string>& heads,
                           const std::string& key) {
  const auto cut_at = [](const AuditSource& source) {
    return source.checkpoint.value_or(ports::AuditHead()).number;
  };
  const auto source = FromDaemon(ask);
  if (!source) return tl::unexpected(source.error());
  auto verified = VerifyAudit(*source, heads, key);
  if (verified) return verified;
  const auto now = FromDaemon(ask);
  if (!now || cut_at(*now) == cut_at(*source)) return verified;
  return VerifyAudit(*now, heads, key);
}

std::string RenderVerified(const Json& verified) {
  const auto number = [&](const char* name) {
    return std::to_string(verified.value(name, std::uint64_t{0}));
  };
  std::string text = "The log holds together: " + number("records") + " records, from " + number("first") +
                     " to " + number("last") + ", and its end is signed.\n";
  const auto compared = verified.value("heads_compared", std::uint64_t{0});
  text += compared > 0
              ? "Kept heads that it agrees with: " + std::to_string(compared) + ".\n"
              : "No kept head was given: a log that was replaced as a whole, key and all, would look the "
                "same (--head).\n";
  return text + "log  " + verified.value("log", "") + "\nkey  " + verified.value("public_key", "") + "\n";
}

Outcome<std::string> ShowAudit(const AuditSource& source, std::uint64_t last, bool json) {
  if (!source.head) return std::string(json ? "" : "The log is empty.\n");
  const std::uint64_t end = source.head->number;
  std::uint64_t after = end > last ? end - last : 0;
  std::string text;
  for (;;) {
    const auto batch = source.read(after);
    if (!batch) return tl::unexpected(batch.error());
    if (batch->empty()) return text;
    for (const ports::AuditRecord& record : *batch) {
      after = std::max(after, record.number);
      if (record.number + last <= end || record.number > end) continue;
      if (json) {
        Json item = audit::ToJson(record);
        item["at"] = FormatTime(record.at);
        item["body"] = Json::parse(record.body, nullptr, false);
        text += item.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
        continue;
      }
      text += std::to_string(record.number) + "  " + FormatTime(record.at) + "  " +
              std::string(audit::NameOf(record.kind));
      if (record.camera != CameraId()) text += "  camera " + record.camera.ToHex().substr(0, 8);
      if (record.viewer != ViewerId()) text += "  viewer " + record.viewer.ToHex().substr(0, 8);
      if (record.epoch.value != 0) text += "  epoch " + std::to_string(record.epoch.value);
      if (record.body != "{}") text += "  " + record.body;
      text += "\n";
    }
    if (after >= end) return text;
  }
}

Outcome<std::uint64_t> ExportAudit(const AuditSource& source, const std::string& path) {
  std::ofstream out(path, std::ios::trunc);
  out << PropertiesOf(source).dump() << "\n";
  std::uint64_t count = 0;
  std::uint64_t after = source.checkpoint ? source.checkpoint->number : 0;
  const std::uint64_t end = source.head ? source.head->number : 0;
  while (out && after < end) {
    const auto batch = source.read(after);
    if (!batch) return tl::unexpected(batch.error());
    if (batch->empty()) break;
    for (const ports::AuditRecord& record : *batch) {
      if (record.number > end) break;
      out << audit::ToJson(record).dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
      ++count;
    }
    after = batch->back().number;
  }
  out.close();
  if (!out) return No("cannot write " + path);
  return count;
}

}  // namespace latchkey::ctl
