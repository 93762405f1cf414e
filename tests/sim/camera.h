// A camera with habits: what it films, how it answers, what goes wrong with it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "daemon/wire/rtcp_feedback.h"
#include "tests/sim/endpoint.h"
#include "tests/sim/microphone.h"
#include "tests/sim/picture.h"
#include "tests/sim/reel.h"

namespace latchkey::sim {

struct CameraHabits {
  wire::Codec codec = wire::Codec::kVp8;
  double fps = 2;
  std::uint32_t group = 20;  // pictures from keyframe to keyframe, when nobody asks
  std::size_t keyframe_bytes = 900;
  std::size_t bytes = 120;
  bool answers_pli = true;
  bool answers_nack = true;
  bool offers_rtx = true;
  Duration sound{};  // from packet to packet; 0: none
  double ppm = 0;    // its clock runs fast by this
  // Numbers that begin close to their wrap: 1200..4000 packets before it, further than any outage that a
  // session survives, since SRTP can't tell a roll-over that nobody saw (RFC 3711 3.3.1).
  bool begins_near_wrap = false;

  [[nodiscard]] Duration Interval() const { return Duration{static_cast<std::int64_t>(1e9 / fps)}; }
};

class Camera {
 public:
  // What it can repeat.
  static constexpr std::size_t kHistory = 256;
  static constexpr Duration kReportInterval = seconds(5);

  Camera(Machine& machine, const SocketAddress& address, std::uint32_t mark, const CameraHabits& habits,
         Instant now);

  // A session: offer, then the answer. Until then the endpoint of the session before is in use.
  [[nodiscard]] std::string Offer();
  void Begin(const std::string& offer, std::string_view answer, Instant now);
  // Off and on again: the session is forgotten, pictures begin a new life.
  void Reboot();
  // Another source under the same keys.
  void ChangeSsrc();
  // Somebody sets its wall clock.
  void SetWallClock(Duration by) { wall_ += by; }
  // Its RTP clock jumps ahead (modulo 2^32: or back), as that of an encoder that was started anew.
  void JumpRtpClock(std::uint32_t ticks);
  // Its encoder stalls: nothing is filmed for so long, and the RTP clock stands still meanwhile.
  void Stall(Duration by, Instant now);
  // Somebody turns B-frames on: until then every picture but keyframes is one, and no request is heard.
  void Reorder(Instant until) { reorders_until_ = until; }

  void Receive(MutableByteView datagram, const SocketAddress& from, Instant now);
  // Pictures, reports and repetitions that are due; then drain outbox().
  void Work(Instant now);
  [[nodiscard]] Instant NextDeadline() const;

  [[nodiscard]] std::vector<ByteVector>& outbox() { return endpoint_->outbox(); }
  [[nodiscard]] bool connected() const { return endpoint_ && endpoint_->connected(); }
  [[nodiscard]] bool over() const { return !endpoint_ || endpoint_->over(); }
  [[nodiscard]] const SocketAddress& address() const { return address_; }
  [[nodiscard]] const CameraHabits& habits() const { return habits_; }
  [[nodiscard]] std::uint32_t mark() const { return mark_; }
  [[nodiscard]] std::uint32_t life() const { return life_; }
  [[nodiscard]] std::uint64_t pictures() const { return number_; }
  [[nodiscard]] std::uint64_t repeated() const { return repeated_; }
  [[nodiscard]] const Reel& reel() const { return reel_; }
  [[nodiscard]] const Microphone& microphone() const { return microphone_; }
  // SSRC changes of this session. libsrtp knows 16 sources of a peer, so there is an end to them.
  [[nodiscard]] int changes() const { return changes_; }

 private:
  struct Packet {
    std::uint16_t sequence = 0;
    ByteVector plain;
    Instant repeated;
  };
  void BeginSource();
  void BeginClock();
  [[nodiscard]] Duration Elapsed(Instant now) const;  // on its own clock
  [[nodiscard]] std::uint32_t TimestampAt(Instant now) const;
  void SendPicture(Instant now);
  void SendPayload(ByteView payload, bool marker, std::uint32_t timestamp);
  void SendReport(Instant now);
  void SendReport(wire::SenderInfo info, Instant now);
  void ReadRtcp(ByteView compound, Instant now);
  void Repeat(std::uint16_t sequence, Instant now);

  Machine& machine_;
  SocketAddress address_;
  std::uint32_t mark_;
  CameraHabits habits_;
  Instant began_;
  Microphone microphone_;
  std::optional<Endpoint> endpoint_;
  std::optional<Endpoint> offered_;
  std::uint32_t life_ = 1;
  std::uint32_t number_ = 0;
  std::uint32_t since_keyframe_ = 0;
  bool keyframe_next_ = true;
  std::uint32_t ssrc_ = 0;
  std::uint32_t rtx_ssrc_ = 0;
  std::uint16_t sequence_ = 0;
  std::uint16_t rtx_sequence_ = 0;
  std::uint32_t timestamp_base_ = 0;
  std::uint32_t clock_ = 0;  // of the pictures filmed now, as in Filmed
  Duration ahead_{};
  Duration wall_{};
  Instant reorders_until_;
  std::uint32_t packets_ = 0;
  std::uint32_t octets_ = 0;
  int changes_ = 0;
  Instant next_picture_;
  Instant next_report_;
  std::array<Packet, kHistory> history_;
  std::uint64_t repeated_ = 0;
  Reel reel_;
};

}  // namespace latchkey::sim
