// What a child's exit status tells the keeper. See daemon/PROTOCOL.md.
#pragma once

namespace latchkey::wire {

// The front can't serve on the port it was given, and has said why in its log.
constexpr int kFrontExitCannotServe = 3;

}  // namespace latchkey::wire
