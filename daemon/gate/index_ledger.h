// Up to which index the packets of an enrolled key may be believed (DESIGN section 4: "the highest
// authenticated index is kept durably"). The keeper writes down a number that is further on than what came,
// and only then does the lane take packets up to it; so after any end of the hub what it has seen is below
// what is written, and whoever recorded it can't send it again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "daemon/base/time.h"
#include "daemon/ports/srtp.h"

namespace latchkey::gate {

// Packets of `ssrc` below `up_to` are to be taken.
struct IndexWish {
  std::uint32_t ssrc = 0;
  ports::SrtpIndex up_to = 0;
  friend bool operator==(const IndexWish&, const IndexWish&) = default;
};

class IndexLedger {
 public:
  // What is asked for at once lasts from kBlockTime to four times as long: it begins small, doubles when it
  // is used up sooner, and is halved when it lasts longer. When a session ends, so much of a stream that goes
  // on is not taken: a longer block means fewer writes to the disk and more of that.
  static constexpr Duration kBlockTime = seconds(10);
  static constexpr ports::SrtpIndex kLeastBlock = 128;
  static constexpr ports::SrtpIndex kMostBlock = 131'072;
  // Sources of a session, as many as a receiver takes. Those of another are not taken.
  static constexpr std::size_t kMaxSources = 16;

  // An authentic packet came. False: nothing is reserved for it (yet).
  bool Note(std::uint32_t ssrc, ports::SrtpIndex index, Instant now);
  // It is on the disk.
  void Reserve(const IndexWish& reserved);
  // What is to be reserved next, of one source; once for each.
  [[nodiscard]] std::optional<IndexWish> TakeWish();
  [[nodiscard]] bool Covers(std::uint32_t ssrc, ports::SrtpIndex index) const;
  [[nodiscard]] bool IsConsistent() const;

 private:
  struct Source {
    std::uint32_t ssrc = 0;
    ports::SrtpIndex highest = 0;
    ports::SrtpIndex reserved = 0;  // below it
    ports::SrtpIndex asked = 0;     // for the next block
    ports::SrtpIndex block = kLeastBlock;
    std::optional<Instant> wanted_at;  // the last block, when half of the one before was used up
    bool wanted = false;               // and it is yet to be asked for
  };
  static void Want(Source& source, Instant now);
  [[nodiscard]] const Source* Find(std::uint32_t ssrc) const;

  std::vector<Source> sources_;
};

}  // namespace latchkey::gate
