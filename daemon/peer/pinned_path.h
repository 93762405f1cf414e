// Where the sender of an enrolled key is. It does no ICE: it was given our port and the key, and sends. Its
// packets say where it is, by being authentic and new; another place is believed only when this one has
// fallen silent, so that whoever repeats its packets from elsewhere, sooner than they come, moves nothing.
// Nothing is ever sent there.
#pragma once

#include <optional>

#include "daemon/base/time.h"
#include "daemon/peer/ice_lite.h"

namespace latchkey::peer {

class PinnedPath {
 public:
  static constexpr Duration kSilence = seconds(2);

  [[nodiscard]] std::optional<IcePair> pair() const { return pair_; }
  [[nodiscard]] bool TakesMediaFrom(const IcePair& pair, Instant now) const {
    return !pair_ || *pair_ == pair || now - last_media_ >= kSilence;
  }
  void NoteAuthenticMedia(const IcePair& pair, Instant now) {
    pair_ = pair;
    last_media_ = now;
  }

 private:
  std::optional<IcePair> pair_;
  Instant last_media_;
};

}  // namespace latchkey::peer
