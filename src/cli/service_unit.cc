#include "cli/service_unit.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>

#include "base/secret_file.h"

namespace stateward {
namespace {

namespace fs = std::filesystem;

// systemd's own order: what the administrator wrote comes before what packages brought.
constexpr const char* kFolders[] = {"/etc/systemd/system", "/run/systemd/system",
                                    "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                                    "/lib/systemd/system"};
constexpr const char* kShipped[] = {"stateward.service", "stateward-fcgi.service",
                                    "stateward-spawn.service"};
constexpr size_t kMaxUnit = size_t{64} * 1024;

std::string_view Trim(std::string_view s) {
  size_t from = s.find_first_not_of(" \t\r");
  if (from == std::string_view::npos) return {};
  return s.substr(from, s.find_last_not_of(" \t\r") - from + 1);
}

// Parted by blanks; in single or double quotes a blank is a part of the word.
std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  char quote = 0;
  bool any = false;
  for (char c : text) {
    if (quote != 0 ? c == quote : c == '"' || c == '\'') {
      quote = quote != 0 ? 0 : c;
      any = true;
    } else if (quote == 0 && (c == ' ' || c == '\t')) {
      if (any) words.push_back(std::move(word));
      word.clear();
      any = false;
    } else {
      word += c;
      any = true;
    }
  }
  if (any) words.push_back(std::move(word));
  return words;
}

void AddWords(std::string_view value, std::vector<std::string>* list) {
  if (value.empty()) list->clear();
  for (std::string& word : Words(value)) list->push_back(std::move(word));
}

// name:value
void AddCredential(std::string_view value,
                   std::vector<std::pair<std::string, std::string>>* credentials) {
  if (value.empty()) credentials->clear();
  size_t colon = value.find(':');
  if (colon == std::string_view::npos) return;  // one of systemd's own stores
  credentials->emplace_back(value.substr(0, colon), value.substr(colon + 1));
}

void TakeEnvFile(std::string_view command, ServiceUnit* unit) {
  std::vector<std::string> words = Words(command);
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "--env-file") unit->env_file = words[i + 1];
  }
}

void Take(std::string_view name, std::string_view value, ServiceUnit* unit) {
  const std::map<std::string_view, std::string*> texts = {
      {"User", &unit->user},
      {"Group", &unit->group},
      {"WorkingDirectory", &unit->working_directory},
      {"StateDirectory", &unit->state_directory}};
  auto text = texts.find(name);
  if (text != texts.end()) *text->second = std::string(value);
  if (name == "SupplementaryGroups") AddWords(value, &unit->supplementary_groups);
  if (name == "Environment") AddWords(value, &unit->environment);
  if (name == "LoadCredential") AddCredential(value, &unit->credentials);
  if (name == "SetCredential") AddCredential(value, &unit->defaults);
  if (name == "ExecStart") TakeEnvFile(value, unit);
  if (name == "EnvironmentFile") {
    std::string_view path = value.substr(0, 1) == "-" ? value.substr(1) : value;
    AddWords(path, &unit->environment_files);
  }
}

Result<ServiceUnit> ReadUnit(const fs::path& path) {
  ServiceUnit unit;
  unit.path = path.string();
  Result<SecretBytes> text = ReadSmallFile(unit.path, kMaxUnit);
  if (!text.ok()) return std::move(text).status();
  ParseUnitText(ByteView(*text).AsString(), &unit);
  // A drop-in of a name counts once, from the first folder that has it; all in order of their
  // names.
  std::map<std::string, fs::path> drop_ins;
  std::vector<fs::path> folders = {path.parent_path()};
  folders.insert(folders.end(), std::begin(kFolders), std::end(kFolders));
  for (const fs::path& folder : folders) {
    std::error_code none;
    for (const fs::directory_entry& entry :
         fs::directory_iterator(folder / (path.filename().string() + ".d"), none)) {
      if (entry.path().extension() == ".conf") {
        drop_ins.emplace(entry.path().filename().string(), entry.path());
      }
    }
  }
  for (const auto& [name, file] : drop_ins) {
    Result<SecretBytes> more = ReadSmallFile(file.string(), kMaxUnit);
    if (!more.ok()) return std::move(more).status();
    ParseUnitText(ByteView(*more).AsString(), &unit);
  }
  return unit;
}

Result<std::optional<ServiceUnit>> Installed(const std::string& name) {
  for (const char* folder : kFolders) {
    fs::path path = fs::path(folder) / name;
    std::error_code none;
    if (!fs::exists(path, none)) continue;
    Result<ServiceUnit> unit = ReadUnit(path);
    if (!unit.ok()) return std::move(unit).status();
    return std::optional<ServiceUnit>(std::move(*unit));
  }
  return std::optional<ServiceUnit>();
}

bool SameForUs(const ServiceUnit& a, const ServiceUnit& b) {
  return a.user == b.user && a.group == b.group && a.env_file == b.env_file &&
         a.supplementary_groups == b.supplementary_groups && a.credentials == b.credentials &&
         a.defaults == b.defaults && a.environment == b.environment &&
         a.environment_files == b.environment_files && a.working_directory == b.working_directory;
}

}  // namespace

void ParseUnitText(std::string_view text, ServiceUnit* unit) {
  bool service = false;
  std::string joined;
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string_view line = Trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line.back() == '\\') {
      joined.append(line.substr(0, line.size() - 1)).append(" ");
      continue;
    }
    joined.append(line);
    if (joined[0] == '[') {
      service = joined == "[Service]";
    } else if (size_t equals = joined.find('='); service && equals != std::string::npos) {
      std::string_view whole(joined);
      Take(Trim(whole.substr(0, equals)), Trim(whole.substr(equals + 1)), unit);
    }
    joined.clear();
  }
}

Result<ServiceUnit> FindServiceUnit(const std::string& name) {
  if (name.find('/') != std::string::npos) return ReadUnit(name);
  if (!name.empty()) {
    Result<std::optional<ServiceUnit>> unit = Installed(name);
    if (!unit.ok()) return std::move(unit).status();
    if (!unit->has_value()) return Status::NotFound("there is no unit " + name);
    return std::move(**unit);
  }
  std::optional<ServiceUnit> found;
  for (const char* shipped : kShipped) {
    Result<std::optional<ServiceUnit>> unit = Installed(shipped);
    if (!unit.ok()) return std::move(unit).status();
    if (!unit->has_value()) continue;
    if (found && !SameForUs(*found, **unit)) {
      return Status::InvalidArgument(found->path + " and " + (*unit)->path +
                                     " start the server differently; name the one that is used: "
                                     "--unit NAME");
    }
    if (!found) found = std::move(**unit);
  }
  if (!found) return Status::NotFound("no unit of the server is installed");
  return std::move(*found);
}

}  // namespace stateward
