// A disk that remembers what SQLite did to it, and can show what a power cut at any moment would have left.
//
// While one lives it is SQLite's default VFS: everything passes through to the system's files and is written
// down. What was synced is certain. Of what was not, a cut leaves nothing, everything, or any part, torn
// within a write too; SQLite's own assumption is kept that a write harms no byte outside itself
// (SQLITE_IOCAP_POWERSAFE_OVERWRITE). Files that SQLite does not touch are no part of it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "daemon/base/bytes.h"

namespace latchkey::platform {

struct DiskStep {
  enum class Kind : std::uint8_t { kCreate, kWrite, kTruncate, kSync, kDelete };
  Kind kind = Kind::kWrite;
  std::string file;     // its path
  std::size_t at = 0;   // kWrite: where; kTruncate: the new size
  ByteVector bytes;     // kWrite
  bool durable = true;  // kDelete: the folder is synced with it
};

class RecordedDisk {
 public:
  RecordedDisk();
  RecordedDisk(const RecordedDisk&) = delete;
  RecordedDisk& operator=(const RecordedDisk&) = delete;
  ~RecordedDisk();

  // Syncs reach no disk while one lives, so that opening a thousand images takes seconds.
  void Record(bool on) { recording_ = on; }
  [[nodiscard]] const std::vector<DiskStep>& steps() const { return steps_; }

  struct Vfs;  // of the implementation

 private:
  friend struct Vfs;
  std::unique_ptr<Vfs> vfs_;
  std::vector<DiskStep> steps_;
  bool recording_ = false;
};

// The same steps again, one by one, as a disk without a battery sees them.
class DiskReplay {
 public:
  // `folder`: what was there before the first step, all of it certain.
  DiskReplay(const std::vector<DiskStep>& steps, const std::string& folder);

  enum class Left : std::uint8_t { kNothing, kEverything, kParts };  // of what was not synced
  [[nodiscard]] std::size_t at() const { return at_; }
  // False: there was no further one.
  bool Step();
  // What a cut now would leave, written over `folder`, which holds a copy of the first state.
  void Leave(Left what, std::mt19937& random, const std::string& folder) const;

 private:
  struct File {
    std::optional<ByteVector> certain;  // nothing: it may not be there
    std::vector<const DiskStep*> open;  // not synced
  };
  const std::vector<DiskStep>& steps_;
  std::string folder_;
  std::map<std::string, File> files_;
  std::size_t at_ = 0;
};

}  // namespace latchkey::platform
