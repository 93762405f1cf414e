// From the sections that were chosen to the plan and the answer's text, for both sides of negotiation.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/peer/negotiation_offer.h"
#include "daemon/wire/sdes.h"

namespace latchkey::peer {

// A section that is taken, and the one format of it. Both are of the vector that ReadSections() gave.
struct Choice {
  const OfferedSection* section = nullptr;
  const OfferedFormat* format = nullptr;
};

// Who sends the media of the session.
enum class Sender : std::uint8_t { kPeer, kHub };

// Marks usable sections whose direction is of no use when `sender` sends.
void JudgeDirections(std::vector<OfferedSection>& sections, Sender sender);

// What of two chosen sections can share one transport: both when they are bundled and their payload types
// differ, else the video alone. Order as in the offer.
std::vector<Choice> Together(const wire::Sdp& offer, const std::optional<Choice>& video,
                             const std::optional<Choice>& audio);

// The plan and the answer. `choices` is not empty. `profile` is the H264 profile to tell for a format that
// named none. With `keys` there is no DTLS. Fails where ReadTransport() does.
Negotiated<Answer> Conclude(const wire::Sdp& offer, const std::vector<OfferedSection>& sections,
                            const std::vector<Choice>& choices, Sender sender,
                            const wire::H264ProfileLevel& profile, const LocalTransport& local,
                            const struct SdesChoice* keys, ports::Entropy& entropy);

// 406, and for each section why it can't be used.
Refusal NothingUsable(const wire::Sdp& offer, const std::vector<OfferedSection>& sections,
                      std::string_view what);

// Attributes of our own transport for one section; candidates only when `with_candidates`. Also for our
// clients. AddIce() is the part without DTLS.
void AddTransport(wire::SdpMedia& media, const LocalTransport& local, std::string_view setup,
                  bool with_candidates);
void AddIce(wire::SdpMedia& media, const LocalTransport& local, bool with_candidates);
// a=crypto.
void AddCrypto(wire::SdpMedia& media, const wire::SdesCrypto& crypto);
// IPv4 first, at most kMaxLocalCandidates.
std::vector<SocketAddress> InOrder(std::vector<SocketAddress> candidates);

}  // namespace latchkey::peer
