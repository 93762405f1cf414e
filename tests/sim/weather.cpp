#include "tests/sim/weather.h"

#include <algorithm>

namespace latchkey::sim {
namespace {

constexpr Duration kSteady = milliseconds(5);

media::ImpairOptions Quiet(const WeatherPlan& plan, Random& random) {
  media::ImpairOptions options;
  options.delay = plan.steady ? kSteady : Seconds(Between(random, 0.001, 0.02));
  options.jitter = Seconds(Between(random, 0, 0.003));
  options.keep_order = true;
  options.seed = random.U64();
  return options;
}

}  // namespace

Leg::Leg(const WeatherPlan& plan, Random& random, Instant now)
    : down(Quiet(plan, random)), up_(Quiet(plan, random)), plan_(plan) {
  Calm(random, now);
}

void Leg::Change(Random& random, Instant now) {
  if (calm_ && plan_.stormy) return Storm(random, now);
  Calm(random, now);
}

void Leg::Calm(Random& random, Instant now) {
  calm_ = true;
  parted_ = false;
  holdup_.Release(now);
  since_ = now;
  next_change_ =
      plan_.stormy ? now + Seconds(ToSeconds(plan_.clean) * Between(random, 0.3, 1.7)) : Instant::max();
  up_.Change(Quiet(plan_, random));
  down.Change(Quiet(plan_, random));
}

void Leg::Storm(Random& random, Instant now) {
  calm_ = false;
  since_ = now;
  if (random.Chance(plan_.held)) {
    next_change_ = now + holdup_.Begin(random, now);
    parted_ = holdup_.stopped();
    return;
  }
  next_change_ = now + Seconds(ToSeconds(plan_.bad) * Between(random, 0.2, 1.8));
  const std::uint64_t kind = plan_.parts ? Below(random, 8) : 1 + Below(random, 5);
  media::ImpairOptions above = Draw(random);
  media::ImpairOptions below = kind < 4 ? Draw(random) : Quiet(plan_, random);
  // A partition, in both directions or in one.
  if (kind == 0 || kind == 6) above.loss = 1;
  if (kind == 0 || kind == 7) below.loss = 1;
  parted_ = kind == 0 || kind >= 6;
  up_.Change(above);
  down.Change(below);
}

media::ImpairOptions Leg::Draw(Random& random) const {
  media::ImpairOptions options;
  options.seed = random.U64();
  options.delay = Seconds(Between(random, 0.001, 0.15));
  switch (Below(random, 6)) {
    case 0: options.loss = Between(random, 0.005, 0.2); break;
    case 1:
      options.loss = Between(random, 0.01, 0.15);
      options.burst = Between(random, 2, 12);
      break;
    case 2:
      options.jitter = Seconds(Between(random, 0.01, 0.25));
      options.keep_order = random.Chance(0.5);
      break;
    case 3:
      options.reorder = Between(random, 0.01, 0.3);
      options.duplicate = Between(random, 0, 0.3);
      break;
    case 4:
      options.loss = Between(random, 0.005, 0.1);
      options.jitter = Seconds(Between(random, 0, 0.1));
      options.reorder = Between(random, 0, 0.1);
      options.duplicate = Between(random, 0, 0.1);
      break;
    default: options.duplicate = 0.5; break;
  }
  if (random.Chance(plan_.narrow)) {
    options.rate_kbit =
        static_cast<std::uint32_t>(std::max(8.0, plan_.narrow_kbit * Between(random, 0.4, 2.0)));
  }
  return options;
}

void Leg::Up(Instant now, const SocketAddress& from, ByteView bytes) {
  if (!holdup_.Take(now, from, bytes)) up_.Offer(now, from, bytes);
}

std::optional<media::Impairment::Released> Leg::PollUp(Instant now) {
  while (const auto held = holdup_.Poll(now)) up_.Offer(now, held->address, held->bytes);
  return up_.Poll(now);
}

Instant Leg::NextDeadline() const {
  return std::min({next_change_, holdup_.NextDeadline(), up_.NextTimeout().value_or(Instant::max()),
                   down.NextTimeout().value_or(Instant::max())});
}

}  // namespace latchkey::sim
