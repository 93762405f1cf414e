#include "daemon/peer/format_table.h"

#include <string>

#include "tests/unit/peer/support.h"

namespace latchkey::peer {
namespace {

FormatTable TableOf(const std::string& formats, const std::string& attributes) {
  const std::string text =
      "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nt=0 0\nm=video 9 UDP/TLS/RTP/SAVPF " + formats + '\n' + attributes;
  return FormatTable(Parsed(text).media.at(0));
}

TEST_CASE("format table: each format once, in the order of the m= line, none that looks like RTCP") {
  const FormatTable table = TableOf("98 96 98 72 200 x 96", "");
  CHECK(table.payload_types() == std::vector<std::uint8_t>{98, 96});
}

TEST_CASE("format table: the first rtpmap and fmtp of a type count") {
  const FormatTable table = TableOf("96",
                                    "a=rtpmap:96 VP8/90000\na=rtpmap:96 H264/90000\na=rtpmap:96\n"
                                    "a=fmtp:96 a=1\na=fmtp:96 a=2\n");
  REQUIRE(table.Map(96));
  CHECK(table.Map(96)->encoding == "VP8");
  REQUIRE(table.Fmtp(96));
  CHECK(table.Fmtp(96)->Find("a") == "1");
  CHECK(table.Map(97) == nullptr);
  CHECK(table.Fmtp(97) == nullptr);
}

TEST_CASE("format table: static types are known, and may be said to be others") {
  CHECK(TableOf("0 8", "").Map(0)->encoding == "PCMU");
  CHECK(TableOf("0 8", "").Map(8)->encoding == "PCMA");
  CHECK(TableOf("0 8", "a=rtpmap:0 VP8/90000\n").Map(0)->encoding == "VP8");
}

TEST_CASE("format table: feedback for all types adds to that of one") {
  const FormatTable table =
      TableOf("96 97", "a=rtcp-fb:* nack\na=rtcp-fb:96 nack pli\na=rtcp-fb:97 ccm fir\n");
  CHECK(table.FeedbackOf(96).nack);
  CHECK(table.FeedbackOf(96).pli);
  CHECK_FALSE(table.FeedbackOf(96).fir);
  CHECK(table.FeedbackOf(97).nack);
  CHECK_FALSE(table.FeedbackOf(97).pli);
  CHECK(table.FeedbackOf(97).fir);
}

TEST_CASE("format table: rtx belongs to the type that its apt names, the first one counts") {
  const std::string attributes =
      "a=rtpmap:96 VP8/90000\na=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n"
      "a=rtpmap:98 RTX/90000\na=fmtp:98 apt=96\na=rtpmap:99 rtx/90000\na=fmtp:99 apt=99\n"
      "a=rtpmap:100 rtx/90000\na=fmtp:100 apt=101\n";
  CHECK(TableOf("96 97 98 99 101", attributes).RtxOf(96) == 97);
  CHECK(TableOf("96 98 97 99 101", attributes).RtxOf(96) == 98);
  CHECK_FALSE(TableOf("96 99", attributes).RtxOf(96));    // not among the formats
  CHECK_FALSE(TableOf("96 99", attributes).RtxOf(99));    // it names itself
  CHECK_FALSE(TableOf("96 101", attributes).RtxOf(101));  // 100 is not among the formats
}

}  // namespace
}  // namespace latchkey::peer
