// How many refused uploads are kept, and how long.
#ifndef STATEWARD_HISTORY_UPLOAD_SETTINGS_H_
#define STATEWARD_HISTORY_UPLOAD_SETTINGS_H_

#include <cstdint>

namespace stateward {

struct UploadRules {
  uint64_t days = 90;                        // KEPT_UPLOADS_DAYS
  uint64_t max_bytes = uint64_t{1} << 30;    // KEPT_UPLOADS_MAX_BYTES, of one principal
  uint64_t total_bytes = uint64_t{8} << 30;  // KEPT_UPLOADS_TOTAL_BYTES, of all together
};

}  // namespace stateward

#endif  // STATEWARD_HISTORY_UPLOAD_SETTINGS_H_
