// Cameras and viewers of a running hub, strangers' junk, and an owner who suspends, resumes, revokes and
// grants again, all in one process and by one clock. Prints one JSON object.
//
//   latchkey-bench-suspend --plan FILE
//
// A sample: from the moment at which the order was handed to the control socket to the kernel's stamp on the
// last SRTP media packet that reached one viewer's socket, up to the order that lifts it; 0 when none came
// after the order. The plan is JSON, made by suspend_bench.py.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "platform/process/ipc_channel.h"
#include "platform/process/unix_socket.h"
#include "tests/bench/suspend_leg.h"
#include "tests/bench/suspend_noise.h"

namespace latchkey::bench {
namespace {

using Json = nlohmann::json;

// All are up again within this, or the program says who is not.
constexpr Duration kPatience = seconds(60);
constexpr Duration kLook = milliseconds(10);
// A viewer is live when a picture came so lately.
constexpr Duration kLive = milliseconds(200);
// What reaches a suspended viewer later than this after the order, of whatever kind, is counted.
constexpr Duration kAsked = milliseconds(100);

enum class Order : std::uint8_t { kCamera, kModel, kAll, kRevoke };
constexpr std::array<const char*, 4> kOrderNames{"camera", "model", "all", "revoke"};

double Milliseconds(Duration d) {
  return static_cast<double>(ToMicroseconds(d)) / 1000.0;
}

[[noreturn]] void GiveUp(const std::string& why) {
  (void)std::fprintf(stderr, "bench: %s\n", why.c_str());
  std::exit(1);
}

std::unique_ptr<media::RealPorts> MakePorts() {
  auto ports = media::RealPorts::Make();
  if (!ports) GiveUp(ports.error().message);
  return std::move(*ports);
}

struct Camera {
  std::string id;
  std::string model;
  std::unique_ptr<media::RealPorts> ports;  // a certificate of its own
  std::unique_ptr<SuspendCamera> leg;
};
struct Viewer {
  std::string id;
  std::string grant;
  std::size_t camera = 0;
  std::unique_ptr<SuspendViewer> leg;
};

class Load {
 public:
  Load(platform::Loop& loop, const Json& plan)
      : loop_(loop),
        ports_(MakePorts()),
        random_(plan.at("seed").get<std::uint32_t>()),
        orders_(plan.at("orders")),
        hold_(milliseconds(plan.at("hold_ms").get<int>())),
        noise_(plan.at("noise_per_second"), static_cast<std::uint32_t>(random_())),
        tick_(loop, [this] { Look(); }),
        next_(loop, [this] { GiveOrder(); }),
        held_(loop, [this] {
          held_long_ = true;
          LiftWhenDone();
        }) {
    Enrol(plan);
    auto socket = platform::ConnectUnix(plan.at("control"));
    if (!socket) GiveUp(socket.error().message);
    control_ = std::make_unique<platform::IpcChannel>(
        loop, std::move(*socket),
        platform::IpcChannel::Handlers{
            [this](ByteView record) { OnAnswer(record); },
            [](platform::ChannelEnd) { GiveUp("the hub closed its control socket"); }});
  }

  void Run() {
    for (auto& camera : cameras_) affected_cameras_.push_back(&camera);
    for (auto& viewer : viewers_) affected_.push_back(&viewer);
    const Duration spread = milliseconds(40) / static_cast<std::int64_t>(cameras_.size());
    for (std::size_t i = 0; i < cameras_.size(); ++i)
      cameras_[i].leg->Film(spread * static_cast<std::int64_t>(i));
    ComeBack();
    loop_.Run();
  }

 private:
  using Then = std::function<void(const Json& ok)>;

  void Enrol(const Json& plan) {
    const std::string url = plan.at("url");
    StreamShape shape;
    shape.bitrate_kbit = plan.at("bitrate_kbit");
    for (const Json& c : plan.at("cameras")) {
      const std::string id = c.at("id");
      Camera camera{id, c.at("model"), MakePorts(), nullptr};
      camera.leg =
          std::make_unique<SuspendCamera>(loop_, *camera.ports, url + "/whip/" + id, c.at("token"), shape);
      cameras_.push_back(std::move(camera));
    }
    for (const Json& v : plan.at("viewers")) {
      const std::size_t camera = v.at("camera");
      viewers_.push_back(
          {v.at("id"), v.at("grant"), camera,
           std::make_unique<SuspendViewer>(loop_, *ports_, url + "/whep/" + cameras_.at(camera).id,
                                           v.at("token"), plan.at("loss").get<double>(), random_())});
    }
  }

  // ------------------------------------------------------------- the owner

