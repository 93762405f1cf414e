// A front and lanes that have fallen to an attacker say whatever they like to a real keeper, with all that
// they have seen: no view or key goes to anybody without a grant, whoever breaks the conversation is ended
// and nobody else, and afterwards an honest front and lane are served as ever.
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/keeper_hub.h"

namespace latchkey::fuzz {

void Fuzz(ByteView input) {
  constexpr int kMostActs = 256;
  HostileHub hub;
  ByteReader reader(input);
  for (int acts = 0; acts < kMostActs && reader.ok() && reader.remaining() > 0; ++acts) hub.Act(reader);
  hub.ServeHonestly();
}

}  // namespace latchkey::fuzz
