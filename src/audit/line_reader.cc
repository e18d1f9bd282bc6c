#include "audit/line_reader.h"

#include <algorithm>
#include <string>
#include <vector>

#include "audit/audit_line.h"
#include "base/files.h"

namespace stateward {
namespace {

constexpr size_t kPiece = size_t{256} * 1024;

}  // namespace

Status EachLine(Disk& disk, int fd, uint64_t from, const LineFn& line) {
  std::vector<char> piece(kPiece);
  std::string open;  // what the line under way has so far, at most kMaxAuditLine and one byte
  uint64_t begins = from;
  uint64_t at = from;
  for (;;) {
    const long n = disk.ReadAt(fd, piece.data(), piece.size(), at);
    if (n < 0) return DiskError("read", static_cast<int>(n));
    if (n == 0) break;
    const char* const end = piece.data() + n;
    for (const char* p = piece.data(); p < end;) {
      const char* const stop = std::find(p, end, '\n');
      const size_t room = kMaxAuditLine + 1 - std::min(open.size(), kMaxAuditLine + 1);
      open.append(p, std::min(room, static_cast<size_t>(stop - p)));
      p = stop;
      if (stop == end) break;
      ++p;
      if (!line(open, open.size() <= kMaxAuditLine, begins)) return Status();
      open.clear();
      begins = at + static_cast<uint64_t>(p - piece.data());
    }
    at += static_cast<uint64_t>(n);
  }
  if (!open.empty()) line(open, false, begins);
  return Status();
}

}  // namespace stateward
