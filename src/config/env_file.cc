#include "config/env_file.h"

namespace stateward {
namespace {

std::string_view Trim(std::string_view s) {
  constexpr std::string_view kBlank = " \t\r";
  size_t from = s.find_first_not_of(kBlank);
  if (from == std::string_view::npos) return {};
  return s.substr(from, s.find_last_not_of(kBlank) - from + 1);
}

bool IsName(std::string_view s) {
  if (s.empty() || (s[0] >= '0' && s[0] <= '9')) return false;
  for (char c : s) {
    bool ok =
        (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    if (!ok) return false;
  }
  return true;
}

}  // namespace

std::vector<std::string> ParseEnvText(std::string_view text, EnvMap* out) {
  std::vector<std::string> problems;
  size_t number = 0;
  while (!text.empty()) {
    ++number;
    size_t end = text.find('\n');
    std::string_view line = Trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty()) continue;
    const std::string where = "line " + std::to_string(number) + ": ";
    const bool comment = line[0] == '#' || line[0] == ';';
    // systemd reads the same file: to it a backslash escapes what follows, also the line's end.
    if (comment ? line.back() == '\\' : line.find('\\') != std::string_view::npos) {
      problems.push_back(where +
                         "a backslash has no place here; put a secret with one into a file "
                         "(NAME_FILE)");
      continue;
    }
    if (comment) continue;
    size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
      problems.push_back(where + "no '='");
      continue;
    }
    std::string_view name = Trim(line.substr(0, equals));
    std::string_view value = Trim(line.substr(equals + 1));
    if (!IsName(name)) {
      problems.push_back(where + "the name before '=' may hold letters, digits and _ only");
      continue;
    }
    if (!value.empty() && (value[0] == '"' || value[0] == '\'')) {
      if (value.size() < 2 || value.back() != value[0]) {
        problems.push_back(where + "the quote does not end");
        continue;
      }
      const char quote = value[0];
      value = value.substr(1, value.size() - 2);
      if (value.find(quote) != std::string_view::npos) {
        problems.push_back(where + "a quote within quotes of its kind");
        continue;
      }
    }
    (*out)[std::string(name)] = SecretString(value);
  }
  return problems;
}

}  // namespace stateward
