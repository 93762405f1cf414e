#include "daemon/wire/sdp.h"

#include <algorithm>
#include <charconv>

#include "daemon/base/check.h"
#include "daemon/wire/ipc.h"

namespace latchkey::wire {
namespace {

static_assert(kMaxSdpBytes == kMaxSdp, "what the keeper passes on is what the lane can read");

// Letters of RFC 8866 5 that may stand in each section, v=, m= and a= apart.
constexpr std::string_view kSessionLetters = "osiuepcbtrzk";
constexpr std::string_view kMediaLetters = "icbk";
constexpr std::string_view kOnceInSession = "osiu";

// token-char of RFC 8866 9.
constexpr bool IsTokenChar(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return std::string_view("!#$%&'*+-.^_`{|}~").find(c) != std::string_view::npos;
}
bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenChar);
}
// byte-string without control characters; a tab passes, since some encoders indent with it.
bool IsText(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

std::optional<std::uint16_t> ParsePort(std::string_view text) {
  std::uint16_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// The words of one line, separated by single or several spaces.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}
  // Empty at the end.
  std::string_view Next() {
    const std::size_t begin = rest_.find_first_not_of(' ');
    if (begin == std::string_view::npos) {
      rest_ = {};
      return {};
    }
    const std::size_t end = std::min(rest_.find(' ', begin), rest_.size());
    const std::string_view word = rest_.substr(begin, end - begin);
    rest_.remove_prefix(end);
    return word;
  }

 private:
  std::string_view rest_;
};

class Parser {
 public:
  enum class Kind : std::uint8_t { kDescription, kFragment };
  Parser(std::string_view text, Kind kind) : rest_(text), kind_(kind) {}

  Result<Sdp> Run() {
    if (rest_.size() > kMaxSdpBytes) {
      return Fail(ErrorCode::kLimit,
                  "the session description has over " + std::to_string(kMaxSdpBytes) + " bytes");
    }
    while (!rest_.empty()) {
      if (Status status = TakeLine(NextLine()); !status) return tl::unexpected(status.error());
    }
    if (kind_ == Kind::kDescription && !version_seen_) return Bad("the first line must be \"v=0\"");
    if (kind_ == Kind::kFragment && sdp_.attributes.items().empty() && sdp_.media.empty()) {
      return Bad("the fragment is empty");
    }
    return std::move(sdp_);
  }

 private:
  [[nodiscard]] tl::unexpected<Error> Bad(std::string_view what, ErrorCode code = ErrorCode::kInvalid) const {
    return Fail(code,
                "line " + std::to_string(std::max<std::size_t>(line_number_, 1)) + ": " + std::string(what));
  }
  [[nodiscard]] tl::unexpected<Error> Over(std::string_view what) const {
    return Bad(what, ErrorCode::kLimit);
  }

  std::string_view NextLine() {
    ++line_number_;
    const std::size_t end = rest_.find('\n');
    std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return line;
  }

  Status TakeLine(std::string_view line) {
    if (line_number_ > kMaxSdpLines) return Over("too many lines");
    if (line.size() > kMaxSdpLineBytes) return Over("the line is too long");
    // Blank lines are tolerated behind the last line alone: some clients end with one.
    if (line.empty() && version_or_fragment()) return OnlyBlankBehind();
    if (line.size() < 2 || line[1] != '=') return Bad("a line must look like \"x=...\"");
    const char type = line[0];
    const std::string_view text = line.substr(2);
    if (!IsText(text)) return Bad("control characters are not allowed");
    if (kind_ == Kind::kDescription && !version_seen_) return TakeVersion(type, text);
    if (type == 'm') return TakeMedia(text);
    if (type == 'a') return TakeAttribute(text);
    return TakeOther(type, text);
  }

  [[nodiscard]] bool version_or_fragment() const { return version_seen_ || kind_ == Kind::kFragment; }

  Status OnlyBlankBehind() {
    if (rest_.find_first_not_of("\r\n") != std::string_view::npos) return Bad("the line is empty");
    rest_ = {};
    return {};
  }

  Status TakeVersion(char type, std::string_view text) {
    if (type != 'v' || text != "0") return Bad("the first line must be \"v=0\"");
    version_seen_ = true;
    return {};
  }

  // m=<media> <port>[/<count>] <proto> <fmt> ... (RFC 8866 5.14).
  Status TakeMedia(std::string_view text) {
    if (sdp_.media.size() >= kMaxSdpMedia) return Over("too many media sections");
    SdpMedia media;
    Words words(text);
    media.kind = words.Next();
    const std::string_view port = words.Next();
    media.protocol = words.Next();
    if (!IsToken(media.kind)) return Bad("the media kind of m= is not a word");
    const std::size_t slash = port.find('/');
    const auto number = ParsePort(port.substr(0, slash));
    const auto count = slash == std::string_view::npos ? std::optional<std::uint16_t>(std::uint16_t{1})
                                                       : ParsePort(port.substr(slash + 1));
    if (!number || !count || *count == 0) return Bad("the port of m= is not a number from 0 to 65535");
    media.port = *number;
    media.port_count = *count;
    if (media.protocol.empty()) return Bad("m= needs a protocol");
    for (std::string_view format = words.Next(); !format.empty(); format = words.Next()) {
      if (media.formats.size() >= kMaxSdpFormats) return Over("too many formats in m=");
      media.formats.emplace_back(format);
    }
    if (media.formats.empty()) return Bad("m= needs at least one format");
    sdp_.media.push_back(std::move(media));
    return {};
  }

  Status TakeAttribute(std::string_view text) {
    SdpAttributes& attributes = sdp_.media.empty() ? sdp_.attributes : sdp_.media.back().attributes;
    if (attributes.items().size() >= kMaxSdpAttributes) return Over("too many attributes");
    const std::size_t colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    if (!IsToken(name)) return Bad("the attribute's name is not a word");
    if (colon == std::string_view::npos) {
      attributes.Add(name);
    } else {
      attributes.Add(name, text.substr(colon + 1));
    }
    return {};
  }

  Status TakeOther(char type, std::string_view text) {
    const bool in_session = sdp_.media.empty();
    if (kSessionLetters.find(type) == std::string_view::npos) {
      return Bad(type == 'v' ? "v= may only be the first line" : "RFC 8866 knows no such line");
    }
    if (kind_ == Kind::kFragment && in_session) return Bad("a trickle fragment has only a= and m= lines");
    if (!in_session && kMediaLetters.find(type) == std::string_view::npos) {
      return Bad("this line may not stand in a media section");
    }
    std::vector<SdpLine>& lines = in_session ? sdp_.lines : sdp_.media.back().lines;
    const bool repeated =
        std::any_of(lines.begin(), lines.end(), [&](const SdpLine& l) { return l.type == type; });
    if (in_session && repeated && kOnceInSession.find(type) != std::string_view::npos) {
      return Bad("this line may stand only once");
    }
    if (type == 'o' && !IsOrigin(text))
      return Bad("o= must be: name, id, version, \"IN\", \"IP4\" or \"IP6\", address");
    if (type == 'c' && !IsConnection(text)) return Bad("c= must be: \"IN\", \"IP4\" or \"IP6\", address");
    lines.push_back({type, std::string(text)});
    return {};
  }

  static bool IsOrigin(std::string_view text) {
    Words words(text);
    for (int i = 0; i < 5; ++i) {
      if (words.Next().empty()) return false;
    }
    return !words.Next().empty() && words.Next().empty();
  }
  static bool IsConnection(std::string_view text) {
    Words words(text);
    if (words.Next() != "IN") return false;
    const std::string_view family = words.Next();
    if (family != "IP4" && family != "IP6") return false;
    return !words.Next().empty() && words.Next().empty();
  }

  std::string_view rest_;
  Kind kind_;
  Sdp sdp_;
  std::size_t line_number_ = 0;
  bool version_seen_ = false;
};

void AppendLine(std::string& out, char type, std::string_view text) {
  LATCHKEY_CHECK(text.find_first_of("\r\n") == std::string_view::npos);
  out += type;
  out += '=';
  out += text;
  out += "\r\n";
}

void AppendAttributes(std::string& out, const SdpAttributes& attributes) {
  for (const SdpAttribute& a : attributes.items())
    AppendLine(out, 'a', a.has_value ? a.name + ':' + a.value : a.name);
}

void AppendMedia(std::string& out, const SdpMedia& media) {
  std::string text = media.kind + ' ' + std::to_string(media.port);
  if (media.port_count != 1) text += '/' + std::to_string(media.port_count);
  text += ' ' + media.protocol;
  for (const std::string& format : media.formats) text += ' ' + format;
  AppendLine(out, 'm', text);
  for (const SdpLine& line : media.lines) AppendLine(out, line.type, line.text);
  AppendAttributes(out, media.attributes);
}

}  // namespace

