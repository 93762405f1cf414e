// The report that people print and pass on. Everything that comes from outside is text, never markup.
#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/audit/kinds.h"
#include "tools/latchkeyctl/incident.h"
#include "tools/latchkeyctl/moments.h"

namespace latchkey::ctl {
namespace {

constexpr double kLeft = 150;   // of the timeline's bars, in SVG units
constexpr double kWidth = 830;  // from the first moment to the last
constexpr double kRow = 22;

constexpr const char* kStyle = R"(
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}
h1{font-size:1.5rem;margin:0 0 .2rem}h2{font-size:1.1rem;margin:2rem 0 .3rem}p{margin:.3rem 0}
.verdict{border-left:5px solid #2c7a4b;background:#eef7f1;padding:.7rem 1rem;margin:1rem 0}
.verdict.bad{border-color:#b3261e;background:#fdeceb}
.quiet{color:#5a6675}code{font-size:.85em}
table{border-collapse:collapse;width:100%;font-size:.85rem;margin:.5rem 0}
th,td{text-align:left;padding:.25rem .6rem .25rem 0;border-bottom:1px solid #e3e7ec;vertical-align:top}
th{color:#5a6675;font-weight:600}td.when,td.number{white-space:nowrap}td.number{text-align:right}
td.body{overflow-wrap:anywhere}
tr.failed td{background:#fdeceb}
svg{width:100%;height:auto;margin:.4rem 0}svg text{font:12px system-ui,sans-serif;fill:#1c2430}
svg .axis{stroke:#c4ccd6}svg .tick{fill:#5a6675}svg .view{fill:#3b78c2}svg .lossy{fill:#c98a1b}
svg .failed{fill:#b3261e}svg .event{fill:#7b8794}
@media print{body{margin:0;max-width:none}tr{break-inside:avoid}}
)";

constexpr const char* kLegend =
    "<p class=\"quiet\">Bars: views, amber where a leg lost 5 % or more within a minute. Marks: events, red "
    "where a "
    "check refused something.</p>\n";

std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

// The part of the time asked about that something happened in: events and views, with a little air.
struct Span {
  WallTime from{};
  WallTime to{};
  [[nodiscard]] double X(WallTime at) const {
    const WallTime inside = std::clamp(at, from, to);
    const auto whole = static_cast<double>((to - from).count());
    return kLeft + (whole > 0 ? static_cast<double>((inside - from).count()) / whole * kWidth : 0);
  }
};

Span SpanOf(const Incident& incident) {
  WallTime first = incident.question.to;
  WallTime last = incident.question.from;
  const WallTime end = std::min(incident.question.to, incident.asked);
  const auto note = [&](WallTime at) {
    first = std::min(first, at);
    last = std::max(last, at);
  };
  for (const auto& view : incident.views) {
    note(std::max(view.began, incident.question.from));
    note(std::min(view.ended.value_or(end), end));
  }
  for (const auto& record : incident.events) note(record.at);
  if (first >= last) return {incident.question.from, std::max(end, incident.question.from + seconds(1))};
  const Duration air = (last - first) / 50 + seconds(1);
  return {std::max(incident.question.from, first - air), std::min(incident.question.to, last + air)};
}

std::string Text(double x, double y, const char* css, const std::string& text, const char* anchor = "start") {
  return "<text x=\"" + Number(x) + "\" y=\"" + Number(y) + "\" class=\"" + css + "\" text-anchor=\"" +
         anchor + "\">" + Escaped(text) + "</text>";
}

// A row for each viewer of the camera, and one for its events.
std::string Timeline(const Incident& incident, CameraId camera, const Span& span) {
  std::vector<ViewerId> rows;
  for (const auto& view : incident.views) {
    if (view.camera == camera && std::find(rows.begin(), rows.end(), view.viewer) == rows.end())
      rows.push_back(view.viewer);
  }
  const double height = kRow * static_cast<double>(rows.size() + 2) + 6;
  std::string svg = "<svg viewBox=\"0 0 1000 " + Number(height) +
                    "\" role=\"img\" aria-label=\"Timeline of " + Escaped(incident.NameOf(camera)) + "\">";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double y = kRow * static_cast<double>(i) + 4;
    svg += Text(kLeft - 8, y + 12, "", incident.NameOf(rows[i]), "end");
    for (const auto& view : incident.views) {
      if (view.camera != camera || view.viewer != rows[i]) continue;
      const double from = span.X(view.began);
      const double to = span.X(view.ended.value_or(incident.asked));
      const bool lossy = std::max(view.camera_loss_permille, view.viewer_loss_permille) >= 50;
      svg += "<rect x=\"" + Number(from) + "\" y=\"" + Number(y) + "\" width=\"" +
             Number(std::max(2.0, to - from)) + "\" height=\"15\" rx=\"2\" class=\"" +
             (lossy ? "lossy" : "view") + "\"><title>" + Escaped(incident.NameOf(view.viewer)) + ", " +
             FormatTime(view.began) + " to " + (view.ended ? FormatTime(*view.ended) : "now") +
             "</title></rect>";
    }
  }
  const double y = kRow * static_cast<double>(rows.size()) + 4;
  const auto failed = incident.Failed();
  svg += Text(kLeft - 8, y + 12, "tick", "events", "end");
  for (const auto& record : incident.events) {
    if (record.camera != camera && record.camera != CameraId()) continue;
    const bool bad = std::find(failed.begin(), failed.end(), &record) != failed.end();
    svg += "<rect x=\"" + Number(span.X(record.at) - 1.5) + "\" y=\"" + Number(y) +
           "\" width=\"3\" height=\"15\" class=\"" + (bad ? "failed" : "event") + "\"><title>" +
           FormatTime(record.at) + " " + std::string(audit::NameOf(record.kind)) + "</title></rect>";
  }
  const double axis = y + kRow;
  svg += "<line x1=\"" + Number(kLeft) + "\" x2=\"" + Number(kLeft + kWidth) + "\" y1=\"" + Number(axis) +
         "\" y2=\"" + Number(axis) + "\" class=\"axis\"/>";
  svg += Text(kLeft, axis + 15, "tick", FormatTime(span.from));
  svg += Text(kLeft + kWidth, axis + 15, "tick", FormatTime(span.to), "end");
  return svg + "</svg>\n";
}

std::string ViewsTable(const Incident& incident, CameraId camera) {
  std::string html =
      "<table><tr><th>Viewer<th>From<th>To<th>Epochs<th>Network<th>Packets<th>Loss in<th>Loss "
      "out<th>Software</tr>\n";
  for (const auto& view : incident.views) {
    if (view.camera != camera) continue;
    const Running* running = incident.SoftwareAt(view.began);
    std::string to = "goes on";
    if (view.ended) to = (view.cut_short ? "before " : "") + FormatTime(*view.ended);
    html += "<tr><td>" + Escaped(incident.NameOf(view.viewer)) + "<td>" + FormatTime(view.began) + "<td>" +
            to + "<td>" + EpochsOf(view) + "<td>" + Escaped(NetworkOf(view)) + "<td class=\"number\">" +
            (IsMeasured(view) ? std::to_string(view.packets) + "<td class=\"number\">" +
                                    Number(view.camera_loss_permille / 10.0) + " %<td class=\"number\">" +
                                    Number(view.viewer_loss_permille / 10.0) + " %<td>"
                              : "<td class=\"number\"><td class=\"number\"><td>") +
            (running == nullptr
                 ? "unknown"
                 : Escaped(running->version) + ", cache " + std::to_string(running->cache_format)) +
            "</tr>\n";
  }
  return html + "</table>\n";
}

std::string EventsTable(const Incident& incident) {
  const auto failed = incident.Failed();
  std::string html = "<table><tr><th>When<th>What<th>Camera<th>Viewer<th>Epoch<th>More</tr>\n";
  for (const auto& record : incident.events) {
    const bool bad = std::find(failed.begin(), failed.end(), &record) != failed.end();
    html += std::string(bad ? "<tr class=\"failed\">" : "<tr>") + "<td class=\"when\">" +
            FormatTime(record.at) + "<td>" + std::string(audit::NameOf(record.kind)) + "<td>" +
            (record.camera == CameraId() ? "" : Escaped(incident.NameOf(record.camera))) + "<td>" +
            (record.viewer == ViewerId() ? "" : Escaped(incident.NameOf(record.viewer))) + "<td>" +
            (record.epoch.value == 0 ? "" : std::to_string(record.epoch.value)) +
            "<td class=\"body\"><code>" + Escaped(FactsOf(record)) + "</code></tr>\n";
  }
  return html + "</table>\n";
}

}  // namespace

std::string IncidentHtml(const Incident& incident) {
  std::set<CameraId> cameras;
  for (const auto& view : incident.views) cameras.insert(view.camera);
  for (const auto& record : incident.events) {
    if (record.camera != CameraId()) cameras.insert(record.camera);
  }
  const std::string asked = FormatTime(incident.question.from) + " to " + FormatTime(incident.question.to);
  std::string html =
      "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><title>Latchkey incident report, " +
      asked + "</title><style>" + kStyle + "</style>\n<h1>Who saw what</h1>\n<p>" + asked;
  if (incident.question.model) html += ", cameras of model " + Escaped(*incident.question.model);
  if (incident.question.loss_above_pct)
    html += ", views with loss above " + Number(*incident.question.loss_above_pct) +
            " % (without those of which none is measured)";
  html += "</p>\n<p class=\"quiet\">Asked at " + FormatTime(incident.asked) +
          ". Times are UTC.</p>\n<p class=\"verdict" +
          std::string(incident.MayHaveGoneAstray() ? " bad" : "") + "\">" + Escaped(Verdict(incident)) +
          "</p>\n";
  html += "<p>" + Count(static_cast<std::size_t>(incident.views_in_all), "view", "views") + ", " +
          Count(incident.Failed().size(), "check", "checks") + " that refused something.</p>\n";
  if (incident.views.size() < incident.views_in_all)
    html += "<p>Only the first " + std::to_string(incident.views.size()) + " views are listed.</p>\n";
  const Span span = SpanOf(incident);
  for (const CameraId& camera : cameras) {
    const auto at = incident.cameras.find(camera);
    html += "<h2>" + Escaped(incident.NameOf(camera)) + "</h2>\n<p class=\"quiet\">" +
            (at == incident.cameras.end() || at->second.model.empty()
                 ? ""
                 : "Model " + Escaped(at->second.model) + ", ") +
            "<code>" + camera.ToHex() + "</code></p>\n" + Timeline(incident, camera, span);
    const bool seen = std::any_of(incident.views.begin(), incident.views.end(),
                                  [&](const auto& view) { return view.camera == camera; });
    html += seen ? std::string(kLegend) + ViewsTable(incident, camera) : "<p>Nobody saw it.</p>\n";
  }
  if (cameras.empty()) html += "<p>No camera was seen, and nothing happened to any.</p>\n";
  if (!incident.events.empty()) html += "<h2>Events</h2>\n" + EventsTable(incident);
  if (incident.more_events) html += "<p>There are more events: narrow the times.</p>\n";
  return html + "</html>\n";
}

}  // namespace latchkey::ctl