  void Say(const Json& command, Then then) {
    then_ = std::move(then);
    const std::string text = command.dump();
    said_at_ = MonotonicNow();
    if (!control_->Send(ByteVector(text.begin(), text.end()))) GiveUp("the hub takes no orders");
  }

  void OnAnswer(ByteView record) {
    const Json answer = Json::parse(AsText(record));
    if (!answer.contains("ok")) GiveUp("the hub refused an order: " + answer.dump());
    const Then then = std::exchange(then_, {});
    then(answer.at("ok"));
  }

  // ------------------------------------------------------------- one round

  // Cameras first, then their viewers, until pictures come to everyone.
  void ComeBack() {
    began_ = loop_.Now();
    for (Camera* camera : affected_cameras_) camera->leg->Restart();
    viewers_asked_ = false;
    tick_.StartAfter(kLook);
  }

  void Look() {
    const Instant now = loop_.Now();
    if (now - began_ > kPatience) GiveUp("not everyone came back");
    bool all = true;
    for (Camera* camera : affected_cameras_) {
      if (camera->leg->ended()) camera->leg->Restart();
      all = all && camera->leg->up();
    }
    if (all && !viewers_asked_) {
      viewers_asked_ = true;
      for (Viewer* viewer : affected_) viewer->leg->Restart();
    }
    for (Viewer* viewer : affected_) {
      if (viewer->leg->ended()) viewer->leg->Restart();
    }
    for (const Viewer& viewer : viewers_) {
      const auto& last = viewer.leg->arrivals().last_media;
      all = all && last && now - *last < kLive;
    }
    if (!all) return tick_.StartAfter(kLook);
    for (std::size_t i = 0; i < cameras_.size(); ++i) noise_.SetTarget(i, cameras_[i].leg->hub_port());
    if (given_ == orders_) return Report();
    next_.StartAfter(milliseconds(std::uniform_int_distribution<int>(20, 420)(random_)));
  }

  void GiveOrder() {
    ++given_;
    order_ = Choose();
    affected_.clear();
    affected_cameras_.clear();
    Json command;
    if (order_ == Order::kRevoke) {
      Viewer& viewer = viewers_[random_() % viewers_.size()];
      affected_.push_back(&viewer);
      command = {{"command", "grant revoke"}, {"id", viewer.grant}};
    } else {
      const Camera& chosen = cameras_[random_() % cameras_.size()];
      command = {{"command", "suspend"}, {"reason", "benchmark"}};
      if (order_ == Order::kCamera) command["camera"] = chosen.id;
      if (order_ == Order::kModel) command["model"] = chosen.model;
      if (order_ == Order::kAll) command["all"] = true;
      for (Camera& camera : cameras_) {
        if (order_ == Order::kAll || camera.id == chosen.id ||
            (order_ == Order::kModel && camera.model == chosen.model))
          affected_cameras_.push_back(&camera);
      }
      for (Viewer& viewer : viewers_) {
        if (IsDark(cameras_[viewer.camera])) affected_.push_back(&viewer);
      }
    }
    for (Viewer& viewer : viewers_) viewer.leg->Mark();
    Say(command, [this](const Json& ok) { OnOrdered(ok); });
  }

  // Mostly narrow ones: the wide ones give many samples each.
  Order Choose() {
    const auto dice = random_() % 10;
    if (dice < 4) return Order::kCamera;
    if (dice < 7) return Order::kModel;
    return dice < 8 ? Order::kAll : Order::kRevoke;
  }

  [[nodiscard]] bool IsDark(const Camera& camera) const {
    return std::find(affected_cameras_.begin(), affected_cameras_.end(), &camera) != affected_cameras_.end();
  }

  void OnOrdered(const Json& ok) {
    ordered_at_ = said_at_;
    answered_at_ = MonotonicNow();
    answer_ms_.push_back(Milliseconds(answered_at_ - ordered_at_));
    suspension_ = ok.value("id", "");
    affected_.front()->leg->Ask([this](const media::HttpReply& reply) { OnAsked(reply); });
    held_long_ = false;
    told_ = false;
    held_.StartAfter(hold_);
  }

  void OnAsked(const media::HttpReply& reply) {
    const bool revoked = order_ == Order::kRevoke;
    const bool right = revoked ? reply.status == 403
                               : reply.status == 503 &&
                                     reply.body.find("currently unavailable") != std::string::npos &&
                                     reply.body.find("suspended") != std::string::npos;
    if (!right) ++wrong_answers_;
    told_ = true;
    LiftWhenDone();
  }

  void LiftWhenDone() {
    if (held_long_ && told_) Lift();
  }

