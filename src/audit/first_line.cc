#include "audit/first_line.h"

#include <fcntl.h>

#include <string_view>
#include <utility>

#include "audit/line_reader.h"
#include "base/files.h"

namespace stateward {
namespace {

// A process that was killed left half a line, and so may others have that died at the same time. A
// file of another store has none that can be read, however long it is.
constexpr int kFirstLines = 16;

}  // namespace

std::optional<AuditLine> FirstTrailLine(Disk& disk, int dir, const std::string& name,
                                        ByteView key) {
  Result<Fd> file = OpenFileAt(disk, dir, name, O_RDONLY);
  if (!file.ok()) return std::nullopt;
  std::optional<AuditLine> first;
  int left = kFirstLines;
  (void)EachLine(disk, file->get(), 0, [&](std::string_view text, bool whole, uint64_t) {
    Result<AuditLine> line = ReadAuditLine(key, text);
    if (whole && line.ok()) first = *std::move(line);
    return !first.has_value() && --left > 0;
  });
  return first;
}

}  // namespace stateward
