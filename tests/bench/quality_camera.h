// The benchmark's camera as a good WebRTC sender: a synthetic stream at its pace, a history that answers
// NACKs (by RTX where agreed, else plainly), and a keyframe when one is asked for.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "platform/loop/loop.h"
#include "platform/loop/timer.h"
#include "tests/bench/bench_peer.h"
#include "tests/bench/frame_ledger.h"
#include "tests/bench/synthetic_camera.h"

namespace latchkey::bench {

class QualityCamera {
 public:
  // Keyframes asked for come no closer than this, as in libwebrtc; what is asked meanwhile is answered after
  // it.
  static constexpr Duration kKeyframePause = milliseconds{300};
  // Datagrams a millisecond: what a link of 100 Mbit/s carries. A keyframe takes 12 ms to leave.
  static constexpr std::size_t kPace = 10;

  // The stream does not adapt its rate: every server under test gets the same one. Writes each frame into
  // `ledger`. Sends from the moment it is connected, then calls `on_connected`.
  QualityCamera(platform::Loop& loop, std::unique_ptr<media::RtcSession> session, const StreamShape& shape,
                FrameLedger& ledger, std::function<void()> on_connected);

  [[nodiscard]] BenchPeer& peer() { return peer_; }
  // Keyframes sent out of turn.
  [[nodiscard]] std::uint64_t keyframes_forced() const { return forced_; }

 private:
  void Tick();
  void OnSent(Instant last);
  bool TakesKeyframeRequest(Instant now);

  platform::Loop& loop_;
  FrameLedger& ledger_;
  SyntheticCamera source_;
  platform::Timer tick_;
  std::function<void()> on_connected_;
  BenchPeer peer_;
  Instant next_frame_;
  Instant last_keyframe_;
  bool keyframe_wanted_ = false;
  // The frame on its way out: whether it is a keyframe, and its fingerprint.
  std::optional<std::pair<bool, std::uint64_t>> leaving_;
  std::uint64_t forced_ = 0;
};

}  // namespace latchkey::bench
