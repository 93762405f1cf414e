#include "tools/latchkeyctl/render.h"

#include "tests/support/catch.h"

namespace latchkey::ctl {
namespace {

bool Has(const std::string& text, const std::string& words) {
  INFO(text);
  return text.find(words) != std::string::npos;
}

TEST_CASE("render: a sender that knows nothing of WebRTC is told where to send, with the key, once") {
  Json answer{{"id", "0123"},
              {"token", "T"},
              {"publish_url", "https://hub.lan:8443/whip/0123"},
              {"sdes_key", "K"},
              {"sdes_suite", "AES_CM_128_HMAC_SHA1_80"},
              {"sdes_port", 47003}};
  CHECK(Has(Render("camera add", answer), "SRTP URL     srtp://hub.lan:47003?pkt_size=1200\n"));
  CHECK(Has(Render("camera add", answer), "SRTP key     K\n"));
  answer["publish_url"] = "https://[fd00::7]:8443/whip/0123";
  CHECK(Has(Render("camera rotate", answer), "SRTP URL     srtp://[fd00::7]:47003?pkt_size=1200\n"));
  answer["sdes_port"] = 0;  // its process is not there yet
  CHECK(Has(Render("camera add", answer), "SRTP URL     not known yet: see latchkeyctl camera list\n"));
  answer.erase("sdes_key");
  CHECK_FALSE(Has(Render("camera add", answer), "SRTP"));
}

TEST_CASE("render: the list of cameras has the port of those with an enrolled key, and every column a name") {
  const Json camera{{"id", "0123"}, {"name", "Gate"}, {"pin_state", "none"}, {"sdes_port", 47003}};
  Json answer{{"cameras", {camera}}};
  CHECK(Has(Render("camera list", answer), "SRTP PORT\n"));
  CHECK(Has(Render("camera list", answer), "47003\n"));
  CHECK(Has(Render("status", answer), "REASON\n"));
  answer["cameras"][0]["sdes_port"] = 0;
  CHECK(Has(Render("camera list", answer), "none  -\n"));
}

}  // namespace
}  // namespace latchkey::ctl
