// The web page, embedded at build time from web/ (web/embed.cmake).
#pragma once

#include <span>
#include <string_view>

namespace latchkey::front {

struct PageFile {
  std::string_view path;  // "/viewer.js"; "/" for index.html
  std::string_view content_type;
  std::string_view bytes;
};

[[nodiscard]] std::span<const PageFile> AllPages();
// The file at exactly this path, or nothing.
[[nodiscard]] const PageFile* FindPage(std::string_view path);
// openapi.json: the description of this interface (OpenAPI 3.1).
[[nodiscard]] std::string_view OpenApiText();

}  // namespace latchkey::front
