#include "tests/sim/cell.h"

#include <algorithm>
#include <array>
#include <string>

#include "daemon/wire/demux.h"
#include "tests/sim/violation.h"

namespace latchkey::sim {
namespace {

// A turn ends at kTurnBytes; repetitions and reports of all viewers may come on top.
constexpr std::size_t kMaxBatch = lane::kTurnBytes + 512 * 1024;
// A deadline that stays in the past would be a busy loop.
constexpr int kMaxTurns = 2000;

bool Knows(const std::vector<SocketAddress>& list, const SocketAddress& address) {
  return std::find(list.begin(), list.end(), address) != list.end();
}

}  // namespace

Cell::Cell(const CellPlan& plan, std::uint32_t mark, std::uint64_t seed, Recordings& recordings, Instant now,
           WallTime wall)
    : plan_(plan),
      mark_(mark),
      recordings_(recordings),
      random_(seed),
      now_(now),
      began_(now),
      wall_(wall),
      hub_(random_.U64(), plan.real),
      camera_machine_(random_.U64(), plan.real),
      hub_address_{IpAddress::V4({10, 0, static_cast<std::uint8_t>(mark), 1}), 47000},
      keeper_(hub_, config_.camera = hub_.entropy().MakeId<CameraId>()),
      camera_(camera_machine_, {IpAddress::V4({10, 0, static_cast<std::uint8_t>(mark), 2}), 50000}, mark,
              plan.camera, now),
      camera_leg_(plan.camera_weather, random_, now),
      publish_at_(now),
      next_action_(now + Around(plan.script)),
      next_check_(now),
      publishable_since_(now),
      life_since_(now) {
  StartLane();
  for (std::size_t i = 0; i < plan.viewers; ++i) {
    Slot& slot = *slots_.emplace_back(std::make_unique<Slot>(plan, random_.U64(), random_, now));
    slot.next_habit = now + Seconds(Between(random_, 0.5, 5));
    slot.hears = random_.Chance(0.7);
    slot.listens = random_.Chance(0.5);
  }
  next_ = now;
}

void Cell::Step(Instant now) {
  // Somebody's deadline is never met: the world would stand still.
  busy_ = now - now_ > microseconds(1) ? 0 : busy_ + 1;
  Demand(busy_ < kMaxTurns, "a deadline stays in the past");
  now_ = now;
  ++tally_.steps;
  DeliverUp();
  DeliverDown();
  RunScript();
  WorkPeers();
  if (lane_->NextDeadline() <= now_) {
    lane_->HandleTimeout(now_, wall());
    After();
  }
  if (now_ >= next_check_) CheckProgress();
  next_ = ComputeDeadline();
}

Instant Cell::ComputeDeadline() const {
  Instant next = std::min({lane_->NextDeadline(), camera_.NextDeadline(), camera_leg_.NextDeadline(),
                           publish_at_, epoch_at_, next_action_, next_check_});
  for (const auto& slot : slots_) {
    next = std::min({next, slot->leg.NextDeadline(), slot->next_habit, slot->renew_at});
    if (!slot->viewer && slot->wants) next = std::min(next, slot->ask_at);
    if (slot->viewer && !slot->vanished) next = std::min(next, slot->viewer->NextDeadline());
  }
  return std::max(next, now_ + microseconds(1));
}

void Cell::DeliverUp() {
  while (auto datagram = camera_leg_.PollUp(now_)) ToLane(datagram->bytes, datagram->address);
  for (auto& slot : slots_) {
    while (auto datagram = slot->leg.PollUp(now_)) {
      FromViewer(*slot, datagram->bytes, datagram->address);
    }
  }
}

void Cell::DeliverDown() {
  while (auto datagram = camera_leg_.down.Poll(now_)) camera_.Receive(datagram->bytes, hub_address_, now_);
  for (auto& slot : slots_) {
    while (auto datagram = slot->leg.down.Poll(now_)) {
      if (!slot->viewer || slot->vanished || datagram->address != slot->viewer->endpoint.address()) continue;
      const auto frame = slot->viewer->Receive(datagram->bytes, hub_address_, now_);
      if (!frame) continue;
      CheckTold(*slot, *frame);
      ++tally_.shown;
      slot->shown = now_;
    }
  }
}

void Cell::ToLane(MutableByteView bytes, const SocketAddress& from) {
  if (++sampled_ % 16 == 0) {
    if (recordings_.kept.size() < Recordings::kKept) recordings_.kept.emplace_back();
    recordings_.kept[recordings_.next] = {from, ByteVector(bytes.begin(), bytes.end())};
    recordings_.next = (recordings_.next + 1) % Recordings::kKept;
  }
  if (wire::ClassifyDatagram(bytes) == wire::DatagramKind::kRtp) return TakeRtp(bytes, from);
  HandToLane(bytes, from);
}

void Cell::HandToLane(MutableByteView bytes, const SocketAddress& from) {
  const std::array<ReceivedDatagram, 1> one{ReceivedDatagram{from, hub_address_, bytes}};
  lane_->HandleDatagrams(one, now_, wall());
  After();
}

// What the lane wants carried out, and what holds after every input.
void Cell::After() {
  Collect();
  for (int turns = 0; lane_->NextDeadline() <= now_; ++turns) {
    Demand(turns < kMaxTurns, "the lane's deadline stays in the past");
    lane_->HandleTimeout(now_, wall());
    Collect();
  }
  Demand(lane_->IsConsistent(), "the lane is not consistent");
}

void Cell::Collect() {
  const DatagramBatch& batch = lane_->datagrams();
  if (!batch.empty()) {
    Demand(batch.bytes() <= kMaxBatch, "a batch is larger than its bound");
    trace_.Add(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
    for (const Outgoing& entry : batch.entries()) Send(entry, batch.BytesOf(entry));
    lane_->DatagramsSent(now_);
  }
  (void)lane_->TakeSilenced();
  auto messages = lane_->TakeMessages();
  for (auto& message : messages) {
    trace_.Add(message.index());
    if (auto* status = std::get_if<wire::LaneStatus>(&message)) {
      OnStatus(*status);
    } else if (auto* ended = std::get_if<wire::SessionEnded>(&message)) {
      OnEnded(*ended);
    } else {
      inbox_.push_back(std::move(message));
    }
  }
}

void Cell::Send(const Outgoing& entry, ByteView bytes) {
  trace_.Add(entry.size).Add(bytes.last(std::min<std::size_t>(bytes.size(), 8)));
  Demand(entry.from == hub_address_ && entry.size <= 1280,
         "a datagram leaves by another address, or too long");
  if (entry.to == camera_.address()) {
    camera_leg_.down.Offer(now_, entry.to, bytes);
    return;
  }
  Slot* slot = FindAddress(entry.to);
  const bool media = wire::ClassifyDatagram(bytes) == wire::DatagramKind::kRtp;
  Demand(slot != nullptr || !media, "media goes where no session is");
  if (slot == nullptr) return;
  if (media) {
    // Where no RTCP came from yet, a check is enough.
    Demand(Knows(slot->proved, entry.to) || (slot->proved.empty() && Knows(slot->checked, entry.to)),
           "media goes where a viewer has not proved to be");
    SendToViewer(*slot, bytes);
  }
  slot->leg.down.Offer(now_, entry.to, bytes);
}

void Cell::SendToViewer(Slot& slot, ByteView bytes) {
  Viewer& viewer = *slot.viewer;
  Demand(viewer.endpoint.witness() != nullptr, "media before the viewer has keys");
  Demand(slot.session.granted == keeper_.epoch(), "media in an epoch that no wrap names");
  Demand(wall() < slot.session.not_after, "media after the wrap's end");
  CheckSilence();
  const std::uint64_t before = viewer.audit.frames();
  const auto heard = viewer.audit.sound.newest();
  const auto begun = viewer.audit.timestamp();
  if (!viewer.audit.OnRtp(bytes, *viewer.endpoint.witness(), viewer.endpoint.plan())) ++tally_.repeated;
  if (viewer.audit.timestamp() != begun) CheckLead(slot, *viewer.audit.timestamp());
  const auto& sound = viewer.audit.sound.newest();
  if (sound && (!heard || heard->number != sound->number)) {
    ++tally_.sounds;
    return CheckSound(*sound);
  }
  if (viewer.audit.frames() == before) return;
  ++tally_.sent;
  CheckAge(slot, *viewer.audit.newest());
}

void Cell::WorkPeers() {
  if (camera_.NextDeadline() <= now_ || !camera_.over()) {
    const std::uint64_t before = camera_.pictures();
    camera_.Work(now_);
    tally_.filmed += camera_.pictures() - before;
    if (!camera_.over()) Drain(camera_.outbox(), camera_.address(), camera_leg_, false);
  }
  for (auto& slot : slots_) {
    if (!slot->viewer || slot->vanished) continue;
    slot->viewer->Work(now_);
    Drain(slot->viewer->endpoint.outbox(), slot->viewer->endpoint.address(), slot->leg, false);
    if (slot->viewer->endpoint.connected() && slot->connected_since == Instant::max()) {
      slot->connected_since = now_;
    }
  }
  const bool connected = camera_.connected() && camera_session_.has_value();
  if (!connected) {
    camera_connected_since_ = Instant::max();
  } else if (camera_connected_since_ == Instant::max()) {
    camera_connected_since_ = now_;
  }
}

void Cell::Drain(std::vector<ByteVector>& outbox, const SocketAddress& from, Leg& leg, bool mute) {
  if (!mute) {
    for (const ByteVector& bytes : outbox) leg.Up(now_, from, bytes);
  }
  outbox.clear();
}

// Of the session that the slot has: what was under way for one before has an address of its own.
void Cell::NoteCheck(Slot& slot, const SocketAddress& from, ByteView bytes) {
  if (!slot.viewer || slot.viewer->endpoint.address() != from || Knows(slot.checked, from)) return;
  if (wire::ClassifyDatagram(bytes) == wire::DatagramKind::kStun) slot.checked.push_back(from);
}

// RTCP behind a check proves a place, if the lane takes it.
void Cell::FromViewer(Slot& slot, MutableByteView bytes, const SocketAddress& from) {
  NoteCheck(slot, from, bytes);
  const bool proves = wire::ClassifyDatagram(bytes) == wire::DatagramKind::kRtcp &&
                      Knows(slot.checked, from) && !Knows(slot.proved, from);
  if (proves) slot.proved.push_back(from);
  const std::uint64_t dropped = lane_->drops().total();
  ToLane(bytes, from);
  if (proves && lane_->drops().total() != dropped) std::erase(slot.proved, from);
}

Cell::Slot* Cell::FindAddress(const SocketAddress& address) {
  for (auto& slot : slots_) {
    if (!slot->viewer) continue;
    if (Knows(slot->checked, address) || slot->viewer->endpoint.address() == address) return slot.get();
  }
  return nullptr;
}

Cell::Slot* Cell::FindSession(const SessionId& id) {
  for (auto& slot : slots_) {
    if (slot->viewer && slot->session.id == id) return slot.get();
  }
  return nullptr;
}

}  // namespace latchkey::sim
