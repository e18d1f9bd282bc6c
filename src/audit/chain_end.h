// Where a host's chain ends: a small file that the processes which write the chain share. Who holds
// its lock has the turn. The format: docs/formats.md, "Audit trail".
#ifndef STATEWARD_AUDIT_CHAIN_END_H_
#define STATEWARD_AUDIT_CHAIN_END_H_

#include <cstdint>
#include <optional>
#include <string>

#include "base/files.h"
#include "stateward/bytes.h"
#include "stateward/disk.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

struct ChainEnd {
  AuditHead head;
  // The file that the line lies in, and its size behind it; zeros where lines go to no file.
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;
};

// "<AUDIT_FILE>.head"; without a file "<RUNTIME_DIR>/audit.head".
std::string ChainEndPath(const std::string& audit_file, const std::string& runtime_dir);
// kUnavailable, with the reason.
Status CannotOpen(const std::string& path, int negative_errno);

// What the file says, without a key: for metrics. nullopt: there is none, or it is not readable.
std::optional<ChainEnd> PeekChainEnd(Disk& disk, const std::string& path);
// The same, and nullopt as well when it was not written under this key.
std::optional<ChainEnd> PeekChainEnd(Disk& disk, const std::string& path, ByteView key);

// The end as Prometheus text (docs/metrics.md); "" when there is none.
std::string AuditMetrics(Disk& disk, const std::string& path);

// The turn to write. Ends when this goes.
class ChainTurn {
 public:
  // How long to wait for it. A turn takes a write of some KiB to the page cache; who has it for
  // longer stands still.
  static constexpr int kWaitMs = 2000;

  // Makes the file when there is none. kUnavailable: it cannot be opened, or others keep the lock
  // for `limit_ms`.
  static Result<ChainTurn> Take(Disk& disk, const std::string& path, int limit_ms);

  // nullopt: nothing was written yet, or not all of it survived a power cut. kCorruption: it was
  // written under another key, or changed.
  Result<std::optional<ChainEnd>> Read(ByteView key);
  Status Write(ByteView key, const ChainEnd& end);

 private:
  ChainTurn(Disk& disk, std::string path, Fd fd)
      : disk_(&disk), path_(std::move(path)), fd_(std::move(fd)) {}

  Disk* disk_;
  std::string path_;
  Fd fd_;
};

}  // namespace stateward

#endif  // STATEWARD_AUDIT_CHAIN_END_H_
