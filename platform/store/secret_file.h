// A long-term secret of the daemon: 64 hexadecimal digits in a file that nobody else may read.
#pragma once

#include <string>

#include "daemon/base/result.h"
#include "daemon/base/secret.h"
#include "daemon/ports/entropy.h"

namespace latchkey::platform {

struct SecretFileOptions {
  // $CREDENTIALS_DIRECTORY (systemd.exec(5), "LoadCredentialEncrypted="); empty: there is none. A secret of
  // this name in it counts, and no other file is looked at.
  std::string credentials;
  std::string folder;  // the state folder
  std::string name;
  bool make = false;  // it was never used: make one in the state folder where there is none
  // What it was used with, should it be missing, and what else to do than to restore it.
  std::string used_with = "the registry";
  std::string or_else{};
};

// kNotFound where there is none and none is to be made; kCorrupt for what is no secret; kDenied for one that
// others may read. The message names the file and says what to do.
Result<Secret32> LoadSecret(const SecretFileOptions& options, ports::Entropy& entropy);

}  // namespace latchkey::platform
