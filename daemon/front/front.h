// The front as one machine without sockets: requests and the keeper's replies in, responses and questions
// out. It decides nothing about who may see what; it carries each question to the keeper with its token
// and each reply back to the one client that asked (daemon/PROTOCOL.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/base/ids.h"
#include "daemon/base/time.h"
#include "daemon/front/api.h"
#include "daemon/front/events.h"
#include "daemon/front/guesses.h"
#include "daemon/front/host.h"
#include "daemon/front/questions.h"
#include "daemon/front/router.h"
#include "daemon/ports/crypto.h"
#include "daemon/ports/entropy.h"
#include "daemon/ports/http.h"
#include "daemon/wire/ipc_messages.h"

namespace latchkey::front {

// A keeper silent for so long has its question answered 503, and cancelled (invariant 4: no answer means
// no).
constexpr Duration kKeeperPatience = seconds{5};
// A page that doesn't name its token for so long is closed.
constexpr Duration kPagePatience = seconds{5};

struct FrontOptions {
  std::vector<std::string> names;  // see HostPolicy
  std::uint16_t port = 0;          // that clients use
  bool secure = false;
  bool local_addresses = false;
};

// What the machine wants done, in order.
struct Reply {
  ports::HttpExchange exchange;
  ports::HttpResponse response;
};
struct SocketText {
  ports::WebSocketId socket;
  std::string text;
  bool supersedes = false;  // only the newest unsent one counts
};
struct SocketEnd {
  ports::WebSocketId socket;
  std::uint16_t code = 0;
  std::string reason;
};
using FrontEffect = std::variant<Reply, SocketText, SocketEnd, wire::FrontToKeeper>;

class Front {
 public:
  Front(FrontOptions options, ports::Crypto& crypto, ports::Entropy& entropy);

  void HandleHttp(ports::HttpExchange exchange, ports::HttpRequest request, Instant now);
  // The client left: its question is cancelled, and whatever comes for it meets nobody.
  void HandleGone(ports::HttpExchange exchange);
  [[nodiscard]] ports::HttpResponse HandleFault(ports::HttpFault fault);

  // Whether a WebSocket may open: nothing for yes.
  [[nodiscard]] std::optional<ports::HttpResponse> HandleUpgrade(const ports::HttpRequest& request);
  // `peer`, `local`: the two ends of its connection.
  void HandleSocketOpen(ports::WebSocketId socket, const IpAddress& peer, const IpAddress& local,
                        Instant now);
  void HandleSocketText(ports::WebSocketId socket, std::string_view text, Instant now);
  void HandleSocketClosed(ports::WebSocketId socket);

  void HandleKeeper(wire::KeeperToFront message, Instant now);

  // To be called at NextDeadline() or later.
  void HandleTime(Instant now);
  [[nodiscard]] std::optional<Instant> NextDeadline() const;

  // Everything that has to be done since the last call.
  [[nodiscard]] std::vector<FrontEffect> TakeEffects();

  [[nodiscard]] const FrontCounters& counters() const { return counters_; }
  [[nodiscard]] bool IsConsistent() const {
    return questions_.IsConsistent() && pages_.IsConsistent() && guesses_.IsConsistent();
  }

 private:
  struct Asker;  // one request on its way to a question

  void HandlePost(Asker& asker);
  void HandleSession(Asker& asker);
  void HandlePage(const Asker& asker);
  void HandleCameras(Asker& asker);
  void HandleMetrics(const Asker& asker);
  // The token of the request, or its 401; or its 429, for one that guessed.
  std::optional<Secret32> Authenticate(const Asker& asker);
  // A ticket that nothing waits under. Nothing when the id that was drawn is in use: it is refused, never
  // drawn again, because then the randomness is broken (invariant 6).
  [[nodiscard]] std::optional<wire::Ticket> DrawTicket(PrincipalId principal);
  // Opens the question and answers its ticket, or 503 when too many wait or no ticket can be drawn.
  std::optional<wire::Ticket> Ask(const Asker& asker, QuestionKind kind, PrincipalId principal);
  void Send(wire::FrontToKeeper message) { effects_.emplace_back(std::move(message)); }
  // How long whoever guessed has to wait, in whole seconds; nothing: not at all.
  std::optional<std::uint16_t> HoldOff(const Guesser& guesser, Instant now);
  // The keeper did not know the token.
  void NoteWrongToken(const Guesser& guesser, const PrincipalId& token);

  void On(wire::Answered message);
  void On(const wire::Refused& message);
  void On(const wire::Granted& message);
  void On(const wire::Done& message);
  void On(const wire::CameraList& message);
  void On(const wire::Metrics& message);
  void On(const wire::FrontConfig& message);
  void On(const wire::Shutdown& message);
  // The question of a reply; counts and answers nothing for a stray one.
  Question* Match(const wire::Ticket& ticket);

  void Finish(const wire::Ticket& ticket, ports::HttpResponse response);
  void Answer(ports::HttpExchange exchange, Endpoint endpoint, ports::HttpResponse response);
  void Dress(ports::HttpResponse& response, Endpoint endpoint) const;
  void EndPage(ports::WebSocketId socket, std::uint16_t code, std::string_view reason);

  HostPolicy hosts_;
  ports::Crypto& crypto_;
  ports::Entropy& entropy_;
  Questions questions_;
  Pages pages_;
  Guesses guesses_;
  Instant heard_at_{};  // of the keeper's message being carried out
  FrontCounters counters_;
  std::vector<FrontEffect> effects_;
};

}  // namespace latchkey::front
