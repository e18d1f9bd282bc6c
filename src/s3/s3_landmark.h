// An object by which we know where we are: the marker of a store, the id of a lock service. While
// it is there and says what it said first, what is absent in the same store is absent.
//
// It is read again before absence is told to anybody. Otherwise it counts for kFreshUs after a
// look: who empties a bucket removes this key first (it sorts before ours), and an exchange of the
// lock service asks for stopped servers anyway.
#ifndef STATEWARD_S3_S3_LANDMARK_H_
#define STATEWARD_S3_S3_LANDMARK_H_

#include <cstdint>
#include <mutex>
#include <string>

#include "s3/s3_client.h"
#include "stateward/bytes.h"
#include "stateward/clock.h"
#include "stateward/result.h"

namespace stateward {

// Thread-safe.
class S3Landmark {
 public:
  static constexpr int64_t kFreshUs = int64_t{5} * 1000 * 1000;
  // The id of a lock service has 100 bytes, a marker 500, or some thousand with a long wrapped key.
  static constexpr uint64_t kMaxBytes = uint64_t{16} * 1024;
  // Whether a text stands for the same place as the one before. An error: it says nothing that is
  // known here.
  using SameFn = Result<bool> (*)(ByteView now, ByteView before);

  // `client` and `clock` must outlive it.
  S3Landmark(
      S3Client& client, const Clock& clock, std::string key, std::string name,
      SameFn same = [](ByteView now, ByteView before) -> Result<bool> { return now == before; })
      : client_(client), clock_(clock), key_(std::move(key)), name_(std::move(name)), same_(same) {}

  const std::string& key() const { return key_; }
  // The last good look is too old.
  bool Due() const;
  // Reads it. kUnavailable: not there, not readable, or not as it was.
  Status Look();
  Status LookIfDue() { return Due() ? Look() : Status(); }
  // What it said at the last good look; empty before the first.
  Bytes Text() const;
  // The next look may find anything.
  void Forget();

 private:
  S3Client& client_;
  const Clock& clock_;
  const std::string key_;
  const std::string name_;  // for messages
  const SameFn same_;
  mutable std::mutex mutex_;
  Bytes seen_;
  int64_t good_us_ = 0;
};

}  // namespace stateward

#endif  // STATEWARD_S3_S3_LANDMARK_H_
