#include "tests/incidents/hub.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tests/support/catch.h"

namespace latchkey::incidents {
namespace {

constexpr std::uint16_t kFirstPort = 47000;
// A deadline that stays in the past would be a busy loop.
constexpr int kMaxTurns = 2000;
constexpr Duration kLongestPause = milliseconds(10);

const std::string kHost = "127.0.0.1:8480";

}  // namespace

Hub::Hub(std::uint64_t seed) : entropy(seed), front_entropy(~seed), seed_(seed) {
  auto made = platform::Ed25519Signer::Create(Secret32());
  REQUIRE(made.has_value());
  signer_ = std::move(*made);
  RestartDaemon();
}

void Hub::RestartDaemon() {
  auto loaded = keeper::Registry::Load(store, crypto, entropy, secret_);
  REQUIRE(loaded.has_value());
  broken_.insert(broken_.end(), open_.begin(), open_.end());
  open_.clear();
  keeper_.reset();
  front_.reset();
  front_process_ = 0;
  for (auto& [camera, lane] : lanes_) {
    lane.machine.reset();
    lane.process = 0;
  }
  letters_.clear();
  registry_ = std::move(*loaded);
  const auto last = log.records.empty() ? std::nullopt : std::optional(log.records.back());
  book_ = std::make_unique<keeper::AuditBook>(crypto, *signer_,
                                              ports::AuditLogId(ports::AuditLogId::Bytes{1}), last);
  keeper_ = std::make_unique<keeper::Keeper>(*registry_, *book_, crypto, entropy, keeper::Settings{});
  keeper_->HandleStart(now, wall);
  keeper_->Settle(now, wall);
  CarryOut();
  StartChildren();
  DeliverLetters();
  REQUIRE(keeper_->AllReady());
}

void Hub::Settle() {
  keeper_->Settle(now, wall);
  CarryOut();
}

void Hub::KillFront() {
  broken_.insert(broken_.end(), open_.begin(), open_.end());
  open_.clear();
  front_.reset();
  front_process_ = 0;
  keeper_->HandleFrontEnd(now);
  CarryOut();
}

void Hub::KillLane(CameraId camera) {
  LaneProcess& lane = lanes_.at(camera);
  lane.machine.reset();
  lane.process = 0;
  keeper_->HandleLaneEnd(camera, now);
  CarryOut();
}

// Those that the keeper wants and that do not run.
void Hub::StartChildren() {
  if (front_process_ == 0) {
    front_process_ = ++processes_;
    keeper_->HandleFrontStart(now);
    CarryOut();
  }
  for (auto& [camera, lane] : lanes_) {
    if (lane.process != 0) continue;
    lane.process = ++processes_;
    keeper_->HandleLaneStart(camera, now);
    CarryOut();
  }
}

void Hub::Post(Channel channel, CameraId camera, std::uint64_t process, ByteVector record) {
  Letter letter{channel, camera, process, std::move(record)};
  if (meddling.tamper) meddling.tamper(letter);
  letters_.push_back(std::move(letter));
}

void Hub::CarryOut() {
  for (auto effects = keeper_->TakeEffects(); !effects.empty(); effects = keeper_->TakeEffects()) {
    for (keeper::Effect& effect : effects) Do(effect);
  }
  if (!keeper_->IsConsistent()) FAIL("the keeper is not consistent");
}

void Hub::Do(keeper::Effect& effect) {
  if (auto* to_front = std::get_if<keeper::ToFront>(&effect)) {
    Post(Channel::kKeeperToFront, {}, front_process_, wire::EncodeIpcVariant(to_front->message));
  } else if (auto* to_lane = std::get_if<keeper::ToLane>(&effect)) {
    const LaneProcess& lane = lanes_.at(to_lane->camera);
    Post(Channel::kKeeperToLane, to_lane->camera, lane.process, wire::EncodeIpcVariant(to_lane->message));
  } else if (const auto* start = std::get_if<keeper::StartLane>(&effect)) {
    if (lanes_.contains(start->camera)) return;
    const auto port = static_cast<std::uint16_t>(kFirstPort + lanes_.size());
    lanes_[start->camera].address = {IpAddress::V4({192, 0, 2, 1}), port};
  } else if (const auto* stop = std::get_if<keeper::StopLane>(&effect)) {
    lanes_.erase(stop->camera);
  } else if (const auto* again = std::get_if<keeper::RestartLane>(&effect)) {
    KillLane(again->camera);
  } else if (const auto* end = std::get_if<keeper::EndLane>(&effect)) {
    violations_.push_back(end->why);
    KillLane(end->camera);
  } else if (const auto* front_end = std::get_if<keeper::EndFront>(&effect)) {
    violations_.push_back(front_end->why);
    KillFront();
  } else if (const auto* notice = std::get_if<keeper::Notice>(&effect)) {
    notices_.push_back(notice->text);
  } else if (auto* write = std::get_if<keeper::WriteAudit>(&effect)) {
    auto& records = write->batch.records;
    log.records.insert(log.records.end(), records.begin(), records.end());
    log.head = write->batch.head;
    keeper_->HandleAuditWritten(true, now, wall);
  } else if (std::holds_alternative<keeper::KeepSuspensions>(effect)) {
    keeper_->KeepSuspensions(now, wall);
  } else if (const auto* wanted = std::get_if<keeper::ReserveIndex>(&effect)) {
    keeper_->HandleIndexReserved(*wanted, store.ReserveIndex(wanted->camera, wanted->key, wanted->source),
                                 now, wall);
  }
}

bool Hub::Noticed(std::string_view words) const {
  return std::any_of(notices_.begin(), notices_.end(),
                     [&](const std::string& text) { return text.find(words) != std::string::npos; });
}

ports::HttpExchange Hub::Request(ports::HttpMethod method, const std::string& path, const Secret32& token,
                                 const std::string& body) {
  exchange_ = exchange_.Next();
  ports::HttpRequest request;
  request.method = method;
  request.path = path;
  request.host = kHost;
  request.peer = {IpAddress::V4({127, 0, 0, 1}), 40000};
  request.local = {IpAddress::V4({127, 0, 0, 1}), 8480};
  request.authorization = "Bearer lk_" + internal::HexEncode(token.Reveal());
  request.content_type =
      method == ports::HttpMethod::kPatch ? "application/trickle-ice-sdpfrag" : "application/sdp";
  request.if_match = method == ports::HttpMethod::kPatch ? "*" : "";
  request.body = body;
  const auto exchange = exchange_;
  if (!front_) {
    broken_.push_back(exchange);
    return exchange;
  }
  open_.push_back(exchange);
  front_->HandleHttp(exchange, std::move(request), now);
  CollectFront();
  return exchange;
}

void Hub::Leave(ports::HttpExchange exchange) {
  if (!front_) return;
  std::erase(open_, exchange);
  front_->HandleGone(exchange);
  CollectFront();
}

void Hub::CollectFront() {
  for (front::FrontEffect& effect : front_->TakeEffects()) {
    if (auto* message = std::get_if<wire::FrontToKeeper>(&effect)) {
      Post(Channel::kFrontToKeeper, {}, front_process_, wire::EncodeIpcVariant(*message));
    } else if (auto* reply = std::get_if<front::Reply>(&effect)) {
      std::erase(open_, reply->exchange);
      answered_.push_back(std::move(*reply));
    }
  }
  if (!front_->IsConsistent()) FAIL("the front is not consistent");
}

void Hub::Deliver(Letter letter) {
  const bool of_front = letter.camera.IsNull();
  const auto lane = lanes_.find(letter.camera);
  if (!of_front && lane == lanes_.end()) return;
  if (letter.process != (of_front ? front_process_ : lane->second.process)) return;
  switch (letter.channel) {
    case Channel::kFrontToKeeper: {
      auto message = wire::DecodeIpc<wire::FrontToKeeper>(letter.record);
      REQUIRE(message.has_value());
      keeper_->HandleFront(std::move(*message), now, wall);
      return CarryOut();
    }
    case Channel::kLaneToKeeper: {
      auto message = wire::DecodeIpc<wire::LaneToKeeper>(letter.record);
      REQUIRE(message.has_value());
      keeper_->HandleLane(letter.camera, std::move(*message), now, wall);
      return CarryOut();
    }
    case Channel::kKeeperToFront: {
      auto message = wire::DecodeIpc<wire::KeeperToFront>(letter.record);
      REQUIRE(message.has_value());
      if (std::holds_alternative<wire::FrontConfig>(*message)) {
        front::FrontOptions options{{"127.0.0.1"}, 8480, false, false};
        front_ = std::make_unique<front::Front>(std::move(options), crypto, front_entropy);
        return Post(Channel::kFrontToKeeper, {}, front_process_, wire::EncodeIpc(wire::FrontReady{8480}));
      }
      if (!front_) return;
      front_->HandleKeeper(std::move(*message), now);
      return CollectFront();
    }
    case Channel::kKeeperToLane: {
      auto message = wire::DecodeIpc<wire::KeeperToLane>(letter.record);
      REQUIRE(message.has_value());
      DeliverToLane(lane->second, std::move(*message));
      return Collect(letter.camera);
    }
  }
}

void Hub::DeliverToLane(LaneProcess& lane, wire::KeeperToLane message) {
  if (auto* config = std::get_if<wire::LaneConfig>(&message)) {
    if (changed.cache_bytes > 0) {
      config->cache_bytes = changed.cache_bytes;
      config->cache_frames = changed.cache_frames;
      config->cache_age = changed.cache_age;
    }
    lane.tools = std::make_unique<lane::test::PeerTools>(seed_ * 1000 + lane.process);
    lane.machine = std::make_unique<lane::Lane>(
        *config, lane::Reach{{lane.address}},
        lane::LanePorts{lane.tools->crypto, lane.tools->entropy, *lane.tools->dtls, lane.tools->srtp}, now);
    return Post(Channel::kLaneToKeeper, config->camera, lane.process,
                wire::EncodeIpc(wire::LaneReady{lane.address.port}));
  }
  if (lane.machine) lane.machine->HandleMessage(std::move(message), now, wall);
}

// What a lane wants carried out after an input.
void Hub::Collect(CameraId camera) {
  LaneProcess& lane = lanes_.at(camera);
  if (!lane.machine) return;
  for (int turns = 0;; ++turns) {
    const DatagramBatch& batch = lane.machine->datagrams();
    for (const Outgoing& entry : batch.entries()) {
      const ByteView bytes = batch.BytesOf(entry);
      parcels_.push_back({entry.from, entry.to, {bytes.begin(), bytes.end()}});
    }
    lane.machine->DatagramsSent(now);
    (void)lane.machine->TakeSilenced();
    for (auto& message : lane.machine->TakeMessages())
      Post(Channel::kLaneToKeeper, camera, lane.process, wire::EncodeIpcVariant(message));
    if (lane.machine->NextDeadline() > now) break;
    if (turns > kMaxTurns) FAIL("a lane's deadline stays in the past");
    lane.machine->HandleTimeout(now, wall);
  }
  if (!lane.machine->IsConsistent()) FAIL("a lane is not consistent");
}

void Hub::Deliver(const Parcel& parcel) {
  if (meddling.loses && meddling.loses(parcel)) return;
  for (auto& [camera, lane] : lanes_) {
    if (lane.address != parcel.to || !lane.machine) continue;
    ByteVector bytes = parcel.bytes;
    const std::array<ReceivedDatagram, 1> one{ReceivedDatagram{parcel.from, parcel.to, bytes}};
    lane.machine->HandleDatagrams(one, now, wall);
    return Collect(camera);
  }
  for (lane::test::Peer* peer : peers_) {
    if (peer->address() == parcel.to) peer->Receive(parcel.bytes, parcel.from, now);
  }
}

bool Hub::DrainPeers() {
  bool any = false;
  for (lane::test::Peer* peer : peers_) {
    peer->Work(now);
    for (; !peer->out.empty(); peer->out.pop_front()) {
      if (peer->mute) continue;
      parcels_.push_back({peer->address(), peer->hub(), std::move(peer->out.front())});
      any = true;
    }
  }
  return any;
}

void Hub::Step() {
  Respond();
  StartChildren();
  if (!letters_.empty()) {
    const std::size_t next = meddling.choose ? meddling.choose(letters_) : 0;
    Letter letter = std::move(letters_.at(next));
    letters_.erase(letters_.begin() + static_cast<std::ptrdiff_t>(next));
    return Deliver(std::move(letter));
  }
  if (!parcels_.empty() || DrainPeers()) {
    const Parcel parcel = std::move(parcels_.front());
    parcels_.pop_front();
    return Deliver(parcel);
  }
  GoOn();
}

void Hub::GoOn() {
  Instant next = std::min(now + kLongestPause, keeper_->NextTimeout());
  if (front_ && front_->NextDeadline()) next = std::min(next, *front_->NextDeadline());
  for (const auto& [camera, lane] : lanes_) {
    if (lane.machine) next = std::min(next, lane.machine->NextDeadline());
  }
  for (const lane::test::Peer* peer : peers_) {
    if (const auto due = peer->NextDeadline()) next = std::min(next, *due);
  }
  next = std::max(next, now + microseconds(100));
  wall += next - now;
  now = next;
  keeper_->HandleTimeout(now, wall);
  CarryOut();
  if (front_) {
    front_->HandleTime(now);
    CollectFront();
  }
  for (auto& [camera, lane] : lanes_) {
    if (!lane.machine || lane.machine->NextDeadline() > now) continue;
    lane.machine->HandleTimeout(now, wall);
    Collect(camera);
  }
  if (on_time) on_time();
}

// Responses arrive with the next step, when whoever asked knows which is its own.
void Hub::Respond() {
  for (front::Reply& reply : std::exchange(answered_, {})) {
    if (on_response) on_response(reply.exchange, std::move(reply.response));
  }
  for (const ports::HttpExchange exchange : std::exchange(broken_, {})) {
    if (on_response) on_response(exchange, {503, {}, {}});
  }
}

void Hub::Run(Duration length) {
  const Instant end = now + length;
  while (now < end) Step();
}

void Hub::DeliverLetters() {
  do {
    StartChildren();
    while (!letters_.empty()) {
      const std::size_t next = meddling.choose ? meddling.choose(letters_) : 0;
      Letter letter = std::move(letters_.at(next));
      letters_.erase(letters_.begin() + static_cast<std::ptrdiff_t>(next));
      Deliver(std::move(letter));
    }
  } while (front_process_ == 0 || std::any_of(lanes_.begin(), lanes_.end(),
                                              [](const auto& lane) { return lane.second.process == 0; }));
}

}  // namespace latchkey::incidents
