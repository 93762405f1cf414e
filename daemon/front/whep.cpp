#include "daemon/front/whep.h"

#include "daemon/access/grant.h"

namespace latchkey::front {

wire::ViewProof ProveView(ports::Crypto& crypto, Secret32 token, const wire::Granted& granted) {
  wire::ViewProof proof;
  proof.ticket = granted.ticket;
  proof.session = granted.session;
  proof.wrap = granted.wrap;
  proof.derived_key = access::DeriveViewerKey(crypto, token, granted.grant);
  return proof;
}

}  // namespace latchkey::front
