// The control socket's language: one JSON object in, one out (PROTOCOL.md "The control socket"). JSON lives
// here and nowhere else in the keeper.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "daemon/keeper/keeper.h"

namespace latchkey::keeper {

// Longest command taken, in bytes.
constexpr std::size_t kMaxControlCommand = 64 * 1024;
// Items of a list in one reply; the rest is asked for with "after".
constexpr std::size_t kControlPage = 128;

// Carries out one command. The reply fits one record; the caller sends it and wipes it (a new token may be
// in it). `base_url` is what publish URLs begin with: "http://127.0.0.1:8480". `carry_out` carries out the
// keeper's effects: called before the disk is waited for, where pictures have to end at once.
std::string AnswerControl(Keeper& keeper, std::string_view command, std::string_view base_url, Instant now,
                          WallTime wall, const std::function<void()>& carry_out);
// How an error begins that tells of a suspension which stands all the same; its id follows.
constexpr std::string_view kSuspended = "suspended (";
// It is a reply to an order to suspend, which stands: on disk, or not.
[[nodiscard]] bool TellsOfSuspension(std::string_view reply);
// What it becomes when not all lanes have said that they are dark. `name`: of a camera among them.
std::string NotDarkReply(const std::string& reply, const std::string& name);
// Of a camera that was added with SDES: its lane's port is known only when it runs. Any other reply is as it
// was.
std::string AddSdesPort(std::string reply, std::uint16_t port);

}  // namespace latchkey::keeper
