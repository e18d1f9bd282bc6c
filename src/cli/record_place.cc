#include "cli/record_place.h"

#include <fcntl.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "base/files.h"
#include "storage/fs_layout.h"

namespace stateward {

std::string WholePath(const std::string& path) {
  std::error_code failed;
  const std::filesystem::path whole = std::filesystem::canonical(path, failed);
  return failed ? path : whole.string();
}

std::optional<RecordPlace> PlaceOf(const std::string& whole_path) {
  const std::filesystem::path whole(whole_path);
  const std::filesystem::path folder = whole.parent_path();
  const std::filesystem::path above = folder.parent_path();
  const std::string name = whole.filename().string();
  RecordPlace place;
  // First: the store's own folder may be called states.
  if (above.filename() == fs_layout::kUploads) {
    const auto entry = fs_layout::ParseUploadName(folder.filename().string(), name);
    if (!entry) return std::nullopt;
    place.id = entry->id;
    place.store_dir = above.parent_path().string();
    return place;
  }
  // fs: states/<id[0:2]>/<id>/<n>. A copy of what lies in S3: states/<id>/<n>.
  const bool from_s3 = above.filename() == fs_layout::kStates;
  if (from_s3 || above.parent_path().filename() == fs_layout::kStates) {
    const std::optional<uint64_t> n = fs_layout::ParseVersion(name);
    if (!n || !StateId::Parse(folder.filename().string(), &place.id)) return std::nullopt;
    place.n = *n;
    place.store_dir = (from_s3 ? above.parent_path() : above.parent_path().parent_path()).string();
    return place;
  }
  return std::nullopt;
}

Result<std::string> StoreIdOf(Disk& disk, const std::string& store_dir) {
  std::string path = store_dir + "/" + fs_layout::kMarker;
  DiskStat stat;
  const std::string copied = store_dir + "/" + fs_layout::kS3Marker;
  if (disk.StatAt(AT_FDCWD, copied.c_str(), &stat) == 0) path = copied;
  Result<Bytes> text = ReadFileAt(disk, AT_FDCWD, path, fs_layout::kMaxMarker);
  if (!text.ok()) return std::move(text).status().At(path);
  Result<StoreIdentity> marker = fs_layout::ParseMarker(*text);
  if (!marker.ok()) return std::move(marker).status().At(path);
  return marker->store_id;
}

}  // namespace stateward
