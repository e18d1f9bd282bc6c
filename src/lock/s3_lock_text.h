// The objects of the lock s3 as bytes (docs/formats.md, "Lock objects in S3"). Pure.
#ifndef STATEWARD_LOCK_S3_LOCK_TEXT_H_
#define STATEWARD_LOCK_S3_LOCK_TEXT_H_

#include <cstdint>
#include <string>

#include "lock/lock_record.h"
#include "stateward/bytes.h"
#include "stateward/result.h"

namespace stateward {

// By which the lock service is known. `epoch` grows each time locks may have been forgotten.
struct S3LockService {
  std::string id;  // 32 hex digits
  uint64_t epoch = 0;
};
std::string FormatS3LockService(const S3LockService& service);
// kUnavailable: damaged.
Result<S3LockService> ParseS3LockService(ByteView text);

struct S3LockObject {
  uint64_t epoch = 0;  // in which it was written
  LockBook book;
};
// With room for what a newer build may add.
inline constexpr size_t kMaxS3LockObject = size_t{96} * 1024;
// Holds random bytes, so that no two writes of one lock have the same ETag.
Bytes EncodeS3LockObject(const S3LockObject& object);
// kCorruption: not one, or damaged.
Result<S3LockObject> DecodeS3LockObject(ByteView bytes);

}  // namespace stateward

#endif  // STATEWARD_LOCK_S3_LOCK_TEXT_H_
