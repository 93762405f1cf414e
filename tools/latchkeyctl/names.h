// People type names and the beginnings of ids; the daemon takes whole ids and nothing else. What stands
// between them is here, in the owner's own tool, and never guesses.
#pragma once

#include <functional>
#include <string>

#include "tools/latchkeyctl/client.h"

namespace latchkey::ctl {

// Shortest beginning of an id that is taken, in digits: a shorter one is a slip of the hand.
constexpr std::size_t kShortestPrefix = 4;

// The whole id of the one item among `items` that `text` means: its name exactly, or the beginning of its
// id. `kind` is what they are: "camera". None, or more than one: a failure that says so.
Outcome<std::string> IdOf(const std::string& kind, const std::string& text, const Json& items);

// The fields of `command` ("grant add") with whole ids wherever it wants one. What is a whole id already is
// not looked up. `ask` puts a list's command to the daemon, as Ask() does.
Outcome<Json> WithWholeIds(const std::string& command, Json fields,
                           const std::function<Outcome<Json>(Json)>& ask);

}  // namespace latchkey::ctl
