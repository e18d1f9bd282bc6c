// The lines of a file, in order, without holding more than one of them.
#ifndef STATEWARD_AUDIT_LINE_READER_H_
#define STATEWARD_AUDIT_LINE_READER_H_

#include <cstdint>
#include <functional>
#include <string_view>

#include "stateward/disk.h"
#include "stateward/status.h"

namespace stateward {

// `line` without its line end; `whole`: it had one, and was not longer than a line of the trail can
// be (else its front). `at`: where it begins. False ends the reading.
using LineFn = std::function<bool(std::string_view line, bool whole, uint64_t at)>;

// From offset `from` to the file's end. kUnavailable: it cannot be read.
Status EachLine(Disk& disk, int fd, uint64_t from, const LineFn& line);

}  // namespace stateward

#endif  // STATEWARD_AUDIT_LINE_READER_H_
