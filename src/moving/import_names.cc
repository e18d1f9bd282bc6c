#include "moving/import_names.h"

#include <set>
#include <utility>

#include "base/state_name.h"

namespace stateward {
namespace {

constexpr std::string_view kVariable = "{workspace}";

bool ParseKey(std::string_view text, StateKey* key) {
  std::string_view project;
  std::string_view name;
  if (!SplitStateName(text, &project, &name)) return false;
  *key = {"", std::string(project), std::string(name)};
  return true;
}

}  // namespace

std::string FillPattern(const std::string& pattern, const std::string& workspace) {
  std::string out;
  size_t from = 0;
  for (size_t at = pattern.find(kVariable); at != pattern.npos;
       at = pattern.find(kVariable, from)) {
    out += pattern.substr(from, at - from) + workspace;
    from = at + kVariable.size();
  }
  return out + pattern.substr(from);
}

Result<ImportNames> ImportNames::OfPattern(const std::string& pattern) {
  ImportNames names;
  names.pattern_ = pattern;
  Result<StateKey> sample = names.Of("w");
  if (!sample.ok()) {
    return Status::InvalidArgument(
        "--to must be PROJECT/NAME, where {workspace} stands for what the state is called now");
  }
  return names;
}

Result<ImportNames> ImportNames::OfFile(std::string_view text) {
  ImportNames names;
  std::set<std::string> taken;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (line.empty() || line[0] == '#') continue;
    const size_t gap = line.find_last_of(" \t");
    StateKey key;
    const std::string where = "line " + std::to_string(number);
    if (gap == line.npos || !ParseKey(line.substr(gap + 1), &key)) {
      return Status::InvalidArgument(where + ": not WORKSPACE PROJECT/NAME");
    }
    std::string_view workspace = line.substr(0, gap);
    while (!workspace.empty() && (workspace.back() == ' ' || workspace.back() == '\t')) {
      workspace.remove_suffix(1);
    }
    if (!taken.insert(key.project + "/" + key.name).second) {
      return Status::InvalidArgument(where + ": another line gives this address, too");
    }
    if (!names.names_.emplace(std::string(workspace), std::move(key)).second) {
      return Status::InvalidArgument(where + ": this workspace has an address already");
    }
  }
  return names;
}

Result<StateKey> ImportNames::Of(const std::string& workspace) const {
  if (pattern_.empty()) {
    auto found = names_.find(workspace);
    if (found == names_.end()) return Status::NotFound("the names file does not name it");
    return found->second;
  }
  StateKey key;
  const std::string text = FillPattern(pattern_, workspace);
  if (ParseKey(text, &key)) return key;
  return Status::InvalidArgument(text +
                                 " is no address: PROJECT/NAME, both of A-Z a-z 0-9 . _ ~ -; give "
                                 "it one with --names");
}

bool ImportNames::IsOneAddress() const {
  return !pattern_.empty() && pattern_.find(kVariable) == pattern_.npos;
}

std::vector<std::string> ImportNames::Missing(const std::set<std::string>& there) const {
  std::vector<std::string> out;
  for (const auto& [workspace, key] : names_) {
    if (there.count(workspace) == 0) out.push_back(workspace);
  }
  return out;
}

std::vector<std::string> ImportNames::Workspaces() const {
  std::vector<std::string> out;
  for (const auto& [workspace, key] : names_) out.push_back(workspace);
  return out;
}

}  // namespace stateward
