// The LockInfo that an import leaves at a source. Its ID tells the place and the run
// (moving/tool_run.h), so that another run knows what a killed one left.
#ifndef STATEWARD_MOVING_LOCK_TEXT_H_
#define STATEWARD_MOVING_LOCK_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "moving/tool_run.h"
#include "stateward/bytes.h"

namespace stateward {

// A UUID: 8 digits that follow from `place`, and the mark of this process.
std::string ImportLockId(std::string_view place);
// The run of an import that made this ID for `place`. kOther: none did, or it is at work.
RunState WhoseImport(std::string_view id, std::string_view place);
// `path`: the member Path, as the backend that is locked writes it.
std::string ImportLockInfo(const std::string& id, const std::string& path, int64_t now_ms);
// "ann@build-7 for OperationTypeApply since 2026-11-24T04:07:17Z with the lock ID …": who holds a
// lock, from its LockInfo. `id`: its ID; "" when it is no LockInfo.
std::string WhoHolds(ByteView info, std::string* id);

}  // namespace stateward

#endif  // STATEWARD_MOVING_LOCK_TEXT_H_
