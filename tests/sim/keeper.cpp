#include "tests/sim/keeper.h"

namespace latchkey::sim {
namespace {
constexpr auto kMoreRights =
    static_cast<std::uint8_t>(wire::Rights::kListen) | static_cast<std::uint8_t>(wire::Rights::kTalk);
}  // namespace

wire::Ticket Keeper::MakeTicket() {
  return {hub_.entropy().MakeId<RequestId>(), hub_.entropy().MakeId<PrincipalId>()};
}

Secret32 Keeper::MakeKey() {
  Secret32 key;
  hub_.entropy().Fill(key.RevealForWriting());
  return key;
}

wire::PublishOffer Keeper::Publish(const std::string& sdp, std::uint32_t life) {
  wire::PublishOffer offer;
  offer.ticket = MakeTicket();
  offer.session = hub_.entropy().MakeId<SessionId>();
  offer.epoch = last_epoch_ = last_epoch_.Next();
  offered_key_ = MakeKey();
  offered_life_ = life;
  offer.content_key = offered_key_.Duplicate();
  offer.offer = sdp;
  return offer;
}

void Keeper::Published() {
  epoch_ = last_epoch_;
  life_ = offered_life_;
  content_key_ = std::move(offered_key_);
}

wire::EpochBegin Keeper::NextEpoch(std::uint32_t life) {
  wire::EpochBegin begin;
  begin.epoch = epoch_ = last_epoch_ = last_epoch_.Next();
  life_ = life;
  content_key_ = MakeKey();
  begin.content_key = content_key_.Duplicate();
  return begin;
}

wire::ViewerOffer Keeper::View(const std::string& sdp, Session& session) {
  wire::ViewerOffer offer;
  offer.ticket = MakeTicket();
  offer.session = hub_.entropy().MakeId<SessionId>();
  offer.grant = hub_.entropy().MakeId<GrantId>();
  offer.offer = sdp;
  session = {};
  session.id = offer.session;
  // As the front does: from the token of this very request.
  session.viewer_key = access::DeriveViewerKey(hub_.crypto(), MakeKey(), offer.grant);
  return offer;
}

wire::ViewerAdmit Keeper::Admit(const wire::ViewerParsed& parsed, Session& session, WallTime not_after,
                                MixUp mixup) {
  session.fingerprint = parsed.fingerprint;
  session.granted = epoch_;
  session.not_after = not_after;
  wire::ViewerAdmit admit;
  admit.ticket = parsed.ticket;
  admit.session = parsed.session;
  admit.epoch = epoch_;
  admit.rights = session.rights;
  if (mixup == MixUp::kRights) admit.rights |= kMoreRights;
  admit.not_after = not_after;
  admit.wrap = Wrap(session, not_after, mixup);
  admit.derived_key = session.viewer_key.Duplicate();
  return admit;
}

wire::WrapRenewal Keeper::Renew(Session& session, WallTime not_after, MixUp mixup) {
  wire::WrapRenewal renewal;
  renewal.session = session.id;
  renewal.epoch = epoch_;
  renewal.rights = session.rights;
  if (mixup == MixUp::kRights) renewal.rights |= kMoreRights;
  renewal.not_after = not_after;
  renewal.wrap = Wrap(session, not_after, mixup);
  if (mixup == MixUp::kNone) {
    session.granted = epoch_;
    session.not_after = not_after;
  }
  return renewal;
}

wire::WrapBytes Keeper::Wrap(const Session& session, WallTime not_after, MixUp mixup) {
  access::WrapContext context;
  context.camera = mixup == MixUp::kCamera ? hub_.entropy().MakeId<CameraId>() : camera_;
  context.epoch = mixup == MixUp::kEpoch ? Epoch{epoch_.value - 1} : epoch_;
  context.viewer_fingerprint = session.fingerprint;
  if (mixup == MixUp::kFingerprint) hub_.entropy().Fill(context.viewer_fingerprint);
  context.rights = session.rights;
  context.not_after = not_after;
  const Secret32 key = mixup == MixUp::kKey ? MakeKey() : session.viewer_key.Duplicate();
  return access::WrapContentKey(hub_.crypto(), hub_.entropy(), key, content_key_, context);
}

}  // namespace latchkey::sim
