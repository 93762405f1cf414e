#include <string>

#include "daemon/wire/sdp_media.h"
#include "daemon/wire/sdp_transport.h"
#include "tests/support/catch.h"

namespace latchkey::wire {
namespace {

TEST_CASE("sdp: rtpmap") {
  const auto map = ParseRtpMap("111 opus/48000/2");
  REQUIRE(map);
  CHECK(map->payload_type == 111);
  CHECK(map->encoding == "opus");
  CHECK(map->clock_rate == 48000);
  CHECK(map->channels == 2);
  CHECK(ParseRtpMap("96 H264/90000")->channels == 1);
  for (const char* bad : {"", "96", "128 H264/90000", "96 H264", "96 H264/0", "96 /90000", "96 opus/48000/x",
                          "-1 a/1", "96 H264/4294967296"}) {
    INFO(bad);
    CHECK_FALSE(ParseRtpMap(bad));
  }
}

TEST_CASE("sdp: fmtp parameters are found without case, with and without values") {
  const auto fmtp =
      ParseFmtp("96 level-asymmetry-allowed=1; packetization-mode=1;Profile-Level-Id=42e01f;flag;;");
  REQUIRE(fmtp);
  CHECK(fmtp->payload_type == 96);
  CHECK(fmtp->parameters.size() == 4);
  CHECK(fmtp->Find("packetization-mode") == "1");
  CHECK(fmtp->Find("profile-level-id") == "42e01f");
  CHECK(fmtp->Find("FLAG") == "");
  CHECK_FALSE(fmtp->Find("missing"));
  CHECK(ParseFmtp("101 0-15")->Find("0-15") == "");
  CHECK(ParseFmtp("96 sprop-parameter-sets=Z0LA,aM48==")->Find("sprop-parameter-sets") == "Z0LA,aM48==");
  CHECK_FALSE(ParseFmtp("x a=b"));
  std::string many = "96 ";
  for (int i = 0; i < 1000; ++i) many += "a=b;";
  CHECK(ParseFmtp(many)->parameters.size() == kMaxFmtpParameters);
}

TEST_CASE("sdp: rtcp-fb of one payload type and of all") {
  const auto pli = ParseRtcpFeedback("96 nack pli");
  REQUIRE(pli);
  CHECK(pli->payload_type == 96);
  CHECK(pli->type == "nack");
  CHECK(pli->parameter == "pli");
  const auto all = ParseRtcpFeedback("* ccm fir");
  REQUIRE(all);
  CHECK_FALSE(all->payload_type);
  CHECK(all->parameter == "fir");
  CHECK_FALSE(ParseRtcpFeedback("96"));
  CHECK_FALSE(ParseRtcpFeedback("200 nack"));
}

TEST_CASE("sdp: extmap with and without direction") {
  const auto plain = ParseExtMap("4 urn:ietf:params:rtp-hdrext:sdes:mid");
  REQUIRE(plain);
  CHECK(plain->id == 4);
  CHECK_FALSE(plain->direction);
  const auto received =
      ParseExtMap("6/recvonly http://www.webrtc.org/experiments/rtp-hdrext/playout-delay x=y");
  REQUIRE(received);
  CHECK(received->direction == SdpDirection::kRecvOnly);
  CHECK(received->uri == "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay");
  CHECK_FALSE(ParseExtMap("0 urn:x"));
  CHECK_FALSE(ParseExtMap("5000 urn:x"));
  CHECK_FALSE(ParseExtMap("1/sideways urn:x"));
  CHECK_FALSE(ParseExtMap("1"));
}

TEST_CASE("sdp: sources and their groups") {
  const auto source = ParseSsrc("4181939429 cname:FDHKyujLrzLn+OBF");
  REQUIRE(source);
  CHECK(source->ssrc == 4181939429U);
  CHECK(source->attribute == "cname");
  CHECK(source->value == "FDHKyujLrzLn+OBF");
  CHECK_FALSE(ParseSsrc("4294967296 cname:x"));
  const auto group = ParseSsrcGroup("FID 1 2");
  REQUIRE(group);
  CHECK(group->semantics == "FID");
  CHECK(group->ssrcs == std::vector<std::uint32_t>{1, 2});
  CHECK_FALSE(ParseSsrcGroup("FID"));
  CHECK_FALSE(ParseSsrcGroup("FID 1 x"));
  CHECK_FALSE(ParseSsrcGroup("SIM 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17"));
}

TEST_CASE("sdp: groups, rids and mids of any spelling") {
  const auto group = ParseGroup("BUNDLE video audio  a-1");
  REQUIRE(group);
  CHECK(group->mids == std::vector<std::string>{"video", "audio", "a-1"});
  CHECK(ParseGroup("BUNDLE")->mids.empty());
  CHECK_FALSE(ParseGroup(""));
  CHECK(ParseRid("hi send max-width=1280")->send);
  CHECK_FALSE(ParseRid("hi recv")->send);
  CHECK_FALSE(ParseRid("hi"));
  SdpMedia media;
  CHECK_FALSE(MidOf(media));
  media.attributes.Add("mid", "video");
  CHECK(MidOf(media) == "video");
  for (const std::string& bad :
       {std::string(), std::string("a b"), std::string("a;b"), std::string(65, 'm')}) {
    SdpMedia other;
    other.attributes.Add("mid", bad);
    INFO(bad);
    CHECK_FALSE(MidOf(other));
  }
}

TEST_CASE("sdp: a section's direction is its own, else the session's, else sendrecv") {
  Sdp sdp;
  SdpMedia media;
  CHECK(DirectionOf(sdp, media) == SdpDirection::kSendRecv);
  sdp.attributes.Add("inactive");
  CHECK(DirectionOf(sdp, media) == SdpDirection::kInactive);
  media.attributes.Add("recvonly");
  CHECK(DirectionOf(sdp, media) == SdpDirection::kRecvOnly);
  CHECK(Reversed(SdpDirection::kRecvOnly) == SdpDirection::kSendOnly);
  CHECK(Reversed(SdpDirection::kInactive) == SdpDirection::kInactive);
}

TEST_CASE("sdp: a candidate is a socket only with an IP literal, UDP and component 1") {
  const auto host =
      ParseCandidate("2698605607 1 udp 2122194687 192.0.2.2 57924 typ host generation 0 network-id 1");
  REQUIRE(host);
  CHECK(host->priority == 2122194687U);
  CHECK(host->type == "host");
  CHECK(host->UdpLiteral() == SocketAddress{*IpAddress::Parse("192.0.2.2"), 57924});
  CHECK(ParseCandidate("1 1 UDP 1 fd00::2 5 typ host")->UdpLiteral());
  CHECK_FALSE(ParseCandidate("1 1 udp 1 887bb4cf-06fc.local 5 typ host")->UdpLiteral());
  CHECK_FALSE(ParseCandidate("1 1 tcp 1 192.0.2.2 9 typ host tcptype active")->UdpLiteral());
  CHECK_FALSE(ParseCandidate("1 2 udp 1 192.0.2.2 9 typ host")->UdpLiteral());
  CHECK_FALSE(ParseCandidate("1 1 udp 1 192.0.2.2 0 typ host")->UdpLiteral());
  for (const char* bad : {"", "1", "1 1 udp 1 192.0.2.2 9 host", "1 0 udp 1 192.0.2.2 9 typ host",
                          "1 1 udp x 192.0.2.2 9 typ host", "1 1 udp 1 192.0.2.2 70000 typ host",
                          "1 1 udp 1 192.0.2.2 9 typ"}) {
    INFO(bad);
    CHECK_FALSE(ParseCandidate(bad));
  }
}

TEST_CASE("sdp: our host candidates come back as they were, the first with the highest priority") {
  const SocketAddress v4{*IpAddress::Parse("192.168.1.7"), 47000};
  const SocketAddress v6{*IpAddress::Parse("fd00::7"), 47000};
  CHECK(FormatCandidate(HostCandidate(v4, 0)) == "1 1 udp 2130706431 192.168.1.7 47000 typ host");
  CHECK(HostCandidate(v6, 1).priority < HostCandidate(v4, 0).priority);
  CHECK(ParseCandidate(FormatCandidate(HostCandidate(v6, 1)))->UdpLiteral() == v6);
}

TEST_CASE("sdp: candidates are bounded and each is taken once") {
  SdpAttributes attributes;
  for (int i = 1; i <= 40; ++i) {
    const std::string text = "1 1 udp 1 10.0.0." + std::to_string(i) + " 9 typ host";
    attributes.Add("candidate", text);
    attributes.Add("candidate", text);
  }
  CHECK(CandidatesOf(attributes).size() == kMaxRemoteCandidates);
}

TEST_CASE("sdp: a fingerprint is 32 bytes of sha-256, written as it was read") {
  std::string text = "sha-256 ";
  for (int i = 0; i < 32; ++i) text += i == 0 ? "0A" : ":FF";
  const auto fingerprint = ParseFingerprint(text);
  REQUIRE(fingerprint);
  REQUIRE(fingerprint->sha256);
  CHECK((*fingerprint->sha256)[0] == 0x0a);
  CHECK(FormatFingerprint(*fingerprint->sha256) == text);
  std::string lower = text;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  CHECK(ParseFingerprint(lower)->sha256 == fingerprint->sha256);
  CHECK(ParseFingerprint("SHA-256" + text.substr(7))->sha256 == fingerprint->sha256);
  CHECK_FALSE(ParseFingerprint("sha-1 00:11")->sha256);
  CHECK_FALSE(ParseFingerprint(text + ":00"));
  CHECK_FALSE(ParseFingerprint(text.substr(0, text.size() - 1)));
  CHECK_FALSE(ParseFingerprint(text.substr(0, text.size() - 1) + "G"));
  CHECK_FALSE(ParseFingerprint("sha-256"));
}

TEST_CASE("sdp: ICE credentials have the characters and lengths of RFC 8839") {
  CHECK(IsIceUfrag("7E3H"));
  CHECK_FALSE(IsIceUfrag("7E3"));
  CHECK_FALSE(IsIceUfrag("7E:H"));
  CHECK_FALSE(IsIceUfrag(std::string(257, 'a')));
  CHECK(IsIcePassword("BvlYQIju2pE014VrAR+fQl8i"));
  CHECK_FALSE(IsIcePassword("BvlYQIju2pE014VrAR+fQ"));
}

TEST_CASE("sdp: a trickle fragment of RFC 9725 is read") {
  const auto fragment = ParseTrickleFragment(
      "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:EsAw\r\n"
      "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
      "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id "
      "1\r\n"
      "a=candidate:3471623853 1 udp 2122194687 c85b488a.local 61765 typ host generation 0\r\n"
      "a=candidate:473322822 1 tcp 1518280447 192.0.2.1 9 typ host tcptype "
      "active\r\na=end-of-candidates\r\n");
  REQUIRE(fragment);
  CHECK(fragment->ufrag == "EsAw");
  CHECK(fragment->password == "P2uYro0UCOQ4zxjKXaWCBui1");
  CHECK(fragment->mids == std::vector<std::string>{"0"});
  REQUIRE(fragment->candidates.size() == 1);
  CHECK(fragment->candidates[0].port == 61764);
  CHECK(fragment->end_of_candidates);
}

TEST_CASE("sdp: a fragment may have its credentials in front, or none at all") {
  CHECK(ParseTrickleFragment("a=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\n")->ufrag == "abcd");
  CHECK(ParseTrickleFragment("m=audio 9 RTP/AVP 0\na=mid:0\na=candidate:1 1 udp 1 10.0.0.1 9 typ host\n")
            ->ufrag.empty());
}

TEST_CASE("sdp: what is not a fragment is refused") {
  for (const char* bad :
       {"", "hello", "v=0\r\n", "a=ice-ufrag:abcd\r\n", "a=ice-ufrag:a\r\na=ice-pwd:b\r\n", "s=-\r\n",
        "a=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\nm=audio 9 X 0\n"
        "a=ice-ufrag:efgh\na=ice-pwd:0123456789012345678901\n"}) {
    INFO(bad);
    const auto fragment = ParseTrickleFragment(bad);
    REQUIRE_FALSE(fragment);
    CHECK(fragment.error().code == ErrorCode::kInvalid);
  }
}

TEST_CASE("sdp: the answer to a restart is a fragment with our credentials and candidates") {
  const SocketAddress address{*IpAddress::Parse("192.168.1.7"), 47000};
  const std::string text =
      WriteTrickleFragment("abcdefgh", "0123456789abcdefghijklmn", "video", "v0", {address});
  const auto fragment = ParseTrickleFragment(text);
  REQUIRE(fragment);
  CHECK(fragment->ufrag == "abcdefgh");
  CHECK(fragment->password == "0123456789abcdefghijklmn");
  CHECK(fragment->mids == std::vector<std::string>{"v0"});
  CHECK(fragment->candidates == std::vector<SocketAddress>{address});
  CHECK(fragment->end_of_candidates);
}

}  // namespace
}  // namespace latchkey::wire
