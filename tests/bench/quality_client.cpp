// One camera and one viewer of a server under test, in one process so that one clock times both ends. Its
// starter carries offers and answers between them and the server, whatever that speaks.
//
//   latchkey-bench-quality [--gop S] [--kbit N] [--no-keyframe-requests]
//
// One JSON object a line, both ways. It says {"offer": "camera", "sdp": …} first.
//   {"do": "answer", "who": "camera"|"viewer", "sdp": …}   → {"connected": who}, of a viewer {"picture":
//   true} too
//   {"do": "view"}                                          → {"offer": "viewer", "sdp": …}
//   {"do": "measure", "seconds": S}                         → {"began": true}, {"ended": true}, {"report": …}
//   {"do": "mark"}                                          the report has how long after now it is live
// It ends when its input ends; with a message and 1 when a session fails.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tests/bench/quality_camera.h"
#include "tests/bench/quality_viewer.h"
#include "tools/media/real_ports.h"

namespace latchkey::bench {
namespace {

// After the last frame counted was sent, until the account is made.
constexpr Duration kStragglers = seconds{1};
// RFC 7675 5.1, as in browsers: what the impaired leg loses of our consent checks must not end the session.
constexpr media::PeerTransport::Consent kConsent{milliseconds{800}, seconds{30}};

void Say(const nlohmann::json& json) {
  std::printf("%s\n", json.dump().c_str());
  std::fflush(stdout);
}

[[noreturn]] void GiveUp(const std::string& why) {
  std::fprintf(stderr, "bench: %s\n", why.c_str());
  std::exit(2);
}

double Milliseconds(Duration d) {
  return static_cast<double>(ToMicroseconds(d)) / 1000;
}

nlohmann::json Quantiles(const media::Percentiles& delays) {
  if (delays.empty()) return nullptr;
  return {{"p50", Milliseconds(delays.At(50))},
          {"p99", Milliseconds(delays.At(99))},
          {"max", Milliseconds(delays.At(100))}};
}

nlohmann::json Describe(const LedgerFigures& figures) {
  return {{"sent", figures.sent},
          {"whole", figures.whole},
          {"decodable", figures.decodable},
          {"on_time", figures.on_time},
          {"torn", figures.torn},
          {"backwards", figures.backwards},
          {"freezes", figures.freezes},
          {"freeze_ms", Milliseconds(figures.freeze_time)},
          {"delay_ms", Quantiles(figures.delay)},
          {"whole_delay_ms", Quantiles(figures.whole_delay)}};
}

// Sums at one moment: a report is the difference of two.
struct Sums {
  media::SessionFigures camera;
  media::SessionFigures viewer;
  std::uint64_t keyframes_forced = 0;
};

class Client {
 public:
  Client(platform::Loop& loop, media::RealPorts& ports, const StreamShape& shape,
         QualityViewer::Options viewing)
      : loop_(loop),
        ports_(ports),
        viewing_(viewing),
        camera_(loop, std::make_unique<media::RtcSession>(ports.session(), media::PublishMedia{}, kConsent),
                shape, ledger_,
                [] {
                  Say({{"connected", "camera"}});
                }),
        input_(loop, STDIN_FILENO, [this](platform::Poller::Events) { ReadInput(); }),
        end_(loop, [this] { End(); }),
        account_(loop, [this] { Account(); }) {}

  void Run() {
    input_.Watch({.readable = true, .writable = false});
    Say({{"offer", "camera"}, {"sdp", camera_.peer().Offer()}});
    loop_.Run();
  }

 private:
  void ReadInput() {
    std::array<char, 16384> part{};
    const ssize_t size = read(STDIN_FILENO, part.data(), part.size());
    if (size <= 0) std::_Exit(0);
    text_.append(part.data(), static_cast<std::size_t>(size));
    for (std::size_t end = text_.find('\n'); end != std::string::npos; end = text_.find('\n')) {
      const auto json = nlohmann::json::parse(text_.substr(0, end), nullptr, false);
      text_.erase(0, end + 1);
      if (!json.is_object()) GiveUp("the input is not JSON");
      Obey(json);
    }
  }

