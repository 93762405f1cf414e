// WHEP beyond what it shares with WHIP: the front's half of a grant.
#pragma once

#include "daemon/base/secret.h"
#include "daemon/ports/crypto.h"
#include "daemon/wire/ipc_messages.h"

namespace latchkey::front {

// The viewer's key, from the token of this very request and the grant that the keeper named; sent on with
// the keeper's wrap. Consumes the token: it is needed for nothing else.
[[nodiscard]] wire::ViewProof ProveView(ports::Crypto& crypto, Secret32 token, const wire::Granted& granted);

}  // namespace latchkey::front
