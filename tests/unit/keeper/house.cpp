#include "tests/unit/keeper/house.h"

#include <algorithm>

namespace latchkey::keeper {

void SeededEntropy::Fill(std::span<std::uint8_t> out) {
  if (!given_.empty() && given_.size() == out.size()) {
    std::copy(given_.begin(), given_.end(), out.begin());
    given_.clear();
    return;
  }
  for (auto& byte : out) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    byte = static_cast<std::uint8_t>(state_ >> 56U);
  }
  last_.assign(out.begin(), out.end());
}

Status MemoryStore::Write() {
  if (failing) return Fail(ErrorCode::kLimit, "the disk is full");
  ++writes;
  return {};
}

Status MemoryStore::AddCamera(const ports::CameraRecord& camera) {
  if (auto written = Write(); !written) return written;
  state.cameras.push_back(camera);
  return {};
}
Status MemoryStore::RenameCamera(CameraId camera, const std::string& name) {
  if (auto written = Write(); !written) return written;
  for (auto& c : state.cameras) {
    if (c.id == camera) c.name = name;
  }
  return {};
}
Status MemoryStore::RemoveCamera(CameraId camera) {
  if (auto written = Write(); !written) return written;
  std::erase_if(state.cameras, [&](const auto& c) { return c.id == camera; });
  std::erase_if(state.grants, [&](const auto& g) { return g.camera == camera; });
  return {};
}
Status MemoryStore::ReplaceCameraToken(CameraId camera, const ports::TokenDigest& token,
                                       const std::optional<ports::SealedSdesKey>& sdes) {
  if (auto written = Write(); !written) return written;
  for (auto& c : state.cameras) {
    if (c.id != camera) continue;
    c.token = token;
    if (!sdes) continue;
    c.enrolment->key = *sdes;
    c.enrolment->tag.reset();
    std::erase_if(sources, [&](const auto& s) { return s.first.first == camera; });
  }
  return {};
}
Status MemoryStore::TransferCamera(CameraId camera, const ports::TokenDigest& token,
                                   const std::optional<ports::SealedSdesKey>& sdes) {
  if (auto written = ReplaceCameraToken(camera, token, sdes); !written) return written;
  std::erase_if(state.grants, [&](const auto& g) { return g.camera == camera; });
  return {};
}
Status MemoryStore::ReserveEpochs(CameraId camera, Epoch up_to) {
  if (no_epochs) return Fail(ErrorCode::kLimit, "the disk is full");
  if (auto written = Write(); !written) return written;
  for (auto& c : state.cameras) {
    if (c.id == camera) c.reserved_epoch = up_to;
  }
  return {};
}
Status MemoryStore::SetPin(CameraId camera, ports::PinState pin_state,
                           const std::optional<ports::KeyPin>& pin) {
  if (auto written = Write(); !written) return written;
  for (auto& c : state.cameras) {
    if (c.id != camera) continue;
    c.pin_state = pin_state;
    c.pin = pin;
  }
  return {};
}
Status MemoryStore::UseKeys(CameraId camera, const std::optional<ports::KeyTag>& certificate,
                            const ports::KeyTag& stream_key, WallTime) {
  if (auto written = Write(); !written) return written;
  if (!used.emplace(stream_key, camera).second) return Fail(ErrorCode::kConflict, "used already");
  for (auto& c : state.cameras) {
    if (c.id == camera && certificate) c.certificate = certificate;
  }
  return {};
}
Result<std::optional<CameraId>> MemoryStore::UserOf(const ports::KeyTag& stream_key) {
  const auto at = used.find(stream_key);
  if (at == used.end()) return std::optional<CameraId>{};
  return std::optional<CameraId>(at->second);
}
Status MemoryStore::KeepSecretCheck(const ports::Sha256Digest& check) {
  if (auto written = Write(); !written) return written;
  secret = check;
  return {};
}
Status MemoryStore::AddViewer(const ports::ViewerRecord& viewer) {
  if (auto written = Write(); !written) return written;
  state.viewers.push_back(viewer);
  return {};
}
Status MemoryStore::ReplaceViewerToken(ViewerId viewer, const ports::TokenDigest& token) {
  if (auto written = Write(); !written) return written;
  for (auto& v : state.viewers) {
    if (v.id == viewer) v.token = token;
  }
  return {};
}
Status MemoryStore::RemoveViewer(ViewerId viewer) {
  if (auto written = Write(); !written) return written;
  std::erase_if(state.viewers, [&](const auto& v) { return v.id == viewer; });
  std::erase_if(state.grants, [&](const auto& g) { return g.viewer == viewer; });
  return {};
}
Status MemoryStore::AddGrant(const ports::GrantRecord& grant) {
  if (auto written = Write(); !written) return written;
  state.grants.push_back(grant);
  return {};
}
Status MemoryStore::RemoveGrant(GrantId grant) {
  if (auto written = Write(); !written) return written;
  std::erase_if(state.grants, [&](const auto& g) { return g.id == grant; });
  return {};
}
Status MemoryStore::AddSuspension(const ports::SuspensionRecord& suspension) {
  if (auto written = Write(); !written) return written;
  state.suspensions.push_back(suspension);
  return {};
}
Status MemoryStore::LiftSuspension(SuspensionId suspension, const std::string&, WallTime) {
  if (auto written = Write(); !written) return written;
  const auto gone = std::erase_if(state.suspensions, [&](const auto& s) { return s.id == suspension; });
  return gone == 1 ? Status{} : Fail(ErrorCode::kNotFound, "no such suspension");
}

