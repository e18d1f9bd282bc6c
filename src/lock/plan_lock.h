// A plan lock and a waiting writer as they are kept: short forms of bounded size, and their bytes
// (docs/formats.md, "Lock record"). Pure.
#ifndef STATEWARD_LOCK_PLAN_LOCK_H_
#define STATEWARD_LOCK_PLAN_LOCK_H_

#include <string>
#include <vector>

#include "lock/lock_book.h"
#include "stateward/bytes.h"
#include "stateward/locker.h"

namespace stateward {

// A lock that is asked for, as a plan lock that is kept: see LockRecord::shared. `want.info` is the
// client's LockInfo.
LockRecord KeptPlan(const LockRecord& want);
// The LockInfo of a plan lock, of what is kept of it.
std::string PlanInfo(const std::string& id, const std::string& who);
// What PlanInfo was made of; "" where it was not.
std::string WhoOfPlan(const LockRecord& plan);

// Fields of a lock record. Decoding is false for what is damaged.
Bytes EncodePlans(const std::vector<LockRecord>& plans);
bool DecodePlans(ByteView bytes, std::vector<LockRecord>* plans);
Bytes EncodeWaiting(const std::vector<WaitingWriter>& waiting);
bool DecodeWaiting(ByteView bytes, std::vector<WaitingWriter>* waiting);

}  // namespace stateward

#endif  // STATEWARD_LOCK_PLAN_LOCK_H_
