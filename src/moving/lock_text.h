// The LockInfo that an import leaves at a source. Its ID is the same for a run that was killed and
// the next one, so that this one knows it again.
#ifndef STATEWARD_MOVING_LOCK_TEXT_H_
#define STATEWARD_MOVING_LOCK_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "stateward/bytes.h"

namespace stateward {

// A UUID that follows from `place`.
std::string ImportLockId(std::string_view place);
// `path`: the member Path, as the backend that is locked writes it.
std::string ImportLockInfo(std::string_view place, const std::string& path, int64_t now_ms);
// "ann@build-7 for OperationTypeApply since 2026-11-24T04:07:17Z with the lock ID …": who holds a
// lock, from its LockInfo. `id`: its ID; "" when it is no LockInfo.
std::string WhoHolds(ByteView info, std::string* id);

}  // namespace stateward

#endif  // STATEWARD_MOVING_LOCK_TEXT_H_
