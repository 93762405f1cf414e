// Keys that stand in an offer and its answer (RFC 4568), for cameras that were enrolled to bring theirs so.
#pragma once

#include <optional>
#include <vector>

#include "daemon/peer/negotiation_answer.h"
#include "daemon/peer/transport.h"
#include "daemon/ports/entropy.h"
#include "daemon/wire/sdes.h"

namespace latchkey::peer {

// The line of the offer that is taken, and ours for the answer.
struct SdesChoice {
  wire::SdesCrypto theirs;
  wire::SdesCrypto ours;
};

// The section has a=crypto, and nothing that DTLS needs.
bool OffersSdes(const wire::Sdp& offer, const wire::SdpMedia& media);

// Nothing: the chosen sections are for DTLS. AEAD_AES_128_GCM is taken first, then AES_CM_128_HMAC_SHA1_80,
// then AEAD_AES_256_GCM. 406 when no line can be used, or `allowed` is false; 400 when the sections, which
// share one transport, have not the same key.
Negotiated<std::optional<SdesChoice>> ChooseSdes(const wire::Sdp& offer, const std::vector<Choice>& choices,
                                                 bool allowed, ports::Entropy& entropy);

SdesKeys KeysOf(const SdesChoice& choice);
ports::SrtpKey SrtpKeyOf(const wire::SdesCrypto& crypto);

}  // namespace latchkey::peer
