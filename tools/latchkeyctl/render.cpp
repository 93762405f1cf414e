#include "tools/latchkeyctl/render.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace latchkey::ctl {
namespace {

using Row = std::vector<std::string>;

// Characters, not bytes: continuation bytes of UTF-8 take no column.
std::size_t Width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

std::string Table(const Row& head, const std::vector<Row>& rows, const std::string& when_empty) {
  if (rows.empty()) return when_empty + "\n";
  std::vector<std::size_t> widths(head.size());
  const auto measure = [&](const Row& row) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  };
  measure(head);
  for (const Row& row : rows) measure(row);
  std::string out;
  const auto print = [&](const Row& row) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - Width(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  print(head);
  for (const Row& row : rows) print(row);
  return out;
}

// A field of an item as text; "-" when there is none.
std::string Field(const Json& item, const char* name) {
  const auto at = item.find(name);
  if (at == item.end() || at->is_null()) return "-";
  if (at->is_string()) return at->get<std::string>().empty() ? "-" : at->get<std::string>();
  if (at->is_boolean()) return at->get<bool>() ? "yes" : "no";
  return at->dump();
}

std::string Rounded(const Json& item, const char* name, int digits) {
  const auto at = item.find(name);
  if (at == item.end() || !at->is_number()) return "-";
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%.*f", digits, at->get<double>());
  return text.data();
}

// Whole where its owner has to look at it.
std::string Pin(const Json& camera) {
  const std::string state = Field(camera, "pin_state");
  return state == "first-use" ? "to confirm: " + Field(camera, "pin") : state;
}

// The place for media of a camera whose HTTP is at `url`, scheme://host:port/…
std::string SrtpUrl(const std::string& url, const std::string& port) {
  const auto scheme = url.find("://");
  if (port == "0" || scheme == std::string::npos) return "not known yet: see latchkeyctl camera list";
  const auto path = url.find('/', scheme + 3);
  const auto colon = url.rfind(':', path);
  return "srtp://" + url.substr(scheme + 3, colon - scheme - 3) + ":" + port + "?pkt_size=1200";
}

std::string Cameras(const Json& answer) {
  std::vector<Row> rows;
  for (const Json& item : answer["cameras"]) {
    const auto suspension = item.find("suspension");
    rows.push_back({Field(item, "id"), Field(item, "name"), Field(item, "model"), Field(item, "added"),
                    suspension == item.end() ? "no" : (*suspension)["id"].get<std::string>(), Pin(item),
                    item.value("sdes_port", 0) == 0 ? "-" : Field(item, "sdes_port")});
  }
  return Table({"ID", "NAME", "MODEL", "ADDED", "SUSPENDED BY", "PIN", "SRTP PORT"}, rows,
               "No cameras. Add one: latchkeyctl camera add NAME");
}

std::string Viewers(const Json& answer) {
  std::vector<Row> rows;
  for (const Json& item : answer["viewers"])
    rows.push_back({Field(item, "id"), Field(item, "name"), Field(item, "added")});
  return Table({"ID", "NAME", "ADDED"}, rows, "No viewers. Add one: latchkeyctl viewer add NAME");
}

std::string Grants(const Json& answer) {
  std::vector<Row> rows;
  for (const Json& item : answer["grants"]) {
    rows.push_back({Field(item, "id"), Field(item, "viewer_name"), Field(item, "viewer"),
                    Field(item, "camera_name"), Field(item, "camera"), Field(item, "rights"),
                    Field(item, "not_before"), Field(item, "not_after"), Field(item, "holds")});
  }
  return Table({"ID", "VIEWER", "ITS ID", "CAMERA", "ITS ID", "RIGHTS", "FROM", "TO", "HOLDS"}, rows,
               "No grants. Add one: latchkeyctl grant add --viewer NAME --camera NAME");
}

std::string Suspensions(const Json& answer) {
  std::vector<Row> rows;
  for (const Json& item : answer["suspensions"]) {
    std::string what = "every camera";
    if (item.contains("camera")) what = "camera " + Field(item, "camera_name");
    if (item.contains("model")) what = "model " + Field(item, "model");
    rows.push_back({Field(item, "id"), what, Field(item, "since"),
                    item.value("automatic", false) ? "the hub" : "a person", Field(item, "reason")});
  }
  return Table({"ID", "WHAT", "SINCE", "BY", "REASON"}, rows, "Nothing is suspended.");
}

std::string Status(const Json& answer) {
  std::vector<Row> rows;
  for (const Json& item : answer["cameras"]) {
    rows.push_back({Field(item, "name"), Field(item, "state"), Rounded(item, "fps", 1),
                    Field(item, "bitrate_kbit"), Rounded(item, "loss_pct", 1),
                    Rounded(item, "hub_delay_ms", 1), Field(item, "viewers"),
                    item.contains("reason") ? Field(item, "reason") : ""});
  }
  return Table({"CAMERA", "STATE", "FPS", "KBIT/S", "LOSS %", "DELAY MS", "VIEWERS", "REASON"}, rows,
               "No cameras. Add one: latchkeyctl camera add NAME");
}

std::string Watching(const Json& answer) {
  std::vector<Row> rows;
  for (const Json& item : answer["watching"]) {
    rows.push_back({Field(item, "camera_name"), Field(item, "viewer_name"), Field(item, "delivered_kbit"),
                    Field(item, "limit_kbit"), Rounded(item, "loss_pct", 1),
                    Rounded(item, "round_trip_ms", 1), Field(item, "packets_resent"),
                    Field(item, "frames_skipped")});
  }
  return Table({"CAMERA", "WATCHED BY", "KBIT/S", "LIMIT", "LOSS %", "ROUND TRIP MS", "RESENT", "SKIPPED"},
               rows, "Nobody is watching.");
}

std::string Certificate(const Json& answer) {
  std::string names;
  for (const Json& name : answer["names"]) names += (names.empty() ? "" : ", ") + name.get<std::string>();
  return "fingerprint  " + Field(answer, "fingerprint") + "  (SHA-256)\npublic key   " +
         Field(answer, "public_key") + "\nnames        " + names + "\nfrom         " +
         Field(answer, "not_before") + "\nto           " + Field(answer, "not_after") + "\nmade by      " +
         (answer.value("imported", false) ? "its owner" : "the hub") + "\n";
}

std::string Enrolled(const Json& answer) {
  std::string out = "id           " + Field(answer, "id") + "\ntoken        " + Field(answer, "token") + "\n";
  if (answer.contains("publish_url")) out += "publish URL  " + Field(answer, "publish_url") + "\n";
  if (!answer.contains("sdes_key")) return out + "The token is shown this once: keep it now.\n";
  out += "SRTP URL     " + SrtpUrl(Field(answer, "publish_url"), Field(answer, "sdes_port")) + "\n";
  out += "SRTP suite   " + Field(answer, "sdes_suite") + "\n";
  out += "SRTP key     " + Field(answer, "sdes_key") + "\n";
  return out + "Token and key are shown this once: keep them now.\n";
}

}  // namespace

std::string Render(std::string_view command, const Json& answer) {
  if (command == "camera list") return Cameras(answer);
  if (command == "viewer list") return Viewers(answer);
  if (command == "grant list") return Grants(answer);
  if (command == "suspension list") return Suspensions(answer);
  if (command == "status") return Status(answer);
  if (command == "watching") return Watching(answer);
  if (command == "certificate") return Certificate(answer);
  if (answer.contains("token")) return Enrolled(answer);
  if (answer.contains("id")) return Field(answer, "id") + "\n";
  return "done\n";
}

Json StatusForScripts(const Json& answer) {
  Json cameras = Json::array();
  for (const Json& item : answer["cameras"]) {
    Json out;
    for (const char* key :
         {"id", "name", "state", "fps", "bitrate_kbit", "loss_pct", "hub_delay_ms", "viewers"}) {
      out[key] = item.contains(key) ? item[key] : Json();
    }
    cameras.push_back(std::move(out));
  }
  return Json{{"cameras", std::move(cameras)}};
}

}  // namespace latchkey::ctl
