#include "cli/adopt_sources.h"

#include <cerrno>
#include <cstdlib>

#include "base/state_name.h"
#include "http/target.h"

namespace stateward {
namespace {

// The next line without its end, taken off the front of *text.
std::string_view TakeLine(std::string_view* text) {
  size_t end = text->find('\n');
  std::string_view line = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace

std::vector<SecretString> ParseSecrets(std::string_view text) {
  std::vector<SecretString> secrets;
  while (!text.empty()) {
    std::string_view line = TakeLine(&text);
    if (!line.empty()) secrets.emplace_back(line);
  }
  return secrets;
}

bool ParseStateName(std::string_view text, StateName* name) {
  std::string_view project;
  std::string_view state;
  // terraform-backend knows no nested names.
  if (!SplitStateName(text, &project, &state) || !IsStateName(state)) return false;
  *name = {std::string(project), std::string(state)};
  return true;
}

Status ParseNames(std::string_view text, std::set<StateName>* names) {
  for (size_t number = 1; !text.empty(); ++number) {
    std::string_view line = TakeLine(&text);
    if (line.empty() || line[0] == '#') continue;
    StateName name;
    if (!ParseStateName(line, &name)) {
      return Status::InvalidArgument("line " + std::to_string(number) +
                                     ": not PROJECT/NAME, both of A-Z a-z 0-9 . _ ~ -");
    }
    names->insert(std::move(name));
  }
  return Status();
}

void NamesOfLogLine(std::string_view line, std::set<StateName>* names) {
  constexpr std::string_view kRoute = "/state/";
  for (size_t at = line.find(kRoute); at != std::string_view::npos;
       at = line.find(kRoute, at + 1)) {
    std::string_view path = line.substr(at);
    // JSON logs may write a slash as \/; no name holds either of these.
    path = path.substr(0, path.find_first_of(" \t\"'?#\\<>,;"));
    Result<Target> target = ParseTarget(path);
    if (!target.ok() || target->segments.size() < 3) continue;
    const std::string& project = target->segments[1];
    const std::string& state = target->segments[2];
    if (IsStateName(project) && IsStateName(state)) names->insert({project, state});
  }
}

Status NamesOfLog(FILE* log, std::set<StateName>* names) {
  char* line = nullptr;
  size_t room = 0;
  ssize_t size = 0;
  errno = 0;
  while ((size = getline(&line, &room, log)) >= 0) {
    NamesOfLogLine({line, static_cast<size_t>(size)}, names);
  }
  const int err = ferror(log) != 0 ? errno : 0;
  free(line);
  return err == 0 ? Status() : FromErrno("log", err);
}

}  // namespace stateward
