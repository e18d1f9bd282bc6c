#include "moving/folder_source.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "document/document_scanner.h"

namespace stateward {
namespace {

constexpr std::string_view kState = ".tfstate";
constexpr std::string_view kBackup = ".backup";
constexpr char kWorkspaces[] = "terraform.tfstate.d";
constexpr char kDefaultFile[] = "terraform.tfstate";

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() > end.size() && text.substr(text.size() - end.size()) == end;
}

bool IsStateFile(std::string_view name) {
  if (EndsWith(name, kBackup)) name.remove_suffix(kBackup.size());
  return EndsWith(name, kState) && name[0] != '.';
}

Result<std::vector<std::string>> NamesIn(const std::string& folder) {
  DIR* dir = opendir(folder.c_str());
  if (dir == nullptr) return FromErrno(folder, errno);
  std::vector<std::string> names;
  for (const dirent* entry = readdir(dir); entry != nullptr; entry = readdir(dir)) {
    names.emplace_back(entry->d_name);
  }
  (void)closedir(dir);
  std::sort(names.begin(), names.end());
  return names;
}

bool IsFile(const std::string& path) {
  struct stat st {};
  return stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode);
}

// The workspace of a file, by its path behind the folder's.
std::string WorkspaceOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string file = slash == path.npos ? path : path.substr(slash + 1);
  if (slash != path.npos) {
    const std::string above = path.substr(0, slash);
    return above.substr(above.rfind('/') + 1);
  }
  return file == kDefaultFile ? "default" : file.substr(0, file.size() - kState.size());
}

}  // namespace

Result<std::vector<std::string>> StateFilesBelow(const std::string& folder) {
  std::vector<std::string> paths;
  Result<std::vector<std::string>> names = NamesIn(folder);
  if (!names.ok()) return names;
  for (const std::string& name : *names) {
    const std::string path = folder + "/" + name;
    if (IsStateFile(name) && IsFile(path)) paths.push_back(path);
    if (name != kWorkspaces) continue;
    Result<std::vector<std::string>> workspaces = NamesIn(path);
    if (!workspaces.ok()) return workspaces;
    for (const std::string& workspace : *workspaces) {
      for (const std::string end : {"", ".backup"}) {
        const std::string file = path + "/" + workspace + "/" + kDefaultFile + end;
        if (workspace[0] != '.' && IsFile(file)) paths.push_back(file);
      }
    }
  }
  if (!paths.empty()) return paths;
  return Status::InvalidArgument(folder + ": there is no *.tfstate and no " + kWorkspaces);
}

Result<std::unique_ptr<Source>> FolderSource::Open(const std::string& folder,
                                                   const std::vector<std::string>& paths,
                                                   const OpenFn& open) {
  auto source = std::make_unique<FolderSource>();
  std::set<std::string> seen;
  for (const std::string& path : paths) {
    Result<FILE*> file = open(path);
    if (!file.ok()) return std::move(file).status();
    source->files_[path].reset(*file);
    if (EndsWith(path, kBackup)) continue;
    const std::string workspace = WorkspaceOf(path.substr(folder.size() + 1));
    if (!seen.insert(workspace).second) {
      return Status::InvalidArgument(path + ": another file is called " + workspace + ", too");
    }
    source->states_.push_back({workspace, path});
  }
  return std::unique_ptr<Source>(std::move(source));
}

Result<std::vector<SourceState>> FolderSource::List() { return states_; }

// Whether what lies in the backup is a version before: `state push -force` and others leave what
// has nothing to do with it.
Result<bool> FolderSource::IsVersionBefore(const std::string& backup, const std::string& path) {
  Result<SecretBytes> old = Read({}, {backup});
  if (!old.ok()) return std::move(old).status();
  Result<SecretBytes> now = Read({}, {path});
  if (!now.ok()) return std::move(now).status();
  Result<DocumentInfo> before = ScanDocument(*old);
  Result<DocumentInfo> after = ScanDocument(*now);
  return before.ok() && after.ok() && before->lineage == after->lineage &&
         before->serial < after->serial;
}

Result<std::vector<SourceVersion>> FolderSource::Versions(const SourceState& state) {
  std::vector<SourceVersion> versions;
  for (const std::string& path : {state.place, state.place + std::string(kBackup)}) {
    auto found = files_.find(path);
    if (found == files_.end()) continue;
    struct stat st {};
    if (fstat(fileno(found->second.get()), &st) != 0) return FromErrno(path, errno);
    if (path != state.place) {
      Result<bool> before = IsVersionBefore(path, state.place);
      if (!before.ok()) return std::move(before).status();
      if (!*before) continue;
    }
    versions.push_back({path, int64_t{st.st_mtim.tv_sec} * 1000 + st.st_mtim.tv_nsec / 1000000});
  }
  return versions;
}

Result<SecretBytes> FolderSource::Read(const SourceState&, const SourceVersion& version) {
  auto found = files_.find(version.id);
  if (found == files_.end()) return Status::NotFound(version.id);
  const int fd = fileno(found->second.get());
  struct stat st {};
  if (fstat(fd, &st) != 0) return FromErrno(version.id, errno);
  if (static_cast<uint64_t>(st.st_size) > kMaxSourceDocument) {
    return Status(Code::kTooLarge, version.id + ": more than 1 GiB");
  }
  SecretBytes bytes(static_cast<size_t>(st.st_size));
  size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t n = pread(fd, bytes.data() + have, bytes.size() - have, static_cast<off_t>(have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FromErrno(version.id, errno);
    if (n == 0) return Status::Unavailable(version.id + ": it became shorter meanwhile");
    have += static_cast<size_t>(n);
  }
  return bytes;
}

// The client's own lock is one for writing, of the whole file: the two exclude each other, and it
// goes with this process.
Result<SourceLock> FolderSource::Lock(const SourceState& state) {
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  const int fd = fileno(files_.at(state.place).get());
  if (fcntl(fd, F_SETLK, &lock) == 0) return SourceLock::kHeld;
  if (errno == EAGAIN || errno == EACCES) {
    return Status(Code::kLocked, state.place + ": a client holds its lock");
  }
  return SourceLock::kNone;  // a file system without locks
}

Status FolderSource::Unlock(const SourceState& state) {
  struct flock lock {};
  lock.l_type = F_UNLCK;
  lock.l_whence = SEEK_SET;
  const int fd = fileno(files_.at(state.place).get());
  return fcntl(fd, F_SETLK, &lock) == 0 ? Status() : FromErrno(state.place, errno);
}

}  // namespace stateward