House::House(std::uint64_t seed) : entropy(seed) {
  auto made = platform::Ed25519Signer::Create(Secret32());
  REQUIRE(made.has_value());
  signer = std::move(*made);
  StartKeeper();
}

void House::StartKeeper() {
  auto loaded = Registry::Load(store, crypto, entropy, secret);
  REQUIRE(loaded.has_value());
  keeper.reset();
  registry = std::move(*loaded);
  const auto last = log.records.empty() ? std::nullopt : std::optional(log.records.back());
  book = std::make_unique<AuditBook>(crypto, *signer, ports::AuditLogId(ports::AuditLogId::Bytes{1}), last);
  keeper = std::make_unique<Keeper>(*registry, *book, crypto, entropy, Settings{});
  keeper->HandleStart(now, wall);
  keeper->Settle(now, wall);
}

std::vector<ports::AuditRecord> House::Recorded(audit::Kind kind) const {
  std::vector<ports::AuditRecord> found;
  for (const auto& record : log.records) {
    if (record.kind == static_cast<std::uint8_t>(kind)) found.push_back(record);
  }
  return found;
}

void House::Run() {
  bool written = false;
  bool keep = false;
  std::optional<AuditBatch> batch;
  for (auto& effect : keeper->TakeEffects()) {
    if (auto* w = std::get_if<keeper::WriteAudit>(&effect)) {
      REQUIRE_FALSE(batch);
      batch = std::move(w->batch);
    } else if (auto* f = std::get_if<keeper::ToFront>(&effect)) {
      front.push_back(std::move(f->message));
    } else if (auto* l = std::get_if<keeper::ToLane>(&effect)) {
      if (auto* offer = std::get_if<wire::PublishOffer>(&l->message)) {
        content_keys[l->camera] = offer->content_key.Duplicate();
      }
      if (auto* begin = std::get_if<wire::EpochBegin>(&l->message)) {
        content_keys[l->camera] = begin->content_key.Duplicate();
      }
      if (const auto* enrolled = std::get_if<wire::SdesBegin>(&l->message)) {
        content_keys[l->camera] = enrolled->content_key.Duplicate();
      }
      lanes[l->camera].push_back(std::move(l->message));
    } else if (std::holds_alternative<keeper::KeepSuspensions>(effect)) {
      keep = true;
    } else if (const auto* wanted = std::get_if<keeper::ReserveIndex>(&effect)) {
      indices.push_back(*wanted);
    } else {
      others.push_back(std::move(effect));
    }
  }
  CHECK(keeper->IsConsistent());
  if (keep) keeper->KeepSuspensions(now, wall);
  if (!disk_is_slow && !indices.empty()) WriteIndices();
  if (!batch) return keep ? Run() : void();
  written = !log.failing;
  if (written) {
    log.records.insert(log.records.end(), batch->records.begin(), batch->records.end());
    log.head = batch->head;
  }
  keeper->HandleAuditWritten(written, now, wall);
  Run();
}

