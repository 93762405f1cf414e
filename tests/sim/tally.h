// What happened in a world. A simulation in which nothing happens proves nothing, so it says how much did.
#pragma once

#include <cstdint>

namespace latchkey::sim {

struct Tally {
  std::uint64_t steps = 0;
  std::uint64_t filmed = 0;    // pictures that cameras sent
  std::uint64_t sent = 0;      // frames to viewers
  std::uint64_t shown = 0;     // of these, whole at a viewer
  std::uint64_t repeated = 0;  // packets to viewers, on request
  std::uint64_t publishes = 0;
  std::uint64_t views = 0;
  std::uint64_t refused = 0;
  std::uint64_t epochs = 0;
  std::uint64_t mixups = 0;  // refused, as they must be
  std::uint64_t strays = 0;
  std::uint64_t suspensions = 0;
  std::uint64_t ssrc_changes = 0;
  std::uint64_t reboots = 0;
  std::uint64_t sounds = 0;  // packets of sound to viewers
  std::uint64_t reorderings = 0;
  std::uint64_t refusals = 0;  // times a camera with B slices had to be refused, and was
  std::uint64_t roams = 0;     // viewers that were seen at another address
  std::uint64_t holdups = 0;
  std::uint64_t jumps = 0;    // of a camera's clocks
  std::uint64_t minutes = 0;  // whose latency was that of the first
  std::uint64_t checks = 0;   // times a viewer had to have a fresh picture, and had

  Tally& operator+=(const Tally& o) {
    steps += o.steps;
    filmed += o.filmed;
    sent += o.sent;
    shown += o.shown;
    repeated += o.repeated;
    publishes += o.publishes;
    views += o.views;
    refused += o.refused;
    epochs += o.epochs;
    mixups += o.mixups;
    strays += o.strays;
    suspensions += o.suspensions;
    ssrc_changes += o.ssrc_changes;
    reboots += o.reboots;
    sounds += o.sounds;
    reorderings += o.reorderings;
    refusals += o.refusals;
    roams += o.roams;
    holdups += o.holdups;
    jumps += o.jumps;
    minutes += o.minutes;
    checks += o.checks;
    return *this;
  }
};

}  // namespace latchkey::sim
