#include "config/env_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace stateward {
namespace {

// A ring of some hundred keys fits; nothing that we read is larger.
constexpr size_t kMaxSecretFile = size_t{64} * 1024;

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
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    size_t equals = line.find('=');
    std::string where = "line " + std::to_string(number) + ": ";
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
      value = value.substr(1, value.size() - 2);
    }
    (*out)[std::string(name)] = SecretString(value);
  }
  return problems;
}

Result<SecretBytes> ReadSmallFile(const std::string& path, size_t limit) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return FromErrno(path, errno);
  SecretBytes bytes(limit + 1);
  size_t have = 0;
  ssize_t n = 0;
  while (have < bytes.size() && ((n = read(fd, bytes.data() + have, bytes.size() - have)) > 0 ||
                                 (n < 0 && errno == EINTR))) {
    if (n > 0) have += static_cast<size_t>(n);
  }
  int err = errno;
  close(fd);
  if (n < 0) return FromErrno(path, err);
  if (have > limit) {
    return Status(Code::kTooLarge, path + ": more than " + std::to_string(limit) + " bytes");
  }
  bytes.resize(have);
  return bytes;
}

Result<SecretString> ReadSecretFile(const std::string& path, FileAccess access) {
  struct stat st {};
  if (stat(path.c_str(), &st) != 0) return FromErrno(path, errno);
  if ((st.st_mode & 07) != 0) {
    return Status(Code::kPermissionDenied, path + ": every user may read it; chmod 0400 it");
  }
  // A file of root's can be ours only through its group, as systemd and Kubernetes give it to us.
  const mode_t too_much = access == FileAccess::kOwnerOnly && st.st_uid != 0 ? 070 : 020;
  if ((st.st_mode & too_much) != 0) {
    return Status(Code::kPermissionDenied, path + ": its group may " +
                                               ((st.st_mode & 040) != 0 ? "read" : "write to") +
                                               " it; chmod 0400 it");
  }
  Result<SecretBytes> bytes = ReadSmallFile(path, kMaxSecretFile);
  if (!bytes.ok()) return std::move(bytes).status();
  if (!bytes->empty() && bytes->back() == '\n') bytes->pop_back();
  if (!bytes->empty() && bytes->back() == '\r') bytes->pop_back();
  return SecretString(std::move(*bytes));
}

}  // namespace stateward