void House::WriteIndices() {
  for (const auto& wanted : std::exchange(indices, {}))
    keeper->HandleIndexReserved(wanted, store.ReserveIndex(wanted.camera, wanted.key, wanted.source), now,
                                wall);
  Run();
}

void House::Advance(Duration by) {
  now += by;
  wall += by;
  keeper->HandleTimeout(now, wall);
  Run();
}

void House::Pass(Duration by) {
  const Instant end = now + by;
  while (keeper->NextTimeout() < end)
    Advance(std::max(keeper->NextTimeout() - now, Duration(milliseconds(1))));
  Advance(end - now);
}

Enrolled<CameraId> House::Camera(const std::string& name, const std::string& model) {
  auto added = owner().AddCamera({name, model, std::nullopt, false}, wall);
  REQUIRE(added.has_value());
  Settle();
  return std::move(*added);
}

Enrolled<ViewerId> House::Viewer(const std::string& name) {
  auto added = owner().AddViewer(name, wall);
  REQUIRE(added.has_value());
  Settle();
  return std::move(*added);
}

GrantId House::Grant(ViewerId viewer, CameraId camera, Duration length, std::uint8_t rights) {
  const auto added = owner().AddGrant({viewer, camera, rights, wall, wall + length}, wall);
  REQUIRE(added.has_value());
  Settle();
  return *added;
}

void House::Settle() {
  keeper->Settle(now, wall);
  Run();
}

void House::StartFront() {
  keeper->HandleFrontStart(now);
  Run();
  REQUIRE(ToFront<wire::FrontConfig>().has_value());
  Front(wire::FrontReady{8480});
}

void House::StartLane(CameraId camera) {
  keeper->HandleLaneStart(camera, now);
  Run();
  const auto config = ToLane<wire::LaneConfig>(camera);
  REQUIRE(config.has_value());
  CHECK(config->camera == camera);
  Lane(camera, wire::LaneReady{40000});
}

void House::EndLane(CameraId camera) {
  keeper->HandleLaneEnd(camera, now);
  lanes[camera].clear();
  Run();
}

void House::EndFront() {
  keeper->HandleFrontEnd(now);
  front.clear();
  Run();
}

wire::Ticket House::NewTicket(const Secret32& token) {
  return {entropy.MakeId<RequestId>(), access::PrincipalOf(crypto, token)};
}

wire::PublishRequest House::PublishRequest(CameraId camera, const Secret32& token) {
  wire::PublishRequest request;
  request.ticket = NewTicket(token);
  request.camera = camera;
  request.token = token.Duplicate();
  request.offer = "v=0 camera";
  return request;
}

wire::ViewRequest House::ViewRequest(CameraId camera, const Secret32& token) {
  wire::ViewRequest request;
  request.ticket = NewTicket(token);
  request.camera = camera;
  request.token = token.Duplicate();
  request.offer = "v=0 viewer";
  return request;
}

