// A camera or a viewer of the suspension's benchmark: it comes again until the hub lets it, and knows when
// the last media packet reached its socket, by the kernel's stamp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/bench/bench_peer.h"
#include "tests/bench/synthetic_camera.h"
#include "tools/media/http_client.h"
#include "tools/media/real_ports.h"

namespace latchkey::bench {

// SRTP by its first byte (RFC 7983) and no SRTCP by its type (RFC 5761).
[[nodiscard]] bool IsMedia(ByteView datagram);

// One session after the other at one URL.
class SuspendLeg {
 public:
  SuspendLeg(platform::Loop& loop, media::RealPorts& ports, std::string url, const std::string& token);
  virtual ~SuspendLeg() = default;

  // Lets the session go without a word and begins another.
  void Restart();
  // An offer outside any session; the status and the body of the answer.
  void Ask(std::function<void(const media::HttpReply&)> callback);
  // Of the answer; 0: there was none yet.
  [[nodiscard]] std::uint16_t hub_port() const { return hub_port_; }
  [[nodiscard]] bool up() const { return peer_ != nullptr && peer_->connected() && !ended_; }
  // The session failed, or the hub ended it.
  [[nodiscard]] bool ended() const { return ended_; }

 protected:
  [[nodiscard]] virtual std::unique_ptr<media::RtcSession> MakeSession() = 0;
  [[nodiscard]] virtual BenchPeer::Handlers MakeHandlers();

  platform::Loop& loop_;
  media::RealPorts& ports_;
  std::unique_ptr<BenchPeer> peer_;

 private:
  void Post();
  void OnReply(std::uint64_t attempt, const media::HttpReply& reply);

  std::string url_;
  media::HttpClient http_;
  platform::Timer again_;
  std::uint64_t attempt_ = 0;
  bool ended_ = false;
  std::uint16_t hub_port_ = 0;
};

class SuspendCamera final : public SuspendLeg {
 public:
  SuspendCamera(platform::Loop& loop, media::RealPorts& ports, std::string url, const std::string& token,
                const StreamShape& shape);
  // From now on, a frame each interval, whether or not there is a session.
  void Film(Duration first_after);

 private:
  std::unique_ptr<media::RtcSession> MakeSession() override;
  void Tick();

  SyntheticCamera source_;
  platform::Timer tick_;
  Instant next_frame_;
};

class SuspendViewer final : public SuspendLeg {
 public:
  // `loss`: share of the media packets that are lost at the socket's door, so that they are asked for again.
  SuspendViewer(platform::Loop& loop, media::RealPorts& ports, std::string url, const std::string& token,
                double loss, std::uint32_t seed);

  // What arrived since Mark(), with the kernel's time of its arrival.
  struct Arrivals {
    std::optional<Instant> last_media;
    std::vector<Instant> others;  // of no media
    std::uint64_t media = 0;
  };
  void Mark() { arrivals_ = {}; }
  [[nodiscard]] const Arrivals& arrivals() const { return arrivals_; }

 private:
  std::unique_ptr<media::RtcSession> MakeSession() override;
  BenchPeer::Handlers MakeHandlers() override;

  Arrivals arrivals_;
  std::bernoulli_distribution lost_;
  std::mt19937 random_;
};

}  // namespace latchkey::bench
