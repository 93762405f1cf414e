// What moves the path of an ICE-lite agent, and what does not: nominations, media, restarts.
#include "tests/unit/peer/ice_lite_fixture.h"

namespace latchkey::peer {
namespace {

TEST_CASE_METHOD(IceLiteTest, "ice: a recorded nomination, however old, moves nothing once media flows") {
  const Request recorded = Check(true);
  Send(recorded);
  ice_.NoteAuthenticMedia({kHub, kPeer}, now_);
  for (std::size_t i = 0; i < kRememberedTransactions + 1; ++i) Send(Check(true));
  CHECK(Send(recorded, kElsewhere).reason == DropReason::kNone);  // no longer known to be a replay
  CHECK(ice_.selected() == IcePair{kHub, kPeer});
}

TEST_CASE_METHOD(IceLiteTest,
                 "ice: a peer that moves is followed with its first authentic media from there") {
  Send(Check(true));
  ice_.NoteAuthenticMedia({kHub, kPeer}, now_);
  ice_.NoteAuthenticMedia({kHub, kElsewhere}, now_);  // not nominated: nothing
  CHECK(ice_.selected() == IcePair{kHub, kPeer});
  Send(Check(true), kElsewhere);
  CHECK(ice_.selected() == IcePair{kHub, kPeer});
  CHECK(ice_.TakesMediaFrom({kHub, kElsewhere}, now_));
  CHECK(ice_.TakesMediaFrom({kHub, kPeer}, now_));
  ice_.NoteAuthenticMedia({kHub, kElsewhere}, now_);
  CHECK(ice_.selected() == IcePair{kHub, kElsewhere});
  CHECK_FALSE(ice_.TakesMediaFrom({kHub, kPeer}, now_));
}

TEST_CASE_METHOD(IceLiteTest, "ice: recorded nominations from elsewhere do not keep a peer from moving") {
  Send(Check(true));
  ice_.NoteAuthenticMedia({kHub, kPeer}, now_);
  Send(Check(true), kElsewhere);
  now_ += milliseconds(1);
  Send(Check(true), {kElsewhere.ip, 6});  // as the replay of one that is no longer known
  Send(Check(true));                      // and under the peer's old address
  ice_.NoteAuthenticMedia({kHub, kElsewhere}, now_);
  CHECK(ice_.selected() == IcePair{kHub, kElsewhere});
}

TEST_CASE_METHOD(IceLiteTest, "ice: a late packet by the old pair does not move the path back") {
  Send(Check(true));
  ice_.NoteAuthenticMedia({kHub, kPeer}, now_);
  Send(Check(true), kElsewhere);
  ice_.NoteAuthenticMedia({kHub, kElsewhere}, now_);
  CHECK_FALSE(ice_.TakesMediaFrom({kHub, kPeer}, now_));
  Send(Check());  // the peer still checks it
  ice_.NoteAuthenticMedia({kHub, kPeer}, now_);
  CHECK(ice_.selected() == IcePair{kHub, kElsewhere});
}

TEST_CASE_METHOD(IceLiteTest, "ice: the last nomination wins in the end, whatever packet is late") {
  Send(Check(true));
  ice_.NoteAuthenticMedia({kHub, kPeer}, now_);
  now_ += milliseconds(1);
  Send(Check(true), kElsewhere);
  now_ += milliseconds(1);
  Send(Check(true));
  ice_.NoteAuthenticMedia({kHub, kElsewhere}, now_);
  ice_.NoteAuthenticMedia({kHub, kPeer}, now_);
  CHECK(ice_.selected() == IcePair{kHub, kPeer});
  CHECK_FALSE(ice_.TakesMediaFrom({kHub, kElsewhere}, now_));
}

TEST_CASE_METHOD(IceLiteTest,
                 "ice: after a restart the first nomination moves the path without waiting for media") {
  Send(Check(true));
  ice_.NoteAuthenticMedia({kHub, kPeer}, now_);
  local_ = MakeIceCredentials(entropy_);
  ice_.Restart(local_);
  Send(Check(true), kElsewhere);
  CHECK(ice_.selected() == IcePair{kHub, kElsewhere});
}

TEST_CASE_METHOD(IceLiteTest, "ice: after a restart the old credentials work until the new ones are used") {
  Send(Check(true));
  const IceCredentials old = local_;
  const IceCredentials fresh = MakeIceCredentials(entropy_);
  ice_.Restart(fresh);
  CHECK(ice_.Owns(old.ufrag));
  CHECK(ice_.Owns(fresh.ufrag));
  CHECK(Send(Check()).reason == DropReason::kNone);
  CHECK(ice_.selected() == IcePair{kHub, kPeer});

  local_ = fresh;
  Send(Check(), kElsewhere);
  CHECK(ice_.selected() == IcePair{kHub, kPeer});  // media goes on until the new path is nominated
  CHECK_FALSE(ice_.Owns(old.ufrag));
  local_ = old;
  CHECK(Send(Check(true)).reason == DropReason::kStunUnauthenticated);

  local_ = fresh;
  Send(Check(true), kElsewhere);
  CHECK(ice_.selected() == IcePair{kHub, kElsewhere});
  CHECK_FALSE(ice_.IsValid({kHub, kPeer}));
}

TEST_CASE_METHOD(IceLiteTest,
                 "ice: a second restart before the first was used keeps the working credentials") {
  Send(Check(true));
  ice_.Restart(MakeIceCredentials(entropy_));
  const IceCredentials last = MakeIceCredentials(entropy_);
  ice_.Restart(last);
  CHECK(Send(Check()).reason == DropReason::kNone);
  local_ = last;
  CHECK(Send(Check(true)).reason == DropReason::kNone);
  CHECK(ice_.IsValid({kHub, kPeer}));
}

}  // namespace
}  // namespace latchkey::peer
