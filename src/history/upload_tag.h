// The tags of kept uploads (stateward/kept_uploads.h).
#ifndef STATEWARD_HISTORY_UPLOAD_TAG_H_
#define STATEWARD_HISTORY_UPLOAD_TAG_H_

#include <string>

#include "base/hex.h"
#include "base/sha256.h"

namespace stateward {

// 32 hex digits that are the same for the same text.
inline std::string UploadTag(const std::string& text) {
  return HexEncode(Sha256(text)).substr(0, 32);
}

}  // namespace stateward

#endif  // STATEWARD_HISTORY_UPLOAD_TAG_H_
