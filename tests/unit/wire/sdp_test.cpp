#include "daemon/wire/sdp.h"

#include <string>

#include "daemon/wire/sdp_media.h"
#include "daemon/wire/sdp_transport.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"

namespace latchkey::wire {
namespace {

constexpr const char* kSmall =
    "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=ice-lite\r\n"
    "m=video 9/2 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\nb=AS:500\r\na=mid:0\r\na=empty:\r\n";

std::string Repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST_CASE("sdp: a description is read into session, sections and their attributes") {
  const auto sdp = ParseSdp(kSmall);
  REQUIRE(sdp);
  REQUIRE(sdp->lines.size() == 3);
  CHECK(sdp->lines[0].type == 'o');
  CHECK(sdp->lines[1].text == "-");
  CHECK(sdp->attributes.Value("group") == "BUNDLE 0");
  CHECK(sdp->attributes.Has("ice-lite"));
  CHECK_FALSE(sdp->attributes.Value("ice-lite"));
  CHECK_FALSE(sdp->attributes.Has("mid"));
  REQUIRE(sdp->media.size() == 1);
  const SdpMedia& media = sdp->media[0];
  CHECK(media.kind == "video");
  CHECK(media.port == 9);
  CHECK(media.port_count == 2);
  CHECK(media.protocol == "UDP/TLS/RTP/SAVPF");
  CHECK(media.formats == std::vector<std::string>{"96", "97"});
  REQUIRE(media.lines.size() == 2);
  CHECK(media.lines[1].text == "AS:500");
  CHECK(media.attributes.Value("mid") == "0");
  CHECK(media.attributes.Value("empty") == "");
}

TEST_CASE("sdp: what was read is written the same") {
  const auto sdp = ParseSdp(kSmall);
  REQUIRE(sdp);
  CHECK(WriteSdp(*sdp) == kSmall);
}

TEST_CASE("sdp: LF, CRLF, no last line end and blank lines at the end are the same text") {
  const auto expected = WriteSdp(*ParseSdp(kSmall));
  std::string lf = kSmall;
  std::erase(lf, '\r');
  CHECK(WriteSdp(*ParseSdp(lf)) == expected);
  CHECK(WriteSdp(*ParseSdp(lf.substr(0, lf.size() - 1))) == expected);
  CHECK(WriteSdp(*ParseSdp(lf + "\n\r\n")) == expected);
}

TEST_CASE("sdp: what is not SDP is refused with its line") {
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"", "line 1: the first line must be \"v=0\""},
      {"hello", "line 1: a line must look like \"x=...\""},
      {"{\"type\":\"offer\"}", "line 1: a line must look like"},
      {"v=1\r\n", "line 1: the first line must be"},
      {"s=-\r\nv=0\r\n", "line 1: the first line must be"},
      {"\r\nv=0\r\n", "line 1: a line must look like"},
      {"v=0\r\nv=0\r\n", "line 2: v= may only be the first line"},
      {"v=0\r\n\r\ns=-\r\n", "line 2: the line is empty"},
      {"v=0\r\nx=1\r\n", "line 2: RFC 8866 knows no such line"},
      {"v=0\r\n=1\r\n", "line 2: a line must look like"},
      {"v=0\r\no=- 1 2 IN IP4\r\n", "line 2: o= must be"},
      {"v=0\r\ns=-\r\ns=-\r\n", "line 3: this line may stand only once"},
      {"v=0\r\nc=IN IP7 x\r\n", "line 2: c= must be"},
      {"v=0\r\na=\r\n", "line 2: the attribute's name is not a word"},
      {"v=0\r\na=b c:d\r\n", "line 2: the attribute's name is not a word"},
      {"v=0\r\na=x:\x01\r\n", "line 2: control characters"},
      {"v=0\r\ns=a\rb\r\n", "line 2: control characters"},
      {"v=0\r\nm=video 9 RTP/AVP\r\n", "line 2: m= needs at least one format"},
      {"v=0\r\nm=video 9\r\n", "line 2: m= needs a protocol"},
      {"v=0\r\nm=video x RTP/AVP 0\r\n", "line 2: the port of m="},
      {"v=0\r\nm=video 65536 RTP/AVP 0\r\n", "line 2: the port of m="},
      {"v=0\r\nm=video 9/ RTP/AVP 0\r\n", "line 2: the port of m="},
      {"v=0\r\nm=video 9/0 RTP/AVP 0\r\n", "line 2: the port of m="},
      {"v=0\r\nm=vi\tdeo 9 RTP/AVP 0\r\n", "line 2: the media kind"},
      {"v=0\r\nm=audio 9 RTP/AVP 0\r\nt=0 0\r\n", "line 3: this line may not stand in a media section"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const auto sdp = ParseSdp(c.text);
    REQUIRE_FALSE(sdp);
    CHECK(sdp.error().code == ErrorCode::kInvalid);
    CHECK(sdp.error().message.rfind(c.message, 0) == 0);
  }
}

TEST_CASE("sdp: a zero byte inside is refused, not the end") {
  CHECK_FALSE(ParseSdp(std::string_view("v=0\r\ns=a\0b\r\n", 12)));
}

TEST_CASE("sdp: each bound holds exactly, and going over it is a limit") {
  const std::string head = "v=0\r\n";
  const std::string section = "m=audio 9 RTP/AVP 0\r\n";
  const auto limited = [](const std::string& text) {
    const auto sdp = ParseSdp(text);
    return !sdp && sdp.error().code == ErrorCode::kLimit;
  };
  CHECK(ParseSdp(head + Repeat(section, kMaxSdpMedia)));
  CHECK(limited(head + Repeat(section, kMaxSdpMedia + 1)));
  CHECK(ParseSdp(head + Repeat("a=x\r\n", kMaxSdpAttributes)));
  CHECK(limited(head + Repeat("a=x\r\n", kMaxSdpAttributes + 1)));
  CHECK(ParseSdp(head + section + Repeat("a=x\r\n", kMaxSdpAttributes)));
  CHECK(limited(head + section + Repeat("a=x\r\n", kMaxSdpAttributes + 1)));
  CHECK(ParseSdp(head + "s=" + std::string(kMaxSdpLineBytes - 2, 'x') + "\r\n"));
  CHECK(limited(head + "s=" + std::string(kMaxSdpLineBytes - 1, 'x') + "\r\n"));
  CHECK(ParseSdp(head + Repeat("r=0\r\n", kMaxSdpLines - 1)));
  CHECK(limited(head + Repeat("r=0\r\n", kMaxSdpLines)));
  CHECK(ParseSdp(head + "m=audio 9 RTP/AVP" + Repeat(" 0", kMaxSdpFormats) + "\r\n"));
  CHECK(limited(head + "m=audio 9 RTP/AVP" + Repeat(" 0", kMaxSdpFormats + 1) + "\r\n"));
  CHECK(limited(head + std::string(kMaxSdpBytes, 'a')));
}

TEST_CASE("sdp: every offer and every seed of the corpora is parsed or refused, and written back the same") {
  std::size_t parsed = 0;
  for (const char* name : {"sdp", "corpora/sdp", "corpora/sdp-cameras"}) {
    const auto folder = test::SharedData(name);
    if (!folder) {
      WARN("skipped: no shared data for " << name << " (set LATCHKEY_SHARED_DATA)");
      continue;
    }
    for (const auto& path : test::FilesOf(*folder)) {
      INFO(path);
      const ByteVector bytes = test::ReadFile(path);
      std::string text(AsText(bytes));
      if (text.rfind("RTSP/", 0) == 0) {
        const std::size_t body = text.find("\r\n\r\n");
        text = body == std::string::npos ? "" : text.substr(body + 4);
      }
      const auto sdp = ParseSdp(text);
      if (!sdp) {
        CHECK_FALSE(sdp.error().message.empty());
        continue;
      }
      ++parsed;
      const std::string written = WriteSdp(*sdp);
      const auto again = ParseSdp(written);
      REQUIRE(again);
      CHECK(WriteSdp(*again) == written);
    }
  }
  if (test::SharedData("corpora/sdp")) CHECK(parsed > 60);
}

TEST_CASE("sdp: every prefix of a real offer is parsed or refused, and none reads past its end") {
  const auto path = test::SharedData("sdp/aiortc-offer.sdp");
  if (!path) {
    WARN("skipped: no shared data");
    return;
  }
  const ByteVector bytes = test::ReadFile(*path);
  std::size_t parsed = 0;
  for (std::size_t n = 0; n <= bytes.size(); ++n) {
    const ByteVector prefix(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
    if (ParseSdp(AsText(prefix))) ++parsed;
    (void)ParseSdpFragment(AsText(prefix));
  }
  CHECK(parsed > 100);
}

}  // namespace
}  // namespace latchkey::wire
