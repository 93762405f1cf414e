#include "daemon/peer/negotiation_sdes.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "daemon/base/check.h"

namespace latchkey::peer {
namespace {

using wire::SdesCrypto;
using wire::SdesSuite;

constexpr std::array<SdesSuite, 3> kPreference{SdesSuite::kAeadAes128Gcm, SdesSuite::kAesCm128HmacSha1_80,
                                               SdesSuite::kAeadAes256Gcm};

ports::SrtpProfile ProfileOf(SdesSuite suite) {
  switch (suite) {
    case SdesSuite::kAesCm128HmacSha1_80: return ports::SrtpProfile::kAes128CmHmacSha1_80;
    case SdesSuite::kAeadAes128Gcm: return ports::SrtpProfile::kAeadAes128Gcm;
    case SdesSuite::kAeadAes256Gcm: return ports::SrtpProfile::kAeadAes256Gcm;
    case SdesSuite::kCount: break;
  }
  LATCHKEY_CHECK(suite < SdesSuite::kCount);
  return ports::SrtpProfile::kAeadAes128Gcm;
}

auto RankOf(SdesSuite suite) {
  return std::find(kPreference.begin(), kPreference.end(), suite);
}

std::optional<SdesCrypto> BestOf(const wire::SdpMedia& media) {
  std::optional<SdesCrypto> best;
  for (const std::string_view value : media.attributes.Values("crypto")) {
    auto crypto = wire::ParseCrypto(value);
    if (crypto && (!best || RankOf(crypto->suite) < RankOf(best->suite))) best = std::move(crypto);
  }
  return best;
}

}  // namespace

bool OffersSdes(const wire::Sdp& offer, const wire::SdpMedia& media) {
  return media.attributes.Has("crypto") && !media.attributes.Has("fingerprint") &&
         !offer.attributes.Has("fingerprint");
}

Negotiated<std::optional<SdesChoice>> ChooseSdes(const wire::Sdp& offer, const std::vector<Choice>& choices,
                                                 bool allowed, ports::Entropy& entropy) {
  const auto offers = [&offer](const Choice& c) { return OffersSdes(offer, offer.media[c.section->index]); };
  if (std::none_of(choices.begin(), choices.end(), offers)) return std::optional<SdesChoice>();
  std::optional<SdesCrypto> theirs;
  for (const Choice& choice : choices) {
    const wire::SdpMedia& media = offer.media[choice.section->index];
    if (!offers(choice))
      return Refuse(400, "one media section brings a=crypto and another a=fingerprint: use one of them");
    if (!allowed) {
      return Refuse(406,
                    "the offer brings its key as a=crypto, and this camera was not added for that: use "
                    "DTLS-SRTP, or add the camera with --sdes");
    }
    auto best = BestOf(media);
    if (!best) {
      return Refuse(
          406,
          "no a=crypto of the offer can be used: offer AES_CM_128_HMAC_SHA1_80, AEAD_AES_128_GCM or "
          "AEAD_AES_256_GCM with one inline key, without MKI and session parameters");
    }
    if (theirs && (theirs->suite != best->suite ||
                   !ConstantTimeEqual(theirs->key_and_salt.Reveal(), best->key_and_salt.Reveal()))) {
      return Refuse(400, "the bundled media sections have different a=crypto keys: give them the same one");
    }
    theirs = std::move(best);
  }
  SdesChoice choice{std::move(*theirs), {}};
  choice.ours.tag = choice.theirs.tag;
  choice.ours.suite = choice.theirs.suite;
  entropy.Fill(choice.ours.key_and_salt.RevealForWriting());
  return std::optional<SdesChoice>(std::move(choice));
}

ports::SrtpKey SrtpKeyOf(const SdesCrypto& crypto) {
  return {ProfileOf(crypto.suite), crypto.key_and_salt.Duplicate()};
}

SdesKeys KeysOf(const SdesChoice& choice) {
  return {SrtpKeyOf(choice.theirs), SrtpKeyOf(choice.ours)};
}

}  // namespace latchkey::peer
