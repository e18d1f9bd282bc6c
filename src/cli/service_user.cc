#include "cli/service_user.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>

#include "app/hardening.h"

namespace stateward {
namespace {

template <typename T>
std::optional<T> Number(const std::string& text) {
  T value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// statewardctl has one thread when it asks.
Result<ServiceUser> Known(const passwd* entry) {
  ServiceUser user;
  user.uid = entry->pw_uid;
  user.gid = entry->pw_gid;
  user.name = entry->pw_name;
  int count = 0;
  getgrouplist(entry->pw_name, entry->pw_gid, nullptr, &count);
  user.groups.resize(static_cast<size_t>(std::max(count, 1)));
  if (getgrouplist(entry->pw_name, entry->pw_gid, user.groups.data(), &count) < 0) {
    return Status::Unavailable("the groups of " + user.name + " cannot be read");
  }
  user.groups.resize(static_cast<size_t>(count));
  return user;
}

Result<gid_t> GroupOf(const std::string& name) {
  if (const group* entry = getgrnam(name.c_str())) return entry->gr_gid;
  if (auto number = Number<gid_t>(name)) return *number;
  return Status::InvalidArgument("there is no group " + name);
}

Result<ServiceUser> OwnerOf(const std::string& path) {
  struct stat st {};
  if (stat(path.c_str(), &st) != 0) {
    return errno == ENOENT || errno == ENOTDIR ? Status::NotFound(path) : FromErrno(path, errno);
  }
  if (const passwd* entry = getpwuid(st.st_uid)) return Known(entry);
  ServiceUser user;
  user.uid = st.st_uid;
  user.gid = st.st_gid;
  user.groups = {st.st_gid};
  return user;
}

std::string NameOf(uid_t uid) {
  const passwd* entry = getpwuid(uid);
  return entry != nullptr ? entry->pw_name : std::to_string(uid);
}

// The owners of a backup may be lost, or those of another host.
constexpr char kAfterACopy[] =
    "If it was copied here, give it back to the server's user (chown -R)";

// `folder` is out of this user's reach: the nearest folder above it that can be seen cannot be
// entered.
Status WhoIsInTheWay(const std::string& folder) {
  std::error_code none;
  std::filesystem::path above = std::filesystem::absolute(folder, none);
  struct stat st {};
  do {
    above = above.parent_path();
  } while (stat(above.c_str(), &st) != 0 && above.has_relative_path());
  return {Code::kPermissionDenied, above.string() + " belongs to " + NameOf(st.st_uid) + ", and " +
                                       NameOf(geteuid()) + " may not enter it. " + kAfterACopy};
}

std::vector<std::string> FoldersOf(const Config& config) {
  std::vector<std::string> folders;
  if (config.storage.backend == "fs") folders.push_back(config.storage.fs_dir);
  if (config.lock.backend == "local" && !config.lock.local_dir.empty()) {
    folders.push_back(config.lock.local_dir);
  }
  return folders;
}

}  // namespace

Result<ServiceUser> UserOfName(const std::string& name) {
  const passwd* entry = getpwnam(name.c_str());
  auto number = Number<uid_t>(name);
  if (entry == nullptr && number) entry = getpwuid(*number);
  if (entry == nullptr) return Status::InvalidArgument("there is no user " + name);
  return Known(entry);
}

Result<ServiceUser> UserOfUnit(const ServiceUnit& unit) {
  Result<ServiceUser> user = UserOfName(unit.user.empty() ? "root" : unit.user);
  if (!user.ok()) return std::move(user).status().At(unit.path);
  if (!unit.group.empty()) {
    Result<gid_t> gid = GroupOf(unit.group);
    if (!gid.ok()) return std::move(gid).status().At(unit.path);
    user->gid = *gid;
    user->groups.push_back(*gid);
  }
  for (const std::string& name : unit.supplementary_groups) {
    Result<gid_t> gid = GroupOf(name);
    if (!gid.ok()) return std::move(gid).status().At(unit.path);
    user->groups.push_back(*gid);
  }
  return user;
}

Result<ServiceUser> UserOfFolders(const Config& config) {
  std::vector<std::string> folders = FoldersOf(config);
  folders.push_back(config.runtime_dir);
  for (const std::string& folder : folders) {
    Result<ServiceUser> owner = OwnerOf(folder);
    if (owner.ok() || owner.status().code() != Code::kNotFound) return owner;
  }
  return Status::NotFound("none of the server's folders exists");
}

Status Become(const ServiceUser& user) {
  if (geteuid() == user.uid) {
    HardenProcess();
    return Status();
  }
  if (setgroups(user.groups.size(), user.groups.data()) != 0 ||
      setresgid(user.gid, user.gid, user.gid) != 0 ||
      setresuid(user.uid, user.uid, user.uid) != 0) {
    return FromErrno("becoming the user " + user.name, errno);
  }
  uid_t uids[3];
  gid_t gids[3];
  bool became =
      getresuid(&uids[0], &uids[1], &uids[2]) == 0 && getresgid(&gids[0], &gids[1], &gids[2]) == 0;
  for (int i = 0; i < 3 && became; ++i) became = uids[i] == user.uid && gids[i] == user.gid;
  if (!became || (user.uid != 0 && setuid(0) == 0)) {
    return Status::Unavailable("becoming the user " + user.name + " was only half done");
  }
  // After the change, which makes a process dumpable again on some kernels.
  HardenProcess();
  return Status();
}

Status CheckFolders(const Config& config) {
  for (const std::string& folder : FoldersOf(config)) {
    struct stat st {};
    if (stat(folder.c_str(), &st) != 0) {
      if (errno == ENOENT) continue;  // `init` makes it
      return errno == EACCES ? WhoIsInTheWay(folder) : FromErrno(folder, errno);
    }
    if (st.st_uid == geteuid()) continue;
    const std::string name = NameOf(st.st_uid);
    return {Code::kPermissionDenied,
            folder + " belongs to " + name + ", and this runs as " + NameOf(geteuid()) +
                ": what it makes there the server could not read. Run statewardctl as root, with "
                "the unit that starts the server (--unit) or its user (--user " +
                name + "). " + kAfterACopy};
  }
  return Status();
}

}  // namespace stateward
