// Events for a webhook: what they are called, and what of the audit trail is one. Pure.
#ifndef STATEWARD_HOOKS_HOOK_EVENT_H_
#define STATEWARD_HOOKS_HOOK_EVENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/json_writer.h"

namespace stateward {

struct HookEvent {
  std::string id;    // the same again when it is sent again
  std::string type;  // "state.written"
  std::string body;  // JSON, as it is sent
};

// Names that WEBHOOK_EVENTS may have; "maintenance.*" stands for each that begins so.
bool IsHookEventName(std::string_view name);
// Whether `wanted` (empty: everything) has this type. What says that events were lost is wanted
// with any.
bool IsWanted(const std::vector<std::string>& wanted, std::string_view type);

// One event. `data`: the members of its object `data`, metadata alone.
HookEvent MakeHookEvent(std::string id, std::string type, std::string_view time, JsonWriter data);

// The event of one line of an audit trail (docs/formats.md); nullopt: it is of none.
std::optional<HookEvent> EventOfLine(const JsonObject& line);

inline constexpr char kEventStaleLock[] = "lock.stale";
inline constexpr char kEventCheckFailed[] = "check.failed";
inline constexpr char kEventsLost[] = "events.lost";
inline constexpr char kEventTest[] = "webhook.test";

// "2026-11-27T04:00:00.000Z".
std::string HookTime(int64_t ms);

}  // namespace stateward

#endif  // STATEWARD_HOOKS_HOOK_EVENT_H_
