// Temporary files of workers that were killed, in the fs storage.
#include <cerrno>
#include <deque>
#include <utility>

#include "stateward/clock.h"
#include "storage/fs_layout.h"
#include "storage/fs_storage.h"

namespace stateward {
namespace {

// Of the age below which a file may be one that is being written: far above any time limit.
constexpr int64_t kYoungMs = 60LL * 60 * 1000;
// "states/ab/<id>" is three folders deep.
constexpr int kDepth = 3;

}  // namespace

Result<std::vector<std::string>> FsStorage::Leftovers() {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  std::vector<std::string> found;
  std::deque<std::pair<std::string, int>> folders = {{".", 0}};
  const int64_t now_ms = SystemClock().NowMs();
  for (; !folders.empty(); folders.pop_front()) {
    const auto [folder, depth] = folders.front();
    std::vector<std::string> names;
    Result<Fd> dir = OpenAndListAt(disk_, root->get(), folder, &names);
    if (!dir.ok() && dir.status().code() == Code::kNotFound) continue;
    if (!dir.ok()) return std::move(dir).status();
    for (const std::string& name : names) {
      DiskStat stat;
      const bool temporary = IsTemporaryName(name);
      if (!temporary && (depth == kDepth || fs_layout::ParseVersion(name))) continue;
      const int r = disk_.StatAt(dir->get(), name.c_str(), &stat);
      if (r == -ENOENT) continue;
      if (r < 0) return FromErrno("stat", -r);
      const std::string path = depth == 0 ? name : folder + "/" + name;
      if (stat.is_dir) folders.emplace_back(path, depth + 1);
      if (stat.is_file && temporary && now_ms - stat.mtime_ms > kYoungMs) found.push_back(path);
    }
  }
  return found;
}

Status FsStorage::RemoveLeftover(const std::string& name) {
  if (!IsTemporaryName(name.substr(name.rfind('/') + 1))) {
    return Status::InvalidArgument("not a temporary file");
  }
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  const int r = disk_.UnlinkAt(root->get(), name.c_str());
  return r < 0 && r != -ENOENT ? FromErrno("unlink", -r) : Status();
}

}  // namespace stateward
