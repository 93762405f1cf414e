#include "tests/incidents/home.h"

#include <algorithm>
#include <utility>

#include "daemon/wire/h264.h"
#include "daemon/wire/rtcp_feedback.h"
#include "daemon/wire/rtp.h"
#include "tests/support/catch.h"

namespace latchkey::incidents {
namespace {

constexpr Duration kInterval = milliseconds(40);
constexpr std::uint32_t kGroup = 10;
// More than one packet each, so that one can be lost of each.
constexpr std::size_t kKeyframeBytes = 4000;
constexpr std::size_t kBytes = 1500;
// In front of what fills a picture: its NAL header and slice header, its mark and its number.
constexpr std::size_t kHead = 2 + 8;
constexpr Duration kPatience = seconds(6);
// A publisher counts as live for 2 s after its last packet, and for its first 5 s.
constexpr Duration kNoLongerLive = milliseconds(5200);
constexpr Duration kRetry = milliseconds(300);

bool AsksAgain(const Asking& asking, Instant now) {
  return asking.insists && asking.status != 0 && asking.status != 201 && now >= asking.again;
}

std::string HeaderOf(const ports::HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

// Puts the fragments of one slice together and judges what comes out.
struct Reading {
  std::optional<Sight> sight;
  ByteVector body;

  void Finish(std::vector<Sight>& into) {
    if (!sight) return;
    const std::size_t expected = (sight->keyframe ? kKeyframeBytes : kBytes) - kHead;
    const std::uint8_t filling = lane::test::FillingOf(sight->mark, sight->number);
    sight->whole = body.size() == expected &&
                   std::all_of(body.begin(), body.end(), [&](std::uint8_t byte) { return byte == filling; });
    into.push_back(*sight);
    sight.reset();
    body.clear();
  }
};

}  // namespace

std::size_t HomeViewer::packets() const {
  std::size_t count = 0;
  for (const auto& life : lives) count += life->peer.rtp.size();
  return count;
}

std::vector<Sight> Sights(const lane::test::ViewerEnd& end) {
  std::vector<Sight> sights;
  Reading reading;
  for (const ByteVector& bytes : end.peer.rtp) {
    const auto packet = wire::ParseRtp(bytes);
    REQUIRE(packet);
    if (packet->header.ssrc != end.video().remote_sources.front().ssrc) continue;
    auto payload = wire::ParseH264Payload(packet->payload);
    REQUIRE(payload);
    while (const auto nal = payload->Next()) {
      if (!wire::IsVclNal(nal->type())) continue;
      ByteView body = nal->body;
      if (nal->first) {
        reading.Finish(sights);
        ByteReader reader(body.subspan(1));
        reading.sight = Sight{reader.U32(), reader.U32(), nal->type() == wire::nal::kIdr, false};
        body = reader.Rest();
      }
      reading.body.insert(reading.body.end(), body.begin(), body.end());
    }
    if (packet->header.marker) reading.Finish(sights);
  }
  return sights;
}

Home::Home(std::uint64_t seed) : hub(seed), seed_(seed), next_picture_(hub.now) {
  hub.on_response = [this](ports::HttpExchange exchange, const ports::HttpResponse& response) {
    OnResponse(exchange, response);
  };
  hub.on_time = [this] { OnTime(); };
}

SocketAddress Home::NextAddress() {
  return {IpAddress::V4({192, 0, 2, 77}), next_port_++};
}

HomeCamera& Home::Camera(const std::string& name) {
  HomeCamera& camera = *cameras.emplace_back(std::make_unique<HomeCamera>());
  auto added = hub.owner().AddCamera({name, "", std::nullopt, false}, hub.wall);
  REQUIRE(added.has_value());
  hub.Settle();
  hub.DeliverLetters();
  camera.name = name;
  camera.own = std::move(*added);
  camera.mark = static_cast<std::uint32_t>(0xCA00 + 0x40 * cameras.size());
  camera.tools = std::make_shared<lane::test::PeerTools>(seed_ * 100 + cameras.size());
  return camera;
}

HomeViewer& Home::Viewer(const std::string& name, const HomeCamera& camera) {
  HomeViewer& viewer = *viewers.emplace_back(std::make_unique<HomeViewer>());
  auto added = hub.owner().AddViewer(name, hub.wall);
  REQUIRE(added.has_value());
  const auto granted =
      hub.owner().AddGrant({added->id, camera.own.id, 1, hub.wall, hub.wall + hours(1)}, hub.wall);
  REQUIRE(granted.has_value());
  hub.Settle();
  viewer.name = name;
  viewer.own = std::move(*added);
  viewer.camera = camera.own.id;
  viewer.mark = camera.mark;
  viewer.tools = std::make_shared<lane::test::PeerTools>(seed_ * 100 + 50 + viewers.size());
  return viewer;
}

void Home::Publish(HomeCamera& camera) {
  auto end =
      std::make_unique<lane::test::Camera>(*camera.tools, camera.at.value_or(NextAddress()), camera.mark);
  if (camera.ssrc_of_mark != 0) end->SendUnderSsrcOf(camera.ssrc_of_mark);
  end->pictures = camera.numbers;
  end->sound = camera.sound;
  if (!camera.lives.empty()) camera.end().peer.mute = true;  // it has forgotten the session before
  camera.asking.status = 0;
  camera.asking.offer = end->Offer();
  camera.sent.clear();
  camera.lives.push_back(std::move(end));
  camera.asking.exchange = hub.Request(ports::HttpMethod::kPost, "/whip/" + camera.own.id.ToHex(),
                                       camera.own.token, camera.asking.offer);
}

void Home::Watch(HomeViewer& viewer) {
  auto end = std::make_unique<lane::test::ViewerEnd>(*viewer.tools, NextAddress());
  viewer.asking.status = 0;
  viewer.asking.offer = end->Offer();
  viewer.lives.push_back(std::move(end));
  viewer.asking.exchange = hub.Request(ports::HttpMethod::kPost, "/whep/" + viewer.camera.ToHex(),
                                       viewer.own.token, viewer.asking.offer);
}

void Home::OnResponse(ports::HttpExchange exchange, const ports::HttpResponse& response) {
  const auto take = [&](auto& devices) {
    for (auto& device : devices) {
      Asking& asking = device->asking;
      if (asking.exchange != exchange) continue;
      asking.status = response.status;
      asking.location = HeaderOf(response, "Location");
      asking.again = hub.now + kRetry;
      if (response.status != 201) return true;
      device->end().peer.Begin(asking.offer, response.body, hub.now);
      hub.Plug(device->end().peer);
      return true;
    }
    return false;
  };
  if (!take(cameras) && !take(viewers)) unheard.push_back(exchange);
}

void Home::OnTime() {
  for (auto& camera : cameras) {
    if (AsksAgain(camera->asking, hub.now)) Publish(*camera);
  }
  for (auto& viewer : viewers) {
    if (AsksAgain(viewer->asking, hub.now)) Watch(*viewer);
  }
  if (hub.now < next_picture_) return;
  next_picture_ = hub.now + kInterval;
  for (auto& camera : cameras) {
    if (!camera->films || !camera->connected() || camera->end().peer.mute) continue;
    lane::test::Camera& end = camera->end();
    const bool keyframe = HearHub(*camera) || camera->sent.empty() || end.pictures % kGroup == 0;
    end.SendPicture(keyframe, keyframe ? kKeyframeBytes : kBytes, hub.now);
    camera->numbers = end.pictures;
    for (const ByteVector& bytes : end.peer.out) {
      if (bytes.size() < 12 || (bytes[1] & 0x7fU) < 96) continue;
      camera->sent[static_cast<std::uint16_t>((bytes[2] << 8U) | bytes[3])] = bytes;
    }
  }
}

// Sends again what was asked for, byte for byte. Returns whether a keyframe is wanted.
bool Home::HearHub(HomeCamera& camera) {
  lane::test::Peer& peer = camera.end().peer;
  bool wanted = false;
  for (const ByteVector& compound : peer.rtcp) {
    const auto parsed = wire::ParseRtcp(compound);
    REQUIRE(parsed);
    for (const wire::RtcpBlock& block : *parsed) {
      wanted = wanted || block.kind == wire::RtcpKind::kPli || block.kind == wire::RtcpKind::kFir;
      const auto nack = wire::ParseNack(block);
      if (!nack || !camera.repairs) continue;
      nack->ForEach([&](std::uint16_t sequence) {
        const auto at = camera.sent.find(sequence);
        if (at != camera.sent.end()) peer.SendRaw(at->second);
      });
    }
  }
  peer.rtcp.clear();
  return wanted;
}

void Home::SwitchOff(HomeCamera& camera) {
  camera.end().peer.mute = true;
  hub.Run(kNoLongerLive);
}

void Home::PublishAndConnect(HomeCamera& camera) {
  Publish(camera);
  Connect(camera);
}

void Home::WatchAndConnect(HomeViewer& viewer) {
  Watch(viewer);
  Connect(viewer);
}

template <class Device>
void Home::Connect(Device& device) {
  const bool insisted = std::exchange(device.asking.insists, true);
  const Instant end = hub.now + kPatience;
  while (hub.now < end && !device.connected()) hub.Step();
  device.asking.insists = insisted;
  REQUIRE(device.connected());
}

bool Home::Sees(HomeViewer& viewer, std::size_t pictures, Duration patience) {
  const Instant end = hub.now + patience;
  while (hub.now < end) {
    if (viewer.connected() && Sights(viewer.end()).size() >= pictures) return true;
    hub.Run(kInterval);
  }
  return false;
}

void Home::CheckEverySight() const {
  for (const auto& viewer : viewers) {
    for (const auto& life : viewer->lives) {
      if (!life->peer.connected()) continue;
      std::optional<std::uint32_t> last;
      for (const Sight& sight : Sights(*life)) {
        INFO(viewer->name << " was shown picture " << sight.number << " of " << std::hex << sight.mark);
        CHECK(sight.mark == viewer->mark);
        CHECK(sight.whole);
        if (last) CHECK(sight.number > *last);
        // What is no keyframe is a change to the picture before, and to no other.
        if (!sight.keyframe) CHECK((last && sight.number == *last + 1));
        last = sight.number;
      }
    }
  }
}

}  // namespace latchkey::incidents
