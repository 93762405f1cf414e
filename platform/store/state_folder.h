// The folder that holds what must survive: one daemon at a time, and a registry that is missed when it is
// gone.
//
//   lock          held (flock) while a daemon runs
//   registry.db   SQLite, with -wal beside it while a daemon runs
//   registry.id   the registry's own identity, 32 hexadecimal digits: this folder once had that registry
//   registry.new  a registry being made; never one in use
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "daemon/base/ids.h"
#include "daemon/base/result.h"
#include "platform/loop/unique_fd.h"

namespace latchkey::platform {

using RegistryId = Id<struct RegistryTag>;

class StateFolder {
 public:
  // Makes the folder (0700) when only its last part is missing, and takes the lock. kConflict when another
  // daemon has it.
  static Result<StateFolder> Lock(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string File(const char* name) const { return path_ + "/" + name; }

  struct Found {
    bool registry = false;             // registry.db exists, whatever is in it
    std::uint64_t size = 0;            // its bytes
    bool log = false;                  // registry.db-wal exists
    std::optional<RegistryId> marker;  // registry.id exists
  };
  // kCorrupt when registry.id exists and is not an id; kSystem when a file can't be looked at.
  [[nodiscard]] Result<Found> Look() const;

  // Makes registry.new anew, empty, 0600. Used only where neither registry nor marker exist.
  [[nodiscard]] Status MakeNewFile() const;
  // registry.new becomes registry.db, durably.
  [[nodiscard]] Status AdoptNewFile() const;
  [[nodiscard]] Status WriteMarker(const RegistryId& id) const;

 private:
  StateFolder(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  UniqueFd lock_;
};

}  // namespace latchkey::platform
