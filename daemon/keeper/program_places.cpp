// Where the hub's parts are reached: addresses and ports.
#include <algorithm>

#include "daemon/keeper/program.h"
#include "platform/net/local_addresses.h"

namespace latchkey::keeper {

std::vector<IpAddress> LanAddresses(const Config& config) {
  return MediaAddresses(config.media, platform::LocalAddresses(false));
}

Status CheckReach(const ProgramOptions& options) {
  if (options.loopback) return {};
  const std::vector<IpAddress> machine = platform::LocalAddresses(false);
  if (!MediaAddresses(options.config.media, machine).empty()) return {};
  return Fail(ErrorCode::kNotFound,
              WithoutMedia(options.config.media, machine).empty()
                  ? "this machine has no LAN address yet: connect it, or name one in media.addresses, or use "
                    "--loopback"
                  : "none of this machine's addresses is private: name the LAN's in media.addresses, or use "
                    "--loopback");
}

void Program::WarnOfAddresses() {
  if (options_.loopback) return;
  for (const IpAddress& address : WithoutMedia(options_.config.media, platform::LocalAddresses(false))) {
    log_.Warning(
        "no media goes by this address, which is not private: if it is the LAN's, name in media.addresses "
        "all that media shall go by",
        {{"address", address}});
  }
}

std::vector<std::string> Program::LaneArguments(CameraId camera) {
  std::vector<std::string> arguments{"--udp-port", std::to_string(PortOf(camera))};
  std::vector<IpAddress> addresses;
  if (options_.loopback) {
    addresses.push_back(IpAddress::V4({127, 0, 0, 1}));
  } else {
    addresses = LanAddresses(options_.config);
  }
  for (const IpAddress& address : addresses) {
    arguments.emplace_back("--address");
    arguments.push_back(address.ToString());
  }
  return arguments;
}

std::uint16_t Program::PortOf(CameraId camera) {
  // Its sender was told the port once.
  const ports::CameraRecord* record = keeper_.registry().FindCamera(camera);
  if (record != nullptr && record->enrolment && record->enrolment->port != 0) return record->enrolment->port;
  if (options_.loopback) return 0;
  if (const auto at = ports_.find(camera); at != ports_.end()) return at->second;
  const auto& media = options_.config.media;
  for (std::uint32_t port = media.udp_port_first;
       port < std::uint32_t{media.udp_port_first} + media.udp_port_count; ++port) {
    const bool taken =
        std::any_of(ports_.begin(), ports_.end(), [&](const auto& p) { return p.second == port; });
    const auto& cameras = keeper_.registry().cameras();
    const bool promised = std::any_of(cameras.begin(), cameras.end(), [&](const ports::CameraRecord& c) {
      return c.enrolment && c.enrolment->port == port;
    });
    if (taken || promised) continue;
    ports_[camera] = static_cast<std::uint16_t>(port);
    return ports_[camera];
  }
  log_.Error("all of media.udp_port_count are taken: a lane gets any port", {{"camera", camera}});
  return 0;
}

std::string Program::BaseUrl() const {
  if (options_.loopback) return "http://127.0.0.1:" + std::to_string(keeper_.http_port());
  return LanUrl(options_.config.http, LanAddresses(options_.config), keeper_.http_port());
}

}  // namespace latchkey::keeper
