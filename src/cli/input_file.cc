#include "cli/input_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace stateward {
namespace {

constexpr size_t kMaxInput = size_t{64} << 20;

}  // namespace

Result<SecretBytes> ReadInput(const CliContext& cli, const std::string& path, InputRights rights) {
  Result<FILE*> file = cli.OpenInput(path);
  if (!file.ok()) return std::move(file).status();
  std::unique_ptr<FILE, int (*)(FILE*)> hold(*file, fclose);
  struct stat st {};
  if (fstat(fileno(*file), &st) != 0) return FromErrno(path, errno);
  if (rights == InputRights::kOwnerOnly && (st.st_mode & 077) != 0) {
    return Status::InvalidArgument(path + ": others may read it; chmod 0600 it");
  }
  SecretBytes text(1);
  size_t have = 0;
  for (;;) {
    size_t n = fread(text.data() + have, 1, text.size() - have, *file);
    have += n;
    if (n == 0) break;
    if (have == kMaxInput) return Status(Code::kTooLarge, path + ": more than 64 MiB");
    if (have == text.size()) text.resize(std::min(kMaxInput, 2 * text.size() + 4096));
  }
  if (ferror(*file) != 0) return FromErrno(path, errno);
  text.resize(have);
  return text;
}

}  // namespace stateward
