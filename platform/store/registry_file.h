// The registry's file: making one, and finding out whether one is sound before anything is written to it.
#pragma once

#include "daemon/ports/entropy.h"
#include "platform/store/sqlite.h"
#include "platform/store/state_folder.h"

namespace latchkey::platform {

// Opens the folder's registry, makes one where there never was one, refuses everything else.
Result<Database> OpenRegistryFile(const StateFolder& folder, std::int64_t max_pages, ports::Entropy& entropy);

}  // namespace latchkey::platform
