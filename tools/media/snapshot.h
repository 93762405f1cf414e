// One picture as a PNG or JPEG file, to be looked at.
#pragma once

#include <string>

#include "daemon/base/result.h"
#include "tools/media/picture.h"

namespace latchkey::media {

// The file's name tells the format: .png, else JPEG.
Status WritePicture(const PictureView& picture, const std::string& path);

}  // namespace latchkey::media
