#include "admin/audit_files.h"

#include <fcntl.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "audit/audit_line.h"
#include "audit/first_line.h"
#include "audit/line_reader.h"
#include "audit/trail_names.h"
#include "base/files.h"
#include "state/store_secret.h"
#include "stateward/disk.h"

namespace stateward {
namespace {

// The regular files next to AUDIT_FILE that may hold lines of its trail, by their names.
Result<std::vector<std::string>> NamedFiles(const std::string& file) {
  const size_t slash = file.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : file.substr(0, slash + 1);
  Result<Fd> dir = OpenDirAt(PosixDisk(), AT_FDCWD, folder.empty() ? "." : folder);
  if (!dir.ok()) return std::move(dir).status();
  std::vector<std::string> names;
  const int r = PosixDisk().ListDir(dir->get(), &names);
  if (r < 0) return DiskError(folder, r);
  std::vector<std::string> paths;
  for (const std::string& name : names) {
    DiskStat stat;
    if (!IsTrailName(std::string_view(file).substr(folder.size()), name)) continue;
    if (PosixDisk().StatAt(dir->get(), name.c_str(), &stat) < 0 || !stat.is_file) continue;
    paths.push_back(folder + name);
  }
  return paths;
}

}  // namespace

Result<SecretBytes> TrailKey(const AdminService& service) {
  StoreSecret secret;
  Result<SecretBytes> found = secret.Get(service.gate(), service.storage(), service.kms());
  if (!found.ok()) return found;
  return AuditKey(*found);
}

Result<std::vector<std::string>> TrailFiles(const AdminService& service, ByteView key,
                                            const std::vector<std::string>& named) {
  for (const std::string& file : named) {
    Result<Fd> fd = OpenFileAt(PosixDisk(), AT_FDCWD, file, O_RDONLY);
    // A wrong command line: it says nothing of the store.
    if (!fd.ok()) return Status::InvalidArgument(fd.status().detail());
  }
  if (!named.empty()) return named;
  const std::string& file = service.audit_file();
  if (file.empty()) {
    return Status::NotFound("there is no trail: AUDIT_FILE is not set, and no file is named");
  }
  Result<std::vector<std::string>> paths = NamedFiles(file);
  if (!paths.ok()) return paths;
  std::vector<std::pair<uint64_t, std::string>> found;
  for (std::string& path : *paths) {
    const std::optional<AuditLine> first = FirstTrailLine(PosixDisk(), AT_FDCWD, path, key);
    // AUDIT_FILE itself is the newest, whatever stands at its front.
    const uint64_t place = first ? first->head.sequence : path == file ? UINT64_MAX : 0;
    found.emplace_back(place, std::move(path));
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> files;
  for (auto& [first, path] : found) files.push_back(std::move(path));
  return files;
}

Status EachTrailLine(const std::vector<std::string>& files,
                     const std::function<void(const std::string& file)>& begin,
                     const TrailLineFn& take) {
  for (const std::string& file : files) {
    Result<Fd> fd = OpenFileAt(PosixDisk(), AT_FDCWD, file, O_RDONLY);
    if (!fd.ok()) return Status::Unavailable(fd.status().detail());
    if (begin) begin(file);
    bool go_on = true;
    STATEWARD_RETURN_IF_ERROR(
        EachLine(PosixDisk(), fd->get(), 0, [&](std::string_view line, bool whole, uint64_t) {
          go_on = take(file, line, whole);
          return go_on;
        }));
    if (!go_on) return Status();
  }
  return Status();
}

}  // namespace stateward
