// What the hub counts, for Prometheus: no names of cameras or people.
#pragma once

#include <string>

#include "daemon/keeper/books.h"
#include "daemon/keeper/page_desk.h"

namespace latchkey::keeper {

// Text exposition format 0.0.4. A camera is labelled by the first 8 digits of its id: enough to tell them
// apart, and not an address. Fits a wire::Metrics with kMaxCameras cameras.
std::string MetricsText(Books& books, const PageDesk& pages, Instant now);

}  // namespace latchkey::keeper
