// Two DTLS sessions and a bad network between them. Private to the tests of platform/.
#pragma once

#include <poll.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <random>
#include <utility>

#include "platform/crypto/dtls.h"
#include "platform/crypto/system_entropy.h"
#include "platform/loop/clock.h"
#include "tests/support/catch.h"

namespace latchkey::platform {

using ports::DtlsRole;
using ports::DtlsSession;
using ports::DtlsState;
using ports::SrtpProfile;

inline std::unique_ptr<OpenSslDtlsFactory> MakeFactory() {
  SystemEntropy entropy;
  auto factory = OpenSslDtlsFactory::Create(entropy);
  REQUIRE(factory);
  return std::move(*factory);
}

inline std::unique_ptr<DtlsSession> MakeSession(OpenSslDtlsFactory& factory, DtlsRole role,
                                                const ports::Fingerprint& peer) {
  auto session = factory.Make(role, peer);
  REQUIRE(session);
  return std::move(*session);
}

// OpenSSL's retransmission timer reads the wall clock itself, so these tests wait for real.
inline void WaitUntil(Instant when) {
  const auto left = ToMilliseconds(when - MonotonicNow()) + 1;
  if (left > 0) (void)::poll(nullptr, 0, static_cast<int>(std::min<std::int64_t>(left, 1000)));
}

// Two sessions with a link between them that loses, repeats and swaps datagrams, by its seed.
struct Link {
  Link(OpenSslDtlsFactory& server_factory, OpenSslDtlsFactory& client_factory)
      : server(MakeSession(server_factory, DtlsRole::kServer, client_factory.LocalFingerprint())),
        client(MakeSession(client_factory, DtlsRole::kClient, server_factory.LocalFingerprint())) {}

  void Carry(DtlsSession& from, DtlsSession& to) {
    std::deque<ByteVector> flight;
    while (auto datagram = from.PollDatagram()) {
      largest = std::max(largest, datagram->size());
      if (random() % 100 < loss_percent) continue;
      flight.push_back(*datagram);
      if (random() % 100 < loss_percent) flight.push_back(*datagram);
    }
    if (loss_percent != 0) std::shuffle(flight.begin(), flight.end(), random);
    for (const auto& datagram : flight) to.HandleDatagram(datagram, MonotonicNow());
  }

  // One that failed tells nobody whom a forged alert could not fool: the other waits for its own limit.
  bool Settled() const {
    return (server->state() != DtlsState::kHandshaking && client->state() != DtlsState::kHandshaking) ||
           server->state() == DtlsState::kFailed || client->state() == DtlsState::kFailed;
  }

  // Until both have connected or one has failed, or `limit` has passed.
  void Run(Duration limit = seconds{20}) {
    const Instant deadline = MonotonicNow() + limit;
    server->Start(MonotonicNow());
    client->Start(MonotonicNow());
    for (int round = 0; !Settled() && MonotonicNow() < deadline; ++round) {
      Carry(*client, *server);
      Carry(*server, *client);
      if (Settled() || round % 8 != 7) continue;
      Instant next = deadline;
      for (const auto& timeout : {server->NextTimeout(), client->NextTimeout()}) {
        if (timeout) next = std::min(next, *timeout);
      }
      WaitUntil(next);
      server->HandleTimeout(MonotonicNow());
      client->HandleTimeout(MonotonicNow());
    }
    Carry(*server, *client);
    Carry(*client, *server);
  }

  std::unique_ptr<DtlsSession> server;
  std::unique_ptr<DtlsSession> client;
  std::mt19937 random{1};
  unsigned loss_percent = 0;
  std::size_t largest = 0;
};

inline bool SameKey(const ports::SrtpKey& a, const ports::SrtpKey& b) {
  return a.profile == b.profile && ConstantTimeEqual(a.key_and_salt.Reveal(), b.key_and_salt.Reveal());
}

inline void CheckConnectedWith(Link& link, SrtpProfile profile) {
  REQUIRE(link.server->state() == DtlsState::kConnected);
  REQUIRE(link.client->state() == DtlsState::kConnected);
  auto server_keys = link.server->ExportKeys();
  auto client_keys = link.client->ExportKeys();
  REQUIRE(server_keys);
  REQUIRE(client_keys);
  CHECK(server_keys->inbound.profile == profile);
  CHECK(SameKey(server_keys->inbound, client_keys->outbound));
  CHECK(SameKey(server_keys->outbound, client_keys->inbound));
  CHECK_FALSE(SameKey(server_keys->inbound, server_keys->outbound));
  CHECK_FALSE(link.server->ExportKeys());
  CHECK_FALSE(link.server->NextTimeout());
}

}  // namespace latchkey::platform
