// The benchmark's viewer as a good WebRTC receiver: puts packets in order, asks for missing ones at
// round-trip intervals (tools/media/receive_stream.h), and asks for a keyframe when it can't decode. It
// decodes nothing: each whole frame goes into the ledger.
#pragma once

#include <functional>
#include <memory>

#include "platform/loop/loop.h"
#include "platform/loop/timer.h"
#include "tests/bench/bench_peer.h"
#include "tests/bench/frame_ledger.h"

namespace latchkey::bench {

class QualityViewer {
 public:
  // A keyframe is asked for when a frame can't be decoded, or none came for kSilence; not more often than
  // this.
  static constexpr Duration kRequestPause = milliseconds{500};
  static constexpr Duration kSilence = seconds{1};

  struct Options {
    bool asks_for_keyframes = true;
  };
  // `on_picture`: at the first frame that can be decoded.
  QualityViewer(platform::Loop& loop, std::unique_ptr<media::RtcSession> session, Options options,
                FrameLedger& ledger, std::function<void()> on_connected, std::function<void()> on_picture);

  [[nodiscard]] BenchPeer& peer() { return peer_; }

 private:
  void OnFrame(const media::RtcSession::Frame& frame);
  void Look();

  platform::Loop& loop_;
  Options options_;
  FrameLedger& ledger_;
  platform::Timer look_;
  std::function<void()> on_picture_;
  BenchPeer peer_;
  bool stuck_ = false;  // the last frame could not be decoded
  Instant last_decodable_;
  Instant last_request_;
};

}  // namespace latchkey::bench
