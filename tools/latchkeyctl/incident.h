// "Between these times, for this model, with loss above this: which viewers saw which cameras, and could any
// picture have gone astray?" Answered from the audit log.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/ports/audit.h"
#include "tools/latchkeyctl/audit.h"

namespace latchkey::ctl {

// Of each, so many are gathered; there may be more, and the answer says so.
constexpr std::size_t kMostViews = 20'000;
constexpr std::size_t kMostEvents = 20'000;

struct IncidentQuestion {
  WallTime from{};
  WallTime to{};
  std::optional<std::string> model;
  std::optional<double> loss_above_pct;
};

struct CameraNames {
  std::string name;
  std::string model;
};

// Which software ran from then on.
struct Running {
  WallTime since{};
  std::string version;
  std::uint64_t cache_format = 0;
};

struct Incident {
  IncidentQuestion question;
  WallTime asked{};
  std::uint64_t views_in_all = 0;
  std::vector<ports::AuditView> views;     // in the order in which they began
  std::vector<ports::AuditRecord> events;  // in order
  bool more_events = false;
  std::map<CameraId, CameraNames> cameras;
  std::map<ViewerId, std::string> viewers;
  std::vector<Running> software;  // in order

  // Records that say that something was not as it should be: keys refused, frames that did not open, mix-ups,
  // records that were lost.
  [[nodiscard]] std::vector<const ports::AuditRecord*> Failed() const;
  // Those among them after which a picture may have reached somebody whom it was not for: none of our checks
  // lets one through, so these are what the checks themselves can't vouch for.
  [[nodiscard]] bool MayHaveGoneAstray() const;
  [[nodiscard]] std::string NameOf(CameraId id) const;
  [[nodiscard]] std::string NameOf(ViewerId id) const;
  [[nodiscard]] const Running* SoftwareAt(WallTime at) const;
};

[[nodiscard]] Outcome<Incident> GatherIncident(const AskFunction& ask, const IncidentQuestion& question,
                                               WallTime now);

[[nodiscard]] std::string IncidentText(const Incident& incident);
[[nodiscard]] Json IncidentJson(const Incident& incident);
// One file that needs no other: a timeline for each camera, then what happened in words.
[[nodiscard]] std::string IncidentHtml(const Incident& incident);

// With one digit after the point.
[[nodiscard]] std::string Number(double value);
// "1 view", "2 views".
[[nodiscard]] std::string Count(std::size_t n, const char* one, const char* more);
// "3", "3-5".
[[nodiscard]] std::string EpochsOf(const ports::AuditView& view);
// The viewer's address, or why there is none.
[[nodiscard]] std::string NetworkOf(const ports::AuditView& view);
// Whether packets, loss and jitter are known: with its first minute, or its end, unless the hub ended without
// a word before either.
[[nodiscard]] bool IsMeasured(const ports::AuditView& view);

// A record's body for people: "name Nursery, model M1".
[[nodiscard]] std::string FactsOf(const ports::AuditRecord& record);

// What the answer comes to, as one or two sentences.
[[nodiscard]] std::string Verdict(const Incident& incident);

}  // namespace latchkey::ctl
