// An offer is read in one go over it. What that costs is counted in allocations, of which each attribute that
// is parsed here makes one: the count is the same on every machine.
#include <string>

#include "daemon/peer/negotiation_offer.h"
#include "tests/support/allocations.h"
#include "tests/unit/peer/support.h"

namespace latchkey::peer {
namespace {

// As much as the bounds of an offer let in: every payload type is H264, and most attributes are of no use.
std::string CrowdedSection(int mid, int useless) {
  std::string text = "m=video 9 UDP/TLS/RTP/SAVPF";
  for (int type = 0; type < 128; ++type) text += ' ' + std::to_string(type);
  text += "\na=rtcp-mux\na=sendrecv\na=mid:" + std::to_string(mid) + '\n';
  for (int i = 0; i < useless; ++i) text += "a=rtpmap:5 a-name-beyond-small-strings/1\n";
  for (int type = 20; type < 128; ++type) text += "a=rtpmap:" + std::to_string(type) + " H264/90000\n";
  return text;
}

std::size_t Cost(int useless) {
  OfferText offer;
  offer.group.clear();
  for (int mid = 0; mid < 3; ++mid) offer.video += CrowdedSection(mid, useless);
  const std::string text = offer.Text();
  REQUIRE(text.size() <= wire::kMaxSdpBytes);
  const wire::Sdp sdp = Parsed(text);
  return test::Count([&] { (void)ReadSections(sdp); });
}

TEST_CASE("negotiation: the largest offer costs as much for each attribute as a small one") {
  const std::size_t few = Cost(0);
  const std::size_t many = Cost(450);
  // Three sections, one string for each attribute, and the doubling of a list of views.
  CHECK(many - few <= 3 * (450 + 16));
}

}  // namespace
}  // namespace latchkey::peer
