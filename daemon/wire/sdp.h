// Session descriptions as a plain value tree (RFC 8866), and the ICE fragments of trickle PATCHes (RFC 8840
// 9).
//
//   v=0                                  session section: lines, then attributes
//   o=- 4611731400430051336 2 IN IP4 127.0.0.1
//   s=-
//   t=0 0
//   a=group:BUNDLE 0 1                   one attribute:  a=NAME  or  a=NAME:VALUE
//   m=video 9 UDP/TLS/RTP/SAVPF 96 97    a media section begins: m=KIND PORT[/COUNT] PROTOCOL FORMAT...
//   c=IN IP4 0.0.0.0                     lines and attributes of that section, up to the next m= or the end
//   a=mid:0
//
// A line ends with LF or CRLF. Type letters that RFC 8866 does not know are refused (RFC 8866 5), and so are
// control characters, lines out of place and everything over a bound. What a value means is told by
// sdp_attributes.h; here it is text. o=, s= and t= may be missing: some devices leave them out, nothing here
// needs them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/result.h"
#include "daemon/base/secret.h"

namespace latchkey::wire {

// Bounds. At each of them the whole description is refused with ErrorCode::kLimit.
constexpr std::size_t kMaxSdpBytes = 64 * 1024;
constexpr std::size_t kMaxSdpLines = 4096;      // Chromium's largest offer of two sections has about 300
constexpr std::size_t kMaxSdpLineBytes = 4096;  // parameter sets in base64 are the longest values seen
constexpr std::size_t kMaxSdpMedia = 16;
constexpr std::size_t kMaxSdpAttributes = 1024;  // of the session or of one media section
constexpr std::size_t kMaxSdpFormats = 128;      // of one m= line: there are 128 payload types

// a=NAME or a=NAME:VALUE. The name is a token (RFC 8866 5.13), compared exactly.
struct SdpAttribute {
  std::string name;
  std::string value;       // empty for a flag
  bool has_value = false;  // tells "a=x:" from "a=x"
};

// Attributes in their order.
class SdpAttributes {
 public:
  void Add(std::string_view name) { items_.push_back({std::string(name), {}, false}); }
  void Add(std::string_view name, std::string_view value) {
    items_.push_back({std::string(name), std::string(value), true});
  }
  [[nodiscard]] bool Has(std::string_view name) const { return Find(name) != nullptr; }
  // The first of that name, or nullptr.
  [[nodiscard]] const SdpAttribute* Find(std::string_view name) const;
  // The value of the first of that name; nothing when absent or a flag.
  [[nodiscard]] std::optional<std::string_view> Value(std::string_view name) const;
  // The values of all of that name, in order. The views live as long as the attributes.
  [[nodiscard]] std::vector<std::string_view> Values(std::string_view name) const;
  [[nodiscard]] const std::vector<SdpAttribute>& items() const { return items_; }
  // Overwrites the values of all of that name, which hold keys.
  void WipeValues(std::string_view name) {
    for (SdpAttribute& item : items_) {
      if (item.name == name) WipeText(item.value);
    }
  }

 private:
  std::vector<SdpAttribute> items_;
};

// Any line that is not v=, m= or a=: its letter and its text.
struct SdpLine {
  char type = 0;
  std::string text;
};

struct SdpMedia {
  std::string kind;  // "video", "audio", "application" ...
  std::uint16_t port = 0;
  std::uint16_t port_count = 1;
  std::string protocol;              // "UDP/TLS/RTP/SAVPF" ...
  std::vector<std::string> formats;  // payload types of RTP profiles; at least one
  std::vector<SdpLine> lines;        // i= c= b= k=
  SdpAttributes attributes;
};

struct Sdp {
  std::vector<SdpLine> lines;  // o= s= i= u= e= p= c= b= t= r= z= k=, in their order
  SdpAttributes attributes;
  std::vector<SdpMedia> media;
};

// Errors say where: "line 12: ...". kInvalid for what is not SDP, kLimit for what is over a bound.
Result<Sdp> ParseSdp(std::string_view text);
// A trickle fragment has no v= line: attributes, then m= lines with attributes (RFC 8840 9.1). Empty text is
// refused.
Result<Sdp> ParseSdpFragment(std::string_view text);

// CRLF line ends, v=0 in front. The values must be free of line ends, which is ours to see to (CHECK).
std::string WriteSdp(const Sdp& sdp);
// The same without v=.
std::string WriteSdpFragment(const Sdp& fragment);

}  // namespace latchkey::wire
