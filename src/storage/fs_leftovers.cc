// What lies in the folders of the fs storage and is no part of it: temporary files of workers that
// were killed, and what has the name or the place of a part.
#include <cerrno>
#include <deque>
#include <utility>

#include "base/hex.h"
#include "stateward/clock.h"
#include "storage/fs_layout.h"
#include "storage/fs_storage.h"

namespace stateward {
namespace {

// Of the age below which a file may be one that is being written: far above any time limit.
constexpr int64_t kYoungMs = 60LL * 60 * 1000;
// "states/ab/<id>" is three folders deep.
constexpr int kDepth = 3;

constexpr char kNoFolder[] = "a folder belongs here, and this is none";
constexpr char kNoFile[] = "a file belongs here, and this is none";

enum class Kind : uint8_t { kFolder, kFile };

// Goes through two levels of folders.
class StrangerWalk {
 public:
  StrangerWalk(Disk& disk, int root) : disk_(disk), root_(root) {}

  // The names in a folder; none where it cannot be opened, which others tell.
  std::vector<std::string> Names(const std::string& folder) {
    std::vector<std::string> names;
    Result<Fd> dir = OpenAndListAt(disk_, root_, folder, &names);
    if (!dir.ok()) names.clear();
    return names;
  }
  // True: it is what it should be, or gone.
  bool Is(Kind kind, const std::string& path) {
    DiskStat stat;
    if (disk_.StatAt(root_, path.c_str(), &stat) != 0) return true;
    if (kind == Kind::kFolder ? stat.is_dir : stat.is_file) return true;
    Note(path, kind == Kind::kFolder ? kNoFolder : kNoFile);
    return false;
  }
  void Note(const std::string& path, std::string what) {
    found_.push_back({path, std::move(what)});
  }
  std::vector<Stranger> Take() { return std::move(found_); }

 private:
  Disk& disk_;
  const int root_;
  std::vector<Stranger> found_;
};

void WalkUploads(StrangerWalk* walk) {
  const std::string all = fs_layout::kUploads;
  for (const std::string& tag : walk->Names(all)) {
    const std::string folder = all + "/" + tag;
    if (!IsHex(tag, 32) || !walk->Is(Kind::kFolder, folder)) continue;
    for (const std::string& name : walk->Names(folder)) {
      if (fs_layout::ParseUploadName(tag, name)) walk->Is(Kind::kFile, folder + "/" + name);
    }
  }
}

// Of a record's 20 digits, and no number of one.
bool IsNoNumber(const std::string& name) {
  const bool digits = name.find_first_not_of("0123456789") == std::string::npos;
  return digits && name.size() == fs_layout::VersionName(1).size() &&
         !fs_layout::ParseVersion(name);
}

void WalkState(const std::string& folder, StrangerWalk* walk) {
  for (const std::string& name : walk->Names(folder)) {
    if (IsNoNumber(name)) walk->Note(folder + "/" + name, "no record has this number");
  }
}

void WalkStates(StrangerWalk* walk) {
  const std::string all = fs_layout::kStates;
  for (const std::string& group : walk->Names(all)) {
    const std::string folder = all + "/" + group;
    if (!IsHex(group, 2) || !walk->Is(Kind::kFolder, folder)) continue;
    for (const std::string& name : walk->Names(folder)) {
      StateId id;
      const std::string path = folder + "/" + name;
      if (!StateId::Parse(name, &id)) continue;
      if (fs_layout::ParseStateName(group, name, &id)) {
        WalkState(path, walk);
      } else {
        walk->Note(path, "the place of this state is " + fs_layout::StatePath(id));
      }
    }
  }
}

}  // namespace

Result<std::vector<Stranger>> FsStorage::Strangers() {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  StrangerWalk walk(disk_, root->get());
  WalkStates(&walk);
  WalkUploads(&walk);
  return walk.Take();
}

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
