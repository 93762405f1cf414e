# Writes a C++ file with the web page in it.
#   cmake -DOUT=pages_data.cpp -DWEB=folder -DFILES=a;b -DOPENAPI=openapi.json -P embed.cmake
function(literal path out)
  file(READ ${path} hex HEX)
  # Lines of 32 bytes keep the compiler's input readable; an empty file would be an empty array.
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" bytes "${hex}")
  string(LENGTH "${bytes}" length)
  set(text "")
  set(at 0)
  while(at LESS length)
    string(SUBSTRING "${bytes}" ${at} 128 line)
    string(APPEND text "\n    \"${line}\"")
    math(EXPR at "${at} + 128")
  endwhile()
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

set(types_html "text/html; charset=utf-8")
set(types_js "text/javascript; charset=utf-8")
set(types_css "text/css; charset=utf-8")
set(types_svg "image/svg+xml")

set(data "")
set(table "")
set(index 0)
foreach(file IN LISTS FILES)
  literal(${WEB}/${file} bytes)
  string(REGEX REPLACE ".*\\." "" extension ${file})
  set(path "/${file}")
  if(file STREQUAL "index.html")
    set(path "/")
  endif()
  file(SIZE ${WEB}/${file} size)
  string(APPEND data "constexpr std::string_view kFile${index}(${bytes}, ${size});\n")
  string(APPEND table "    PageFile{\"${path}\", \"${types_${extension}}\", kFile${index}},\n")
  math(EXPR index "${index} + 1")
endforeach()
literal(${OPENAPI} bytes)
file(SIZE ${OPENAPI} size)
file(WRITE ${OUT} "// Made from daemon/front/web by embed.cmake.
#include <array>

#include \"daemon/front/pages.h\"

namespace latchkey::front {
namespace {

${data}
constexpr std::string_view kOpenApi(${bytes}, ${size});

constexpr std::array<PageFile, ${index}> kPages{{
${table}}};

}  // namespace

std::span<const PageFile> AllPages() { return kPages; }
std::string_view OpenApiText() { return kOpenApi; }

}  // namespace latchkey::front
")
