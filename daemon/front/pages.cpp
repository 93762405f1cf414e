#include "daemon/front/pages.h"

namespace latchkey::front {

const PageFile* FindPage(std::string_view path) {
  for (const PageFile& page : AllPages()) {
    if (page.path == path) return &page;
  }
  return nullptr;
}

}  // namespace latchkey::front
