#include "admin/audit_files.h"

#include <fcntl.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "audit/audit_line.h"
#include "audit/chain_end.h"
#include "audit/line_reader.h"
#include "base/files.h"
#include "base/json.h"
#include "state/store_secret.h"
#include "stateward/disk.h"

namespace stateward {
namespace {

// The number of the first line, which tells the order of files; 0: it has none.
uint64_t FirstLineOf(const std::string& path) {
  uint64_t first = 0;
  (void)EachTrailLine({path}, nullptr, [&first](const std::string&, std::string_view line, bool) {
    Result<JsonObject> json = ParseSmallJson(line);
    if (json.ok()) first = json->Uint("seq").value_or(0);
    return false;
  });
  return first;
}

}  // namespace

Result<SecretBytes> TrailKey(const AdminService& service) {
  StoreSecret secret;
  Result<SecretBytes> found = secret.Get(service.gate(), service.storage(), service.kms());
  if (!found.ok()) return found;
  return AuditKey(*found);
}

Result<std::vector<std::string>> TrailFiles(const AdminService& service,
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
  const size_t slash = file.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : file.substr(0, slash + 1);
  const std::string base = file.substr(folder.size());
  Result<Fd> dir = OpenDirAt(PosixDisk(), AT_FDCWD, folder.empty() ? "." : folder);
  if (!dir.ok()) return std::move(dir).status();
  std::vector<std::string> names;
  const int r = PosixDisk().ListDir(dir->get(), &names);
  if (r < 0) return DiskError(folder, r);
  std::vector<std::pair<uint64_t, std::string>> found;
  for (const std::string& name : names) {
    const bool rotated = name.size() > base.size() && name.compare(0, base.size(), base) == 0 &&
                         (name[base.size()] == '.' || name[base.size()] == '-');
    const bool is_end = folder + name == ChainEndPath(file, "");
    if ((!rotated && name != base) || is_end) continue;
    if (const uint64_t first = FirstLineOf(folder + name)) found.emplace_back(first, folder + name);
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
