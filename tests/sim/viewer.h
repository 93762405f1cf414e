// A viewer behind its network: takes what arrives, asks again for what is missing (NACK), reports (RR), and
// wants a new picture (PLI) when it gave one up.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/wire/rtcp_report.h"
#include "tests/sim/audit.h"
#include "tests/sim/endpoint.h"

namespace latchkey::sim {

class Viewer {
 public:
  static constexpr Duration kReportInterval = seconds(1);
  static constexpr Duration kNackWait = milliseconds(30);
  static constexpr Duration kNackAgain = milliseconds(120);
  static constexpr int kMaxAsks = 6;
  // Without a whole picture for so long a player asks for one, as browsers do.
  static constexpr Duration kPlayerPatience = seconds(3);
  static constexpr std::int64_t kWindow = 1024;  // packets whose arrival is remembered
  static constexpr std::size_t kMaxMissing = 100;

  // `hears`: takes sound, if it may have it.
  Viewer(Machine& machine, const SocketAddress& address, std::uint32_t mark, bool hears)
      : endpoint(machine, address), audit(mark), hears_(hears) {}

  [[nodiscard]] std::string Offer();
  // Returns the frame that is whole with this datagram.
  std::optional<SentFrame> Receive(MutableByteView datagram, const SocketAddress& from, Instant now);
  // When a frame was captured, by the last sender report.
  [[nodiscard]] std::optional<WallTime> WallTimeOf(std::uint32_t timestamp) const;
  void Work(Instant now);
  [[nodiscard]] Instant NextDeadline() const;

  Endpoint endpoint;
  Audit audit;

 private:
  struct Missing {
    std::int64_t sequence = 0;
    Instant due;
    int asks = 0;
  };
  std::optional<SentFrame> ReadRtp(ByteView plain, Instant now);
  void ReadRtcp(ByteView compound, Instant now);
  std::optional<SentFrame> Arrived(std::int64_t sequence, Instant now);
  void NoteGap(std::int64_t from, std::int64_t to, Instant now);
  void Ask(Instant now);
  void Report(Instant now);

  bool hears_;
  Unwrapper<std::uint16_t> sequence_;
  std::bitset<static_cast<std::size_t>(kWindow)> seen_;
  std::vector<Missing> missing_;
  Instant ask_at_ = Instant::max();
  bool wants_picture_ = false;
  Instant shown_;  // the last picture, or when one was asked for
  Instant next_report_;
  std::optional<wire::SenderInfo> last_report_;
  Instant last_report_at_;
  std::int64_t first_ = -1;
  std::int64_t received_ = 0;
  std::int64_t expected_before_ = 0;
  std::int64_t received_before_ = 0;
};

}  // namespace latchkey::sim
