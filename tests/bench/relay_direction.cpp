#include "tests/bench/relay_direction.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace latchkey::bench {
namespace {

constexpr double kLongestMs = 10'000;
constexpr double kLongestBurst = 1000;
constexpr double kFastestKbit = 10'000'000;

Duration Milliseconds(double ms) {
  return Duration{static_cast<std::int64_t>(ms * 1e6)};
}

}  // namespace

Result<media::ImpairOptions> ReadImpairOptions(const nlohmann::json& json) {
  if (!json.is_object()) return Fail(ErrorCode::kInvalid, "an impairment is a JSON object");
  media::ImpairOptions options;
  for (const auto& item : json.items()) {
    const std::string& name = item.key();
    const nlohmann::json& value = item.value();
    const double number = value.is_number() ? value.get<double>() : 0;
    const auto within = [&](double least, double most) {
      return value.is_number() && number >= least && number <= most;
    };
    bool good = false;
    if (name == "loss" && (good = within(0, 1))) options.loss = number;
    if (name == "burst" && (good = within(1, kLongestBurst))) options.burst = number;
    if (name == "delay_ms" && (good = within(0, kLongestMs))) options.delay = Milliseconds(number);
    if (name == "jitter_ms" && (good = within(0, kLongestMs))) options.jitter = Milliseconds(number);
    if (name == "reorder" && (good = within(0, 1))) options.reorder = number;
    if (name == "duplicate" && (good = within(0, 1))) options.duplicate = number;
    if (name == "keep_order" && (good = value.is_boolean())) options.keep_order = value.get<bool>();
    if (name == "seed" && (good = value.is_number_integer() && value >= 0))
      options.seed = value.get<std::uint64_t>();
    if (name == "rate_kbit" && (good = within(0, kFastestKbit)))
      options.rate_kbit = static_cast<std::uint32_t>(number);
    if (!good) return Fail(ErrorCode::kInvalid, "not an impairment: " + name + " " + value.dump());
  }
  return options;
}

void RelayDirection::Change(const media::ImpairOptions& options) {
  network_.Change(options);
}

void RelayDirection::Offer(Instant arrived, const SocketAddress& client, ByteView bytes) {
  const auto rtp = watch_.Note(bytes);
  const auto gone = [this] { return network_.counters().lost + network_.counters().queue_dropped; };
  const std::uint64_t before = gone();
  network_.Offer(arrived, client, bytes);
  if (rtp) rtp_lost_ += std::min<std::uint64_t>(1, gone() - before);
}

std::optional<media::Impairment::Released> RelayDirection::Poll(Instant now) {
  const auto due = network_.NextTimeout();
  auto released = network_.Poll(now);
  if (released) late_.Add(now - *due);
  return released;
}

nlohmann::json RelayDirection::TakeReport() {
  const media::ImpairCounters& counters = network_.counters();
  nlohmann::json types = nlohmann::json::object();
  for (std::uint8_t type = 0; type < 128; ++type) {
    if (watch_.of_type(type) > 0) types[std::to_string(type)] = watch_.of_type(type);
  }
  const media::Percentiles late = std::exchange(late_, {});
  return {{"datagrams", counters.offered},
          {"lost", counters.lost},
          {"queue_dropped", counters.queue_dropped},
          {"rtcp", watch_.of_kind(wire::DatagramKind::kRtcp)},
          {"rtp", watch_.packets()},
          {"rtp_lost", rtp_lost_},
          {"rtp_repeats", watch_.repeats()},
          {"rtp_by_type", types},
          {"late_us",
           {{"p50", ToMicroseconds(late.At(50))},
            {"p99", ToMicroseconds(late.At(99))},
            {"max", ToMicroseconds(late.At(100))}}}};
}

}  // namespace latchkey::bench