const SdpAttribute* SdpAttributes::Find(std::string_view name) const {
  const auto found =
      std::find_if(items_.begin(), items_.end(), [&](const SdpAttribute& a) { return a.name == name; });
  return found == items_.end() ? nullptr : &*found;
}

std::optional<std::string_view> SdpAttributes::Value(std::string_view name) const {
  const SdpAttribute* found = Find(name);
  if (found == nullptr || !found->has_value) return std::nullopt;
  return found->value;
}

std::vector<std::string_view> SdpAttributes::Values(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const SdpAttribute& a : items_) {
    if (a.name == name && a.has_value) values.emplace_back(a.value);
  }
  return values;
}

Result<Sdp> ParseSdp(std::string_view text) {
  return Parser(text, Parser::Kind::kDescription).Run();
}

Result<Sdp> ParseSdpFragment(std::string_view text) {
  return Parser(text, Parser::Kind::kFragment).Run();
}

std::string WriteSdpFragment(const Sdp& fragment) {
  std::string out;
  for (const SdpLine& line : fragment.lines) AppendLine(out, line.type, line.text);
  AppendAttributes(out, fragment.attributes);
  for (const SdpMedia& media : fragment.media) AppendMedia(out, media);
  return out;
}

std::string WriteSdp(const Sdp& sdp) {
  return "v=0\r\n" + WriteSdpFragment(sdp);
}

}  // namespace latchkey::wire
