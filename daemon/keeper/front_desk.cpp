#include "daemon/keeper/front_desk.h"

#include <utility>

#include "daemon/access/grant.h"
#include "daemon/access/token.h"
#include "daemon/audit/chain.h"
#include "daemon/base/address.h"
#include "daemon/keeper/metrics.h"
#include "daemon/keeper/words.h"

namespace latchkey::keeper {

void FrontDesk::Handle(wire::FrontToKeeper message, Instant now, WallTime wall) {
  now_ = now;
  wall_ = wall;
  if (!books_.front_ready && !std::holds_alternative<wire::FrontReady>(message)) {
    books_.FrontViolation("the front asked before it was ready");
    return;
  }
  std::visit([this](auto& m) { On(std::move(m)); }, message);
}

void FrontDesk::HandleEnd() {
  pages_.Clear();
  for (const wire::Ticket& ticket : books_.questions.Pick([](const Question& q) { return !q.abandoned; })) {
    keys_.Abandon(ticket);
  }
}

void FrontDesk::On(const wire::FrontReady& m) {
  if (books_.front_ready) {
    books_.FrontViolation("the front was ready twice");
    return;
  }
  books_.front_ready = true;
  // A front that starts again comes back where its pages look for it.
  books_.settings.http_port = m.http_port;
}

bool FrontDesk::CheckTicket(const wire::Ticket& ticket, const Secret32& token, ports::TokenDigest& digest) {
  ++books_.counters.questions;
  digest = access::DigestOf(books_.crypto, token);
  if (access::PrincipalOf(digest) != ticket.principal) {
    books_.FrontViolation("a ticket's principal is not its token's");
    return false;
  }
  if (books_.questions.Knows(ticket.request) || pages_.Knows(ticket.request)) {
    books_.FrontViolation("a request id came twice");
    return false;
  }
  return true;
}

std::optional<FrontDesk::Asker> FrontDesk::Identify(const wire::Ticket& ticket, const Secret32& token) {
  Asker asker;
  if (!CheckTicket(ticket, token, asker.digest)) return std::nullopt;
  const auto owner = books_.registry.OwnerOf(asker.digest);
  if (!owner) {
    books_.Refuse(ticket, UnknownToken());
    return std::nullopt;
  }
  asker.owner = *owner;
  return asker;
}

void FrontDesk::On(wire::PublishRequest m) {
  const auto asker = Identify(m.ticket, m.token);
  if (!asker) return;
  const auto* own = std::get_if<CameraId>(&asker->owner);
  if (books_.registry.FindCamera(m.camera) == nullptr) return books_.Refuse(m.ticket, UnknownCamera());
  if (own == nullptr) return books_.Refuse(m.ticket, NotACamerasToken());
  if (*own != m.camera) return books_.Refuse(m.ticket, AnotherCamerasToken());
  if (const auto why_not = books_.WhyNot(m.camera)) return books_.Refuse(m.ticket, *why_not);

  const auto session = books_.DrawSession(m.camera);
  if (!session) return books_.Refuse(m.ticket, IdCameTwice());
  PublishAsked asked;
  asked.token = asker->digest;
  const auto epoch = keys_.NewEpoch(m.camera, asked.content_key);
  if (!epoch) return books_.Refuse(m.ticket, RegistryFailed());
  asked.epoch = *epoch;
  wire::PublishOffer offer;
  offer.ticket = m.ticket;
  offer.session = *session;
  offer.epoch = *epoch;
  offer.content_key = asked.content_key.Duplicate();
  offer.sdes = books_.registry.FindCamera(m.camera)->sdes;
  offer.offer = std::move(m.offer);
  Question question{m.ticket, m.camera, offer.session, now_, false, std::move(asked)};
  books_.questions.Add(std::move(question));
  books_.ToLaneNow(m.camera, std::move(offer));
}

void FrontDesk::RefuseView(const wire::Ticket& ticket, ViewerId viewer, CameraId camera,
                           access::ViewRefusal refusal) {
  About about;
  about.viewer = viewer;
  about.camera = camera;
  books_.RecordOften(audit::Kind::kViewRefused, about,
                     std::move(Facts().Text("why", access::ViewRefusalText(refusal))));
  books_.Refuse(ticket, NotToSee(refusal));
}

std::optional<ports::GrantRecord> FrontDesk::GrantFor(const wire::Ticket& ticket, ViewerId viewer,
                                                      CameraId camera) {
  access::ViewQuestion question;
  question.viewer = viewer;
  question.camera = camera;
  question.right = wire::Rights::kLive;
  question.now = wall_;
  question.suspended = books_.registry.SuspensionOf(camera) != nullptr;
  question.unrecorded = books_.unrecorded;
  const auto grant = access::DecideView(question, books_.registry.grants());
  if (grant) return *grant;
  RefuseView(ticket, viewer, camera, grant.error());
  return std::nullopt;
}

void FrontDesk::On(wire::ViewRequest m) {
  const auto asker = Identify(m.ticket, m.token);
  if (!asker) return;
  const auto* viewer = std::get_if<ViewerId>(&asker->owner);
  if (books_.registry.FindCamera(m.camera) == nullptr) return books_.Refuse(m.ticket, UnknownCamera());
  if (viewer == nullptr) return books_.Refuse(m.ticket, NotAViewersToken());
  const auto grant = GrantFor(m.ticket, *viewer, m.camera);
  if (!grant) return;
  if (const auto why_not = books_.WhyNot(m.camera)) return books_.Refuse(m.ticket, *why_not);
  const LaneSlot* lane = books_.Lane(m.camera);
  if (lane->epoch.value == 0 || !lane->publisher) {
    return books_.Refuse(m.ticket, Unavailable(UnavailableReasonText(lane->WhyOffline()), 2));
  }
  if (books_.sessions.ViewersOf(m.camera) >= books_.settings.max_viewers) {
    return books_.Refuse(m.ticket, TooManyViewers());
  }

  const auto session = books_.DrawSession(m.camera);
  if (!session) return books_.Refuse(m.ticket, IdCameTwice());
  ViewAsked asked;
  asked.viewer = *viewer;
  asked.grant = grant->id;
  asked.own_key = access::DeriveViewerKey(books_.crypto, m.token, grant->id);
  wire::ViewerOffer offer;
  offer.ticket = m.ticket;
  offer.session = *session;
  offer.grant = grant->id;
  offer.offer = std::move(m.offer);
  Question question{m.ticket, m.camera, offer.session, now_, false, std::move(asked)};
  books_.questions.Add(std::move(question));
  books_.ToLaneNow(m.camera, std::move(offer));
}

void FrontDesk::On(wire::ViewProof m) {
  Question* question = books_.questions.Find(m.ticket);
  auto* asked = question == nullptr ? nullptr : std::get_if<ViewAsked>(&question->what);
  if (asked == nullptr) {
    ++books_.counters.replies_dropped;
    return;
  }
  if (asked->stage != ViewStage::kAwaitingProof) {
    books_.FrontViolation("a proof that was not asked for");
    return;
  }
  // Session and wrap are the keeper's own words, said back.
  if (m.session != question->session || m.wrap != asked->wrap) {
    books_.NoteMixup(question->camera, "a proof belongs to another question");
    books_.Tell("a proof belongs to another question", question->camera);
    books_.Refuse(m.ticket, Unavailable("the hub mixed up an answer", 1));
    keys_.Abandon(m.ticket);
    return;
  }
  const auto grant = keys_.Decide(asked->viewer, question->camera, asked->grant, wall_);
  if (!grant) {
    RefuseView(m.ticket, asked->viewer, question->camera, grant.error());
    keys_.Abandon(m.ticket);
    return;
  }
  Admit(*question, std::move(m), *grant);
}

void FrontDesk::Admit(Question& question, wire::ViewProof proof, const ports::GrantRecord& grant) {
  auto& asked = std::get<ViewAsked>(question.what);
  const LaneSlot* lane = books_.Lane(question.camera);
  if (lane->epoch.value == 0 || books_.sessions.ViewersOf(question.camera) >= books_.settings.max_viewers) {
    books_.Refuse(question.ticket, lane->epoch.value == 0 ? LaneDown() : TooManyViewers());
    keys_.Abandon(question.ticket);
    return;
  }
  // Made anew, because the epoch may have changed since: with the key of the keeper's own books, so that the
  // front's key still has to be the right one.
  const KeyDesk::Wrap wrap = keys_.MakeWrap(asked.own_key, asked.fingerprint, grant, wall_);
  Session session;
  session.id = question.session;
  session.camera = question.camera;
  session.ticket = question.ticket;
  session.owner = asked.viewer;
  session.grant = grant.id;
  session.fingerprint = asked.fingerprint;
  session.key = proof.derived_key.Duplicate();
  session.wrap_epoch = wrap.epoch;
  session.wrap_from = wrap.from;
  session.wrap_until = wrap.until;
  books_.sessions.Add(std::move(session));
  asked.stage = ViewStage::kAdmitting;
  asked.own_key = Secret32();

  wire::ViewerAdmit admit;
  admit.ticket = question.ticket;
  admit.session = question.session;
  admit.epoch = wrap.epoch;
  admit.rights = wrap.rights;
  admit.not_after = wrap.until;
  admit.wrap = wrap.bytes;
  admit.derived_key = std::move(proof.derived_key);
  books_.ToLaneNow(question.camera, std::move(admit));
}

Session* FrontDesk::OwnSession(const wire::Ticket& ticket, const Asker& asker, SessionId id) {
  Session* session = books_.sessions.Find(id);
  if (session != nullptr && session->answered && session->owner == asker.owner &&
      session->ticket.principal == ticket.principal) {
    return session;
  }
  books_.Refuse(ticket, UnknownSession());
  return nullptr;
}

void FrontDesk::On(wire::PatchRequest m) {
  const auto asker = Identify(m.ticket, m.token);
  if (!asker) return;
  const Session* session = OwnSession(m.ticket, *asker, m.session);
  if (session == nullptr) return;
  if (const auto* viewer = std::get_if<ViewerId>(&session->owner)) {
    const auto grant = keys_.Decide(*viewer, session->camera, session->grant, wall_);
    if (!grant) {
      RefuseView(m.ticket, *viewer, session->camera, grant.error());
      return keys_.EndSession(m.session, "its grant no longer holds");
    }
  }
  if (const auto why_not = books_.WhyNot(session->camera)) return books_.Refuse(m.ticket, *why_not);
  Question question{m.ticket, session->camera, m.session, now_, false, PatchAsked{}};
  wire::PatchOffer offer;
  offer.ticket = m.ticket;
  offer.session = m.session;
  offer.if_match = std::move(m.if_match);
  offer.fragment = std::move(m.fragment);
  books_.ToLaneNow(session->camera, std::move(offer));
  books_.questions.Add(std::move(question));
}

void FrontDesk::On(const wire::DeleteRequest& m) {
  const auto asker = Identify(m.ticket, m.token);
  if (!asker) return;
  if (OwnSession(m.ticket, *asker, m.session) == nullptr) return;
  keys_.EndSession(m.session, "its client ended it");
  ++books_.counters.answered;
  wire::Done done;
  done.ticket = m.ticket;
  done.http_status = 200;
  books_.ToFrontNow(done);
}

void FrontDesk::On(const wire::ListRequest& m) {
  ports::TokenDigest digest{};
  if (CheckTicket(m.ticket, m.token, digest)) pages_.List(m.ticket, digest, now_, wall_);
}

void FrontDesk::On(const wire::Subscribe& m) {
  ports::TokenDigest digest{};
  if (!CheckTicket(m.ticket, m.token, digest)) return;
  const auto owner = books_.registry.OwnerOf(digest);
  if (owner && std::holds_alternative<ViewerId>(*owner)) NoteHead(m.head.str());
  pages_.Subscribe(m.ticket, digest, now_, wall_);
}

void FrontDesk::NoteHead(const std::string& text) {
  const auto head = audit::ParseHead(text);
  if (!head) return;
  const HeadVerdict verdict = books_.audit.Judge(*head);
  if (verdict == HeadVerdict::kLacking) return suspensions_.TripAll(kLogLacking, wall_);
  if (verdict == HeadVerdict::kFits) books_.effects.emplace_back(ReadHead{*head});
}

void FrontDesk::On(const wire::Unsubscribe& m) {
  pages_.Unsubscribe(m.ticket);
}

void FrontDesk::On(const wire::Cancel& m) {
  pages_.Unsubscribe(m.ticket);
  const Question* question = books_.questions.Find(m.ticket);
  if (question != nullptr && !question->abandoned) {
    ++books_.counters.cancelled;
    return keys_.Abandon(m.ticket);
  }
  const auto crossed = [&](const Session& s) {
    return s.answered && s.ticket == m.ticket && now_ - s.answered_at < kCancelCrossing;
  };
  for (const SessionId id : books_.sessions.Pick(crossed)) {
    ++books_.counters.cancelled;
    keys_.EndSession(id, "its client had gone");
  }
}

void FrontDesk::On(const wire::TokenGuessed& m) {
  if (!IpAddress::Parse(m.address.str())) return books_.FrontViolation("a guess came from no address");
  Facts facts;
  facts.Text("from", m.address.str());
  bool known = false;
  std::size_t named = 0;
  for (const Repeated& repeated : books_.repeated) {
    if (repeated.kind != audit::Kind::kTokensGuessed) continue;
    ++named;
    known = known || repeated.facts.str() == facts.str();
  }
  if (!known && named >= kMaxGuessers) facts.Text("from", "elsewhere");
  books_.RecordOften(audit::Kind::kTokensGuessed, {}, std::move(facts));
}

void FrontDesk::On(const wire::MetricsRequest& m) {
  wire::Metrics metrics;
  metrics.ticket = m.ticket;
  metrics.text = MetricsText(books_, pages_, now_);
  books_.ToFrontNow(std::move(metrics));
}

}  // namespace latchkey::keeper