  void Obey(const nlohmann::json& order) {
    const std::string what = order.value("do", "");
    if (what == "answer") {
      BenchPeer* peer = order.value("who", "") == "camera" ? &camera_.peer() : nullptr;
      if (peer == nullptr && viewer_) peer = &viewer_->peer();
      if (peer == nullptr) GiveUp("there is no viewer yet");
      peer->Answer(order.value("sdp", ""), order.value("ours", ""));
    } else if (what == "view") {
      viewer_ = std::make_unique<QualityViewer>(
          loop_, std::make_unique<media::RtcSession>(ports_.session(), kConsent), viewing_, ledger_,
          [] {
            Say({{"connected", "viewer"}});
          },
          [] {
            Say({{"picture", true}});
          });
      Say({{"offer", "viewer"}, {"sdp", viewer_->peer().Offer()}});
    } else if (what == "measure") {
      from_ = loop_.Now();
      before_ = Now();
      end_.StartAfter(Duration{static_cast<std::int64_t>(order.value("seconds", 1.0) * 1e9)});
      Say({{"began", true}});
    } else if (what == "mark") {
      mark_ = loop_.Now();
    } else {
      GiveUp("not an order: " + order.dump());
    }
  }

  Sums Now() {
    return {camera_.peer().session().Figures(),
            viewer_ ? viewer_->peer().session().Figures() : media::SessionFigures{},
            camera_.keyframes_forced()};
  }

  void End() {
    to_ = loop_.Now();
    after_ = Now();
    Say({{"ended", true}});
    account_.StartAfter(kStragglers);
  }

  void Account() {
    const Sums& a = before_;
    const Sums& b = after_;
    nlohmann::json report = {
        {"seconds", ToSeconds(to_ - from_)},
        {"frames", Describe(ledger_.Between(from_, to_))},
        {"camera",
         {{"packets", b.camera.sent.packets - a.camera.sent.packets},
          {"nacked", b.camera.sent.nacked - a.camera.sent.nacked},
          {"retransmitted", b.camera.sent.retransmitted - a.camera.sent.retransmitted},
          {"keyframe_requests", b.camera.sent.plis - a.camera.sent.plis},
          {"keyframes_forced", b.keyframes_forced - a.keyframes_forced},
          {"remb_kbit", b.camera.remb_bps / 1000}}},
        {"viewer",
         {{"packets", b.viewer.received.packets - a.viewer.received.packets},
          {"nacked", b.viewer.received.nacked - a.viewer.received.nacked},
          {"repaired", b.viewer.received.repaired - a.viewer.received.repaired},
          {"given_up", b.viewer.received.lost - a.viewer.received.lost},
          {"duplicates", b.viewer.received.duplicates - a.viewer.received.duplicates},
          {"keyframe_requests", b.viewer.plis_sent - a.viewer.plis_sent}}},
        {"rtx_payload_type",
         {{"camera", RtxOf(camera_.peer())}, {"viewer", viewer_ ? RtxOf(viewer_->peer()) : nullptr}}}};
    if (mark_) {
      const auto live = ledger_.LiveAfter(*mark_);
      report["live_after_mark_s"] = live ? nlohmann::json(ToSeconds(*live)) : nlohmann::json(nullptr);
    }
    Say({{"report", report}});
  }

  // The payload type of retransmitted video on that leg; null when it is sent again plainly.
  static nlohmann::json RtxOf(BenchPeer& peer) {
    const peer::MediaPlan* plan = peer.session().plan();
    const auto* video = plan == nullptr ? nullptr : plan->Find(wire::StreamKind::kVideo);
    if (video == nullptr || !video->rtx_payload_type) return nullptr;
    return *video->rtx_payload_type;
  }

  platform::Loop& loop_;
  media::RealPorts& ports_;
  QualityViewer::Options viewing_;
  FrameLedger ledger_;
  QualityCamera camera_;
  std::unique_ptr<QualityViewer> viewer_;
  platform::Poller input_;
  platform::Timer end_;
  platform::Timer account_;
  std::string text_;
  Instant from_;
  Instant to_;
  Sums before_;
  Sums after_;
  std::optional<Instant> mark_;
};

int Main(int argc, char** argv) {
  StreamShape shape;
  bool no_requests = false;
  CLI::App app{"A camera and a viewer of a server under test"};
  app.add_option("--gop", shape.gop_seconds);
  app.add_option("--kbit", shape.bitrate_kbit);
  app.add_flag("--no-keyframe-requests", no_requests, "the viewer never sends PLI");
  CLI11_PARSE(app, argc, argv);
  platform::Loop loop;
  auto ports = media::RealPorts::Make();
  if (!ports) GiveUp(ports.error().message);
  Client client(loop, **ports, shape, {.asks_for_keyframes = !no_requests});
  client.Run();
  return 0;
}

}  // namespace
}  // namespace latchkey::bench

int main(int argc, char** argv) {
  return latchkey::bench::Main(argc, argv);
}