SessionId House::Publish(const Enrolled<CameraId>& camera) {
  auto request = PublishRequest(camera.id, camera.token);
  const wire::Ticket ticket = request.ticket;
  Front(std::move(request));
  const auto offer = ToLane<wire::PublishOffer>(camera.id);
  REQUIRE(offer.has_value());
  CHECK(offer->ticket == ticket);
  CHECK(offer->offer.str() == "v=0 camera");
  Lane(camera.id, wire::PublishAnswer{ticket, offer->session, offer->epoch, "etag", "v=0 hub"});
  const auto answered = ToFront<wire::Answered>();
  REQUIRE(answered.has_value());
  CHECK(answered->ticket == ticket);
  CHECK(answered->session == offer->session);
  CHECK(answered->answer.str() == "v=0 hub");
  wire::LaneStatus status;
  status.epoch = offer->epoch;
  status.state = wire::CameraState::kLive;
  Lane(camera.id, status);
  return offer->session;
}

wire::ViewProof House::ViewUpToProof(const Enrolled<ViewerId>& viewer, CameraId camera, Watching& watching) {
  auto request = ViewRequest(camera, viewer.token);
  watching.ticket = request.ticket;
  Front(std::move(request));
  const auto offer = ToLane<wire::ViewerOffer>(camera);
  REQUIRE(offer.has_value());
  CHECK(offer->ticket == watching.ticket);
  watching.session = offer->session;
  entropy.Fill(watching.fingerprint);
  Lane(camera, wire::ViewerParsed{watching.ticket, offer->session, watching.fingerprint});
  const auto granted = ToFront<wire::Granted>();
  REQUIRE(granted.has_value());
  CHECK(granted->ticket == watching.ticket);
  CHECK(granted->session == watching.session);
  CHECK(granted->grant == offer->grant);
  watching.grant = granted->grant;
  watching.key = access::DeriveViewerKey(crypto, viewer.token, granted->grant);
  return {watching.ticket, watching.session, granted->wrap, watching.key.Duplicate()};
}

Watching House::View(const Enrolled<ViewerId>& viewer, CameraId camera) {
  Watching watching;
  Front(ViewUpToProof(viewer, camera, watching));
  const auto admit = ToLane<wire::ViewerAdmit>(camera);
  REQUIRE(admit.has_value());
  CHECK(admit->ticket == watching.ticket);
  CHECK(admit->session == watching.session);
  CHECK(ConstantTimeEqual(admit->derived_key.Reveal(), watching.key.Reveal()));
  CHECK(Opens(watching, camera, keeper->epoch(camera), admit->rights, admit->not_after, admit->wrap));
  Lane(camera, wire::ViewerAnswer{watching.ticket, watching.session, "etag", "v=0 hub"});
  const auto answered = ToFront<wire::Answered>();
  REQUIRE(answered.has_value());
  CHECK(answered->ticket == watching.ticket);
  CHECK(answered->session == watching.session);
  return watching;
}

bool House::Opens(const Watching& watching, CameraId camera, Epoch epoch, std::uint8_t rights, WallTime until,
                  const wire::WrapBytes& wrap) {
  access::WrapContext context;
  context.camera = camera;
  context.epoch = epoch;
  context.viewer_fingerprint = watching.fingerprint;
  context.rights = rights;
  context.not_after = until;
  const auto grant = access::UnwrapGrant(crypto, watching.key, wrap, context, wall);
  return grant && ConstantTimeEqual(grant->content_key().Reveal(), content_keys[camera].Reveal());
}

int House::RefusedStatus() {
  const auto refused = ToFront<wire::Refused>();
  if (!refused) return 0;
  CHECK_FALSE(ToFront<wire::Refused>().has_value());
  CHECK_FALSE(refused->title.str().empty());
  CHECK_FALSE(refused->detail.str().empty());
  return refused->http_status;
}

void House::ForgetMessages() {
  front.clear();
  lanes.clear();
  others.clear();
}

Home::Home() {
  house.StartFront();
  house.StartLane(camera.id);
  house.StartLane(other_camera.id);
  house.Publish(camera);
  house.Publish(other_camera);
  house.ForgetMessages();
}

}  // namespace latchkey::keeper
