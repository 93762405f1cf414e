// What the hub's children are told, looked at.
#include <algorithm>
#include <utility>

#include "daemon/base/check.h"
#include "tests/fuzz/keeper_hub.h"

namespace latchkey::fuzz {
namespace {

// What one input may cause: an end of each question and session, a list for each page, and some more.
constexpr std::size_t kMaxEffects =
    2 * (keeper::kMaxQuestions + 3 * (keeper::kMaxViewersPerCamera + 1)) + 2 * keeper::kMaxSubscriptions + 64;

}  // namespace

void HostileHub::CarryOut(Speaker speaker) {
  std::size_t count = 0;
  for (auto effects = keeper_->TakeEffects(); !effects.empty(); effects = keeper_->TakeEffects()) {
    count += effects.size();
    LATCHKEY_CHECK(count <= kMaxEffects);
    for (keeper::Effect& effect : effects) Do(effect, speaker);
  }
  LATCHKEY_CHECK(keeper_->IsConsistent());
  for (const CameraId camera : std::exchange(ending_, {})) EndLane(camera);
  if (std::exchange(ending_front_, false)) EndFront();
  for (auto& letter : std::exchange(honest_letters_, {})) AnswerHonestly(std::move(letter));
}

void HostileHub::Do(keeper::Effect& effect, Speaker speaker) {
  if (auto* to_front = std::get_if<keeper::ToFront>(&effect)) {
    Look(to_front->message, speaker);
    if (honest_front_) answers_.push_back(std::move(to_front->message));
  } else if (auto* to_lane = std::get_if<keeper::ToLane>(&effect)) {
    Look(to_lane->camera, to_lane->message);
    if (to_lane->camera == camera_ids_.at(0)) honest_letters_.push_back(std::move(to_lane->message));
  } else if (const auto* end = std::get_if<keeper::EndLane>(&effect)) {
    // Whoever broke the conversation, and nobody else; with time, whoever fell silent.
    LATCHKEY_CHECK(end->camera != camera_ids_.at(0));
    LATCHKEY_CHECK(!speaker || *speaker == end->camera);
    if (std::find(ending_.begin(), ending_.end(), end->camera) == ending_.end())
      ending_.push_back(end->camera);
  } else if (std::holds_alternative<keeper::EndFront>(effect)) {
    LATCHKEY_CHECK(!honest_front_ && speaker && speaker->IsNull());
    ending_front_ = true;
  } else if (const auto* again = std::get_if<keeper::RestartLane>(&effect)) {
    LATCHKEY_CHECK(again->camera != camera_ids_.at(0));
    ending_.push_back(again->camera);
  } else if (std::holds_alternative<keeper::WriteAudit>(effect)) {
    keeper_->HandleAuditWritten(true, now_, wall_);
  } else if (const auto* wanted = std::get_if<keeper::ReserveIndex>(&effect)) {
    LATCHKEY_CHECK(wanted->camera == camera_ids_.back());
    indices_.push_back(*wanted);
    LATCHKEY_CHECK(indices_.size() <= keeper::kIndexBlocks);
  }
}

// No key or picture is on its way to a viewer without a grant, and no name of a camera; an answer is of the
// lane that was asked.
void HostileHub::Look(const wire::KeeperToFront& message, Speaker speaker) {
  if (const auto* granted = std::get_if<wire::Granted>(&message)) {
    LATCHKEY_CHECK(MaySee(granted->ticket.principal, offered_.at(granted->session)));
    loot_.granted.Note(*granted);
    loot_.grants.Note(granted->grant);
    loot_.wraps.Note(granted->wrap);
    loot_.sessions.Note(granted->session);
  } else if (const auto* answered = std::get_if<wire::Answered>(&message)) {
    const auto published = published_.find(answered->session);
    LATCHKEY_CHECK(speaker ==
                   (published != published_.end() ? published->second : offered_.at(answered->session)));
    const auto viewer = admitted_.find(answered->session);
    if (viewer != admitted_.end()) {
      LATCHKEY_CHECK(viewer->second == answered->ticket.principal);
      LATCHKEY_CHECK(MaySee(viewer->second, offered_.at(answered->session)));
    }
    loot_.sessions.Note(answered->session);
  } else if (const auto* list = std::get_if<wire::CameraList>(&message)) {
    for (const wire::CameraView& view : list->cameras.items())
      LATCHKEY_CHECK(MaySee(list->ticket.principal, view.id));
  }
}

void HostileHub::Look(CameraId camera, const wire::KeeperToLane& message) {
  if (const auto* publish = std::get_if<wire::PublishOffer>(&message)) {
    NewContentKey(camera, publish->content_key);
    LATCHKEY_CHECK(published_.emplace(publish->session, camera).second);
    epochs_.emplace(publish->session, publish->epoch);
    loot_.questions.Note({publish->ticket, publish->session});
    loot_.sessions.Note(publish->session);
  } else if (const auto* begin = std::get_if<wire::EpochBegin>(&message)) {
    NewContentKey(camera, begin->content_key);
  } else if (const auto* offer = std::get_if<wire::ViewerOffer>(&message)) {
    LATCHKEY_CHECK(MaySee(offer->ticket.principal, camera));
    LATCHKEY_CHECK(offered_.emplace(offer->session, camera).second);
    loot_.questions.Note({offer->ticket, offer->session});
    loot_.sessions.Note(offer->session);
    loot_.grants.Note(offer->grant);
  } else if (const auto* admit = std::get_if<wire::ViewerAdmit>(&message)) {
    LATCHKEY_CHECK(MaySee(admit->ticket.principal, camera));
    LATCHKEY_CHECK(offered_.at(admit->session) == camera);
    admitted_[admit->session] = admit->ticket.principal;
    loot_.wraps.Note(admit->wrap);
  } else if (const auto* renewal = std::get_if<wire::WrapRenewal>(&message)) {
    LATCHKEY_CHECK(offered_.at(renewal->session) == camera);
    LATCHKEY_CHECK(MaySee(admitted_.at(renewal->session), camera));
    loot_.wraps.Note(renewal->wrap);
  } else {
    LookAtEnrolled(camera, message);
  }
}

// Its key is its own lane's alone, and nothing is believed before the disk has it.
void HostileHub::LookAtEnrolled(CameraId camera, const wire::KeeperToLane& message) {
  if (const auto* enrolled = std::get_if<wire::SdesBegin>(&message)) {
    LATCHKEY_CHECK(camera == camera_ids_.back());
    LATCHKEY_CHECK(ConstantTimeEqual(enrolled->key.Reveal(), cameras_.back().sdes_key->Reveal()));
    NewContentKey(camera, enrolled->content_key);
    for (const wire::SdesSource& source : enrolled->sources.items())
      LATCHKEY_CHECK(source.from == disk_.FloorOf(source.ssrc));
    loot_.sessions.Note(enrolled->session);
    loot_.enrolled.Note({enrolled->session,
                         ports::DigestOfMasterKey(crypto_, enrolled->key.Reveal().first(ports::SrtpKeyLength(
                                                               ports::SrtpProfile::kAes128CmHmacSha1_80)))});
  } else if (const auto* reserved = std::get_if<wire::IndexReserved>(&message)) {
    LATCHKEY_CHECK(camera == camera_ids_.back());
    LATCHKEY_CHECK(reserved->up_to <= disk_.FloorOf(reserved->ssrc));
  } else if (const auto* admitted = std::get_if<wire::KeyAdmitted>(&message)) {
    const auto* theirs = loot_.enrolled.At(0);
    const bool enrolled_key = theirs != nullptr && admitted->stream_key == theirs->second;
    LATCHKEY_CHECK(!enrolled_key || camera == camera_ids_.back());
  }
}

void HostileHub::WriteIndices() {
  while (!indices_.empty()) {
    const keeper::ReserveIndex wanted = indices_.front();
    indices_.pop_front();
    keeper_->HandleIndexReserved(wanted, disk_.ReserveIndex(wanted.camera, wanted.key, wanted.source), now_,
                                 wall_);
    CarryOut(std::nullopt);
  }
}

// No two cameras have one, and none comes twice.
void HostileHub::NewContentKey(CameraId camera, const Secret32& key) {
  for (const auto& [other, theirs] : content_keys_)
    LATCHKEY_CHECK(!ConstantTimeEqual(theirs.Reveal(), key.Reveal()));
  content_keys_[camera] = key.Duplicate();
}

}  // namespace latchkey::fuzz
