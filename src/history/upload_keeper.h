// Which refused uploads are kept, over any backend: each once, so many bytes of one principal, so
// many of all together, and nothing younger than seven days removed. What cannot be kept is an
// error: the client then knows that it still holds the only copy.
//
// The bytes of one principal are listed for each upload. Those of all are counted now and then:
// after a count a process may use kShare of the room that it found, or the whole for the one upload
// that it counted for, and then counts again. So far the limits hold when several processes keep
// uploads of one store at the same time:
// - by what the others are storing at that very moment, which they could not see (at most
//   MAX_INFLIGHT_BYTES of each), once: the next look sees it;
// - that of all also by a kShare of it for each other process whose count is old.
// Within one process no room is given twice, however many threads keep uploads.
#ifndef STATEWARD_HISTORY_UPLOAD_KEEPER_H_
#define STATEWARD_HISTORY_UPLOAD_KEEPER_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "history/upload_settings.h"
#include "stateward/bytes.h"
#include "stateward/clock.h"
#include "stateward/kept_uploads.h"
#include "stateward/result.h"

namespace stateward {

// Nothing younger is ever removed: the runner that sent it may hold the only other copy, or be
// gone.
inline constexpr int64_t kUploadKeptMs = int64_t{7} * 24 * 60 * 60 * 1000;
// An upload counts as so many bytes at least. So the default limits are 16,384 uploads of one
// principal and 131,072 of all: inodes stay bounded, and a list of S3 is 17 requests or 132.
inline constexpr uint64_t kLeastUpload = uint64_t{64} * 1024;

// Thread-safe. What it is given must outlive it.
class UploadKeeper {
 public:
  static constexpr uint64_t kShare = 64;
  // A count that took so long is followed by so many times that without one: counting never takes
  // more than a tenth of one thread's time.
  static constexpr int64_t kRest = 9;
  // Old uploads that one call removes at most, to make room; a second or two in S3. The client's
  // repeat goes on.
  static constexpr int kMaxEvicted = 64;

  UploadKeeper(KeptUploads& uploads, const Clock& clock, const UploadRules& rules)
      : uploads_(uploads), clock_(clock), rules_(rules) {}
  UploadKeeper(const UploadKeeper&) = delete;
  UploadKeeper& operator=(const UploadKeeper&) = delete;

  // Durable when it returns OK. The same content of the same principal again is kept already, and
  // gets the new time when the old one is a day old; two of them at the same time may both be kept.
  // kUnavailable: also when a limit is reached; the detail names the setting.
  Status Keep(const KeptUpload& upload, ByteView sealed);

 private:
  class UnderWay;
  using Uploads = std::vector<KeptUpload>;

  Result<bool> Settle(const Uploads& theirs, const KeptUpload& upload, ByteView sealed);
  // OK: `need` more bytes are within `limit`, where `used` are in use; the oldest of `uploads` may
  // have been removed for that.
  Status MakeRoom(Uploads uploads, uint64_t used, uint64_t need, uint64_t limit, uint64_t* left);
  Status TakeOfAll(uint64_t need);
  bool TakeOfShare(uint64_t need);

  KeptUploads& uploads_;
  const Clock& clock_;
  const UploadRules rules_;

  std::mutex mutex_;
  std::map<std::string, uint64_t> under_way_;  // bytes that are being stored, by principal
  uint64_t all_under_way_ = 0;
  uint64_t share_ = 0;  // of the room that the last count found

  std::mutex count_mutex_;  // one counts, the others wait for what it finds
  int64_t count_again_us_ = 0;
};

enum class PruneHow : uint8_t {
  kRemove,
  kOnlyCount,  // what would be removed
};
struct PrunedUploads {
  uint64_t removed = 0;
  uint64_t bytes = 0;
};
// Removes the uploads that `rules` do not keep: the old ones, and the oldest beyond the bytes of
// their principal or of all.
Result<PrunedUploads> PruneUploads(KeptUploads& uploads, const Clock& clock,
                                   const UploadRules& rules, PruneHow how);

}  // namespace stateward

#endif  // STATEWARD_HISTORY_UPLOAD_KEEPER_H_
