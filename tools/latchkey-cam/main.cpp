// latchkey-cam: a camera by WHIP. Test pattern, files, RTSP and V4L2 in; SRTP to the hub out.
#include <cstdio>
#include <string>
#include <vector>

#include "daemon/base/version.h"
#include "tools/latchkey-cam/camera.h"
#include "tools/media/cli.h"
#include "tools/media/pattern.h"

namespace {

using namespace latchkey;

struct Flags {
  media::CommonFlags common;
  std::string whip;
  std::string codec = "h264";
  std::string size;
  std::string mark;
  std::string key;
  bool sdes = false;
  media::SourceOptions source;
};

int Complain(const std::string& what) {
  (void)std::fprintf(stderr, "latchkey-cam: %s\n", what.c_str());
  return media::kExitUsage;
}

void Declare(CLI::App& app, Flags& flags) {
  app.add_option("--whip", flags.whip, "the camera's publish URL")->required();
  app.add_option("--source", flags.source.spec, "pattern | FILE | rtsp://… | /dev/videoN")
      ->capture_default_str();
  app.add_option("--codec", flags.codec, "h264 | vp8")
      ->check(CLI::IsMember({"h264", "vp8"}))
      ->capture_default_str();
  app.add_option("--mark", flags.mark, "draw a machine-readable mark of this text into each picture");
  app.add_option("--gop", flags.source.gop_seconds, "seconds between keyframes, where encoded here")
      ->check(CLI::Range(0.04, 86400.0))
      ->capture_default_str();
  app.add_option("--size", flags.size,
                 "WxH of the encoded picture (default: pattern 1280x720, others as they are)");
  app.add_option("--fps", flags.source.fps, "pictures a second, where encoded here")
      ->check(CLI::Range(1.0, 120.0));
  app.add_option("--bitrate-kbit", flags.source.bitrate_kbit, "of the encoder (default: 2500 at 720p25)")
      ->check(CLI::Range(50, 50000));
  app.add_option("--sky", flags.source.sky, "colour of the test pattern's sky (default: by its mark)")
      ->check(CLI::IsMember(std::vector<std::string>(media::kSkies.begin(), media::kSkies.end())));
  app.add_flag("--tone", flags.source.tone, "a soft tone as sound of the test pattern");
  app.add_flag("--grain", flags.source.grain,
               "a sensor's noise over the test pattern, so that the whole bitrate is used");
  app.add_option("--key", flags.key,
                 "file that keeps the certificate's key, made at first: the hub can pin it then");
  app.add_flag("--sdes", flags.sdes, "keys by SDES instead of DTLS, for a camera that was added with --sdes")
      ->excludes("--key");
  app.set_version_flag("--version", VersionLine("latchkey-cam"));
  flags.common.AddTo(app);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "A camera for Latchkey: publishes a test pattern, a file, an RTSP camera or a V4L2 device by WHIP."};
  Flags flags;
  Declare(app, flags);
  if (const auto code = media::ParseCommandLine(app, argc, argv)) return *code;
  if (!flags.size.empty()) {
    const auto size = media::ParsePictureSize(flags.size);
    if (!size) return Complain("--size takes WxH, both even, from 160x90 to 4096x2304");
    flags.source.width = size->width;
    flags.source.height = size->height;
  }
  if (!flags.mark.empty()) flags.source.mark = flags.mark;
  flags.source.codec = flags.codec == "vp8" ? wire::Codec::kVp8 : wire::Codec::kH264;
  const auto http = flags.common.Http();
  if (!http) return Complain(http.error().message);
  return cam::RunCamera({flags.whip, *http, flags.common.impairments(), flags.source, flags.common.duration_s,
                         flags.common.json, flags.key, flags.sdes});
}
