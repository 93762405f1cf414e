// The running camera: a source in its thread, a connection on the loop, signals, the report.
#pragma once

#include <string>

#include "tools/media/http_client.h"
#include "tools/media/impair.h"
#include "tools/media/source.h"

namespace latchkey::cam {

struct CameraOptions {
  std::string whip;
  media::HttpOptions http;
  media::ImpairOptions impairments;
  media::SourceOptions source;
  double duration_s = 0;  // 0: until SIGINT or SIGTERM
  bool json = false;
  std::string key_file;  // of the certificate; empty: another each time
  bool sdes = false;     // keys by SDES (RFC 4568) instead of DTLS
};

// Until the end; the program's exit code. 0: it was connected · 2: the source can't be used · 5: refused, or
// never connected.
int RunCamera(const CameraOptions& options);

}  // namespace latchkey::cam
