// What one media section says about its payload types, read once: an offer may hold a thousand attributes,
// and looking them up by parsing them again for each format takes a lane seconds.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "daemon/peer/media_plan.h"
#include "daemon/wire/sdp.h"
#include "daemon/wire/sdp_media.h"

namespace latchkey::peer {

class FormatTable {
 public:
  // Of each payload type the first a=rtpmap and the first a=fmtp count; what can't be read is passed over.
  explicit FormatTable(const wire::SdpMedia& media);

  // The formats of the m= line in its order, each once. None that looks like RTCP under rtcp-mux (RFC 5761
  // 4).
  [[nodiscard]] const std::vector<std::uint8_t>& payload_types() const { return payload_types_; }
  // Static payload types need no rtpmap (RFC 3551 6). Nullptr: unknown.
  [[nodiscard]] const wire::SdpRtpMap* Map(std::uint8_t payload_type) const;
  [[nodiscard]] const wire::SdpFmtp* Fmtp(std::uint8_t payload_type) const;
  // a=rtcp-fb of this type and of all ("*").
  [[nodiscard]] Feedback FeedbackOf(std::uint8_t payload_type) const;
  // The payload type of rtx whose apt this is (RFC 4588 8.1).
  [[nodiscard]] std::optional<std::uint8_t> RtxOf(std::uint8_t payload_type) const;

 private:
  static constexpr std::size_t kTypes = 128;  // 7 bits (RFC 3550 5.1)
  struct Entry {
    std::optional<wire::SdpRtpMap> map;
    std::optional<wire::SdpFmtp> fmtp;
    std::optional<std::uint8_t> rtx;
    Feedback feedback;
  };
  void NoteFeedback(std::string_view value);
  void NoteRtx(std::uint8_t payload_type);

  std::vector<std::uint8_t> payload_types_;
  std::array<Entry, kTypes> entries_;
  Feedback of_all_;
};

}  // namespace latchkey::peer
