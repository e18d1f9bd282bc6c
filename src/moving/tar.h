// Writes and reads tar files: plain files with their times, as POSIX ustar, names of more than 100
// bytes as GNU tar writes them. The streams are the caller's. Not synchronised.
#ifndef STATEWARD_MOVING_TAR_H_
#define STATEWARD_MOVING_TAR_H_

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

#include "stateward/bytes.h"
#include "stateward/status.h"

namespace stateward {

class TarWriter {
 public:
  explicit TarWriter(FILE* to) : to_(to) {}
  // kUnavailable: the stream failed. kTooLarge: more than 8 GiB.
  Status Add(const std::string& name, ByteView bytes, int64_t time_ms);
  // The end of the file, flushed.
  Status Finish();

 private:
  Status Header(const std::string& name, uint64_t size, int64_t time_ms, char type);
  Status Put(ByteView bytes);

  FILE* const to_;
};

// Calls `each` for every file, until it returns an error, which is returned. kCorruption: no tar
// file as above, or it ends too early.
Status ReadTar(FILE* from,
               const std::function<Status(const std::string& name, const Bytes& bytes)>& each);

}  // namespace stateward

#endif  // STATEWARD_MOVING_TAR_H_