  void Lift() {
    Take();
    if (order_ != Order::kRevoke) {
      return Say({{"command", "resume"}, {"id", suspension_}, {"root_cause", "benchmark over"}},
                 [this](const Json&) { ComeBack(); });
    }
    Viewer& viewer = *affected_.front();
    Say({{"command", "grant add"}, {"viewer", viewer.id}, {"camera", cameras_[viewer.camera].id}},
        [this, &viewer](const Json& ok) {
          viewer.grant = ok.at("id");
          ComeBack();
        });
  }

  // ------------------------------------------------------------- figures

  void Take() {
    auto& samples = samples_[static_cast<std::size_t>(order_)];
    for (const Viewer* viewer : affected_) {
      const auto& arrivals = viewer->leg->arrivals();
      const Duration last = arrivals.last_media ? *arrivals.last_media - ordered_at_ : Duration();
      samples.push_back(Milliseconds(std::max(last, Duration())));
      // Of a grant it is not waited for that the lane has ended the session.
      if (last > answered_at_ - ordered_at_ && order_ != Order::kRevoke) ++media_after_answer_;
      if (last > kAsked) ++late_;
      late_ +=
          static_cast<std::uint64_t>(std::count_if(arrivals.others.begin(), arrivals.others.end(),
                                                   [&](Instant at) { return at - ordered_at_ > kAsked; }));
    }
    for (const Viewer& viewer : viewers_) {
      const bool dark = std::find(affected_.begin(), affected_.end(), &viewer) != affected_.end();
      if (!dark && viewer.leg->arrivals().media == 0) ++others_disturbed_;
    }
  }

  static Json Summary(std::vector<double> values) {
    if (values.empty()) return {{"count", 0}};
    std::sort(values.begin(), values.end());
    // The smallest value that at least this share is not above.
    const auto quantile = [&](double q) {
      const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
      return values[std::max<std::size_t>(rank, 1) - 1];
    };
    return {{"count", values.size()},
            {"p50", quantile(0.5)},
            {"p99", quantile(0.99)},
            {"p99.9", quantile(0.999)},
            {"max", values.back()}};
  }

  [[noreturn]] void Report() {
    std::vector<double> suspended;
    Json out;
    for (std::size_t i = 0; i < samples_.size(); ++i) {
      out["order_to_last_media_ms"][kOrderNames[i]] = Summary(samples_[i]);
      if (static_cast<Order>(i) != Order::kRevoke)
        suspended.insert(suspended.end(), samples_[i].begin(), samples_[i].end());
    }
    out["order_to_last_media_ms"]["suspend"] = Summary(suspended);
    out["order_to_answer_ms"] = Summary(answer_ms_);
    out["orders"] = given_;
    out["media_after_answer"] = media_after_answer_;
    out["datagrams_later_than_100_ms"] = late_;
    out["others_disturbed"] = others_disturbed_;
    out["wrong_answers"] = wrong_answers_;
    out["junk_datagrams"] = noise_.sent();
    (void)std::printf("%s\n", out.dump().c_str());
    (void)std::fflush(stdout);
    std::_Exit(0);  // the hub is ended by whoever started it
  }

  platform::Loop& loop_;
  std::unique_ptr<media::RealPorts> ports_;  // of the viewers
  std::mt19937 random_;
  std::size_t orders_;
  Duration hold_;
  SuspendNoise noise_;
  platform::Timer tick_;
  platform::Timer next_;
  platform::Timer held_;
  std::unique_ptr<platform::IpcChannel> control_;
  std::vector<Camera> cameras_;
  std::vector<Viewer> viewers_;
  Then then_;
  Instant said_at_;

  Order order_ = Order::kCamera;
  std::size_t given_ = 0;
  std::vector<Camera*> affected_cameras_;
  std::vector<Viewer*> affected_;
  std::string suspension_;
  Instant ordered_at_;
  Instant answered_at_;
  Instant began_;
  bool viewers_asked_ = false;
  bool held_long_ = false;
  bool told_ = false;  // what HTTP says

  std::array<std::vector<double>, kOrderNames.size()> samples_;
  std::vector<double> answer_ms_;
  std::uint64_t media_after_answer_ = 0;
  std::uint64_t late_ = 0;
  std::uint64_t others_disturbed_ = 0;
  std::uint64_t wrong_answers_ = 0;
};

int Main(int argc, char** argv) {
  std::string path;
  CLI::App app{"Suspends and resumes the cameras of a hub under load"};
  app.add_option("--plan", path)->required();
  CLI11_PARSE(app, argc, argv);
  std::ifstream in(path);
  const Json plan = Json::parse(in, nullptr, false);
  if (!plan.is_object()) GiveUp(path + " is no plan");
  platform::Loop loop;
  Load load(loop, plan);
  load.Run();
  return 0;
}

}  // namespace
}  // namespace latchkey::bench

int main(int argc, char** argv) {
  return latchkey::bench::Main(argc, argv);
}
