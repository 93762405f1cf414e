// An owner who talks to a keeper over the control socket's language.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "daemon/keeper/control.h"
#include "tests/unit/keeper/house.h"

namespace latchkey::keeper {

using Json = nlohmann::json;

class Owner {
 public:
  House house;

  Json Ask(const Json& command) { return AskText(command.dump()); }
  Json AskText(const std::string& text) {
    const std::string reply = AnswerControl(*house.keeper, text, "http://127.0.0.1:8480", house.now,
                                            house.wall, [&] { house.Run(); });
    house.Run();
    CHECK(reply.size() < 96 * 1024);
    CHECK(reply.find('\n') == std::string::npos);
    return Json::parse(reply);
  }
  Json Ok(const Json& command) {
    Json reply = Ask(command);
    INFO(reply.dump());
    REQUIRE(reply.contains("ok"));
    return reply["ok"];
  }
  std::string Error(const Json& command) {
    const Json reply = Ask(command);
    INFO(reply.dump());
    REQUIRE(reply.contains("error"));
    return reply["error"];
  }
};

inline std::set<std::string> KeysOf(const Json& object) {
  std::set<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.insert(key);
  return keys;
}
using Keys = std::set<std::string>;

}  // namespace latchkey::keeper
