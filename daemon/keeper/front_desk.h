// Questions of the front: each with its token, each decided for itself.
#pragma once

#include <optional>

#include "daemon/keeper/books.h"
#include "daemon/keeper/key_desk.h"
#include "daemon/keeper/page_desk.h"
#include "daemon/keeper/suspension_desk.h"

namespace latchkey::keeper {

// A Cancel that crosses the answer on its way still ends the session that nobody will hear of.
constexpr Duration kCancelCrossing = seconds(10);

// Addresses from which wrong tokens came that are named in the audit log in each kRecordOften; what more come
// are counted together.
constexpr std::size_t kMaxGuessers = 32;

class FrontDesk {
 public:
  FrontDesk(Books& books, KeyDesk& keys, PageDesk& pages, SuspensionDesk& suspensions)
      : books_(books), keys_(keys), pages_(pages), suspensions_(suspensions) {}

  void Handle(wire::FrontToKeeper message, Instant now, WallTime wall);
  // The front has ended: nobody waits for any answer.
  void HandleEnd();

 private:
  struct Asker {
    ports::TokenDigest digest{};
    TokenOwner owner;
  };

  void On(const wire::FrontReady& m);
  void On(wire::PublishRequest m);
  void On(wire::ViewRequest m);
  void On(wire::ViewProof m);
  void On(wire::PatchRequest m);
  void On(const wire::DeleteRequest& m);
  void On(const wire::ListRequest& m);
  void On(const wire::Subscribe& m);
  void On(const wire::Unsubscribe& m);
  void On(const wire::Cancel& m);
  void On(const wire::MetricsRequest& m);
  void On(const wire::TokenGuessed& m);

  // False and the front's end when the ticket is no new one or its principal is not the token's.
  bool CheckTicket(const wire::Ticket& ticket, const Secret32& token, ports::TokenDigest& digest);
  // Nothing when the question has been refused already.
  std::optional<Asker> Identify(const wire::Ticket& ticket, const Secret32& token);
  // The asker's own session, answered; nullptr and 404 otherwise.
  Session* OwnSession(const wire::Ticket& ticket, const Asker& asker, SessionId id);
  std::optional<ports::GrantRecord> GrantFor(const wire::Ticket& ticket, ViewerId viewer, CameraId camera);
  void NoteHead(const std::string& text);
  void RefuseView(const wire::Ticket& ticket, ViewerId viewer, CameraId camera, access::ViewRefusal refusal);
  void Admit(Question& question, wire::ViewProof proof, const ports::GrantRecord& grant);

  Books& books_;
  KeyDesk& keys_;
  PageDesk& pages_;
  SuspensionDesk& suspensions_;
  Instant now_{};
  WallTime wall_{};
};

}  // namespace latchkey::keeper
