// Names in a backup (moving/backup.h).
#ifndef STATEWARD_MOVING_BACKUP_LAYOUT_H_
#define STATEWARD_MOVING_BACKUP_LAYOUT_H_

#include <cstddef>
#include <string>

#include "stateward/kept_uploads.h"
#include "storage/fs_layout.h"

namespace stateward {
namespace backup_layout {

inline constexpr char kTitle[] = "stateward backup 1\n";
inline constexpr char kFirst[] = "backup";
inline constexpr char kIdentity[] = "identity";
inline constexpr char kManifest[] = "manifest";
inline constexpr size_t kIdDigits = 32;

inline std::string UploadPath(const KeptUpload& upload) {
  return std::string(fs_layout::kUploads) + "/" + upload.principal_tag + "/" +
         fs_layout::UploadName(upload);
}

}  // namespace backup_layout
}  // namespace stateward

#endif  // STATEWARD_MOVING_BACKUP_LAYOUT_H_
