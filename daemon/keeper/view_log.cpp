#include "daemon/keeper/view_log.h"

#include <algorithm>

#include "daemon/keeper/words.h"

namespace latchkey::keeper {

About AboutOf(const Session& session) {
  About about;
  about.camera = session.camera;
  if (const auto* viewer = std::get_if<ViewerId>(&session.owner)) about.viewer = *viewer;
  about.session = session.id;
  about.epoch = session.wrap_epoch;
  return about;
}

Facts TellView(const Session& session) {
  const ViewFigures& figures = session.figures;
  Facts facts;
  facts.Number("packets", figures.packets).Number("resent", figures.resent);
  facts.Number("frames_skipped", figures.skipped);
  facts.Number("camera_loss_permille", figures.camera_loss_permille);
  facts.Number("camera_jitter_us", figures.camera_jitter_us);
  facts.Number("viewer_loss_permille", figures.viewer_loss_permille);
  facts.Number("viewer_jitter_us", figures.viewer_jitter_us);
  facts.Number("round_trip_us", figures.round_trip_us);
  if (!figures.network.empty()) facts.Text("network", figures.network);
  return facts;
}

void BeginView(Books& books, Session& session, std::uint8_t rights) {
  session.figures.since = books.now;
  Facts facts;
  facts.Text("grant", session.grant.ToHex()).Text("rights", FormatRights(rights));
  facts.Text("fingerprint", internal::HexEncode(session.fingerprint));
  books.Record(audit::Kind::kViewBegan, AboutOf(session), facts);
}

void NoteLegs(Books& books, CameraId camera, const wire::LaneStatus& status) {
  for (const wire::ViewerLeg& leg : status.legs.items()) {
    Session* session = books.sessions.Find(leg.session);
    if (session == nullptr || !session->is_viewer() || !session->answered || session->camera != camera)
      continue;
    ViewFigures& figures = session->figures;
    figures.packets = leg.packets;
    figures.resent = leg.resent;
    figures.skipped = leg.skipped;
    figures.round_trip_us = leg.round_trip_us;
    figures.network = leg.network.str();
    const auto worst = [](std::uint32_t& value, std::uint32_t now) { value = std::max(value, now); };
    worst(figures.camera_loss_permille, status.loss_permille);
    worst(figures.camera_jitter_us, status.jitter_us);
    worst(figures.viewer_loss_permille, leg.loss_permille);
    worst(figures.viewer_jitter_us, leg.jitter_us);
    if (books.now - figures.since < kViewPeriod) continue;
    books.Record(audit::Kind::kViewMinute, AboutOf(*session), TellView(*session));
    figures = ViewFigures{
        figures.network, books.now, figures.packets, figures.resent, figures.skipped, 0, 0, 0, 0, 0};
  }
}

}  // namespace latchkey::keeper
