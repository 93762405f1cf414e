// Answers as people read them.
#pragma once

#include <string>
#include <string_view>

#include "tools/latchkeyctl/client.h"

namespace latchkey::ctl {

// The text for the answer to `command` ("camera list"), ending with a newline.
std::string Render(std::string_view command, const Json& answer);

// `status` with exactly the keys that are promised to scripts.
Json StatusForScripts(const Json& answer);

}  // namespace latchkey::ctl
