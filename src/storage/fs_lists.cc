// Lists of all states in files.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "base/hex.h"
#include "storage/fs_layout.h"
#include "storage/fs_storage.h"

namespace stateward {

using fs_layout::kStates;
using fs_layout::NotProved;

Status FsStorage::ListAfter(const StateId& after, const std::function<bool(const StateId&)>& each) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> states = OpenDirAt(disk_, root->get(), kStates);
  if (!states.ok()) return NotProved(std::move(states).status(), "folder of states");
  std::vector<std::string> groups;
  int r = disk_.ListDir(states->get(), &groups);
  if (r < 0) return FromErrno("list", -r);
  std::sort(groups.begin(), groups.end());
  // Only a folder that is gone holds no state. One that cannot be opened may hold any.
  for (const std::string& group : groups) {
    if (!IsHex(group, 2) || group < after.hex().substr(0, 2)) continue;
    std::vector<std::string> names;
    Result<Fd> dir = OpenAndListAt(disk_, states->get(), group, &names);
    if (!dir.ok() && dir.status().code() == Code::kNotFound) continue;
    if (!dir.ok()) return std::move(dir).status();
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      StateId id;
      if (name <= after.hex() || !fs_layout::ParseStateName(group, name, &id)) continue;
      Result<Fd> state = OpenDirAt(disk_, dir->get(), name);
      if (!state.ok() && state.status().code() == Code::kNotFound) continue;
      if (!state.ok()) return std::move(state).status();
      Result<uint64_t> head = ListHead(state->get());
      if (!head.ok()) return std::move(head).status();
      if (*head > 0 && !each(id)) return Status();
    }
  }
  return Status();
}

bool FsStorage::IsShut(const StateId& id, uint64_t n) {
  Result<Root> root = OpenRoot();
  if (!root.ok() || n == 0) return false;
  const int fd = disk_.OpenAt(root->get(), fs_layout::VersionPath(id, n).c_str(),
                              O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
  if (fd >= 0) disk_.Close(fd);
  return fd == -EACCES;
}

Result<std::vector<Records::Front>> FsStorage::Fronts(const std::vector<End>& ends, size_t limit) {
  std::vector<Front> fronts;
  for (const End& end : ends) {
    Result<std::vector<Front>> one = Records::Fronts({end}, limit);
    if (one.ok()) {
      fronts.push_back(std::move(one->front()));
      continue;
    }
    if (!IsShut(end.id, end.n)) return one;
    Front shut;
    shut.id = end.id;
    shut.records = end.records;
    shut.newest.n = end.n;
    shut.shut = true;
    fronts.push_back(std::move(shut));
  }
  return fronts;
}

Result<uint64_t> FsStorage::Count() {
  uint64_t count = 0;
  STATEWARD_RETURN_IF_ERROR(List([&](const StateId&) {
    ++count;
    return true;
  }));
  return count;
}

}  // namespace stateward
