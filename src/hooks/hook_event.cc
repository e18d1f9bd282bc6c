#include "hooks/hook_event.h"

#include <algorithm>
#include <ctime>
#include <iterator>
#include <utility>

namespace stateward {
namespace {

constexpr std::string_view kNames[] = {"state.written", "state.rolled_back", "state.deleted",
                                       "lock.forced",   "lock.stale",        "write.kept",
                                       "check.failed",  "events.lost",       "maintenance.*"};
constexpr std::string_view kMaintenance = "maintenance.";

// What shows in a line that something was done, and not found as it should be.
enum class Shows : uint8_t { kResult, kVersion, kLock };

struct Told {
  std::string_view action;
  std::string_view type;
  Shows shows;
};

constexpr Told kTold[] = {
    {"write", "state.written", Shows::kVersion},
    {"undelete", "state.written", Shows::kVersion},
    {"uploads restore", "state.written", Shows::kVersion},
    {"rollback", "state.rolled_back", Shows::kVersion},
    {"delete", "state.deleted", Shows::kVersion},
    {"force unlock", "lock.forced", Shows::kLock},
    {"maintenance set", "maintenance.set", Shows::kResult},
    {"maintenance end", "maintenance.end", Shows::kResult},
    {"freeze", "maintenance.freeze", Shows::kResult},
    {"unfreeze", "maintenance.unfreeze", Shows::kResult},
};

bool IsShown(Shows what, const JsonObject& line) {
  switch (what) {
    case Shows::kResult:
      break;
    case Shows::kVersion:
      return line.Uint("version_after").value_or(0) > line.Uint("version_before").value_or(0);
    case Shows::kLock:
      return !line.String("lock_id").value_or("").empty();
  }
  return true;
}

std::string_view TypeOf(const JsonObject& line) {
  if (line.String("event") != "done") return "";
  const std::string action = line.String("action").value_or("");
  const bool over_http = line.Has("status");
  if (line.String("result") != "done") {
    return over_http && action == "write" && line.Has("upload") ? "write.kept" : "";
  }
  for (const Told& told : kTold) {
    if (told.action == action) return IsShown(told.shows, line) ? told.type : "";
  }
  return "";
}

// Metadata: names, numbers, who and why.
constexpr const char* kTexts[] = {"state",  "namespace", "principal",  "action",     "lock_id",
                                  "upload", "reason",    "request_id", "traceparent"};
constexpr const char* kNumbers[] = {"version_before", "version_after", "serial_before",
                                    "serial_after", "resources"};

}  // namespace

bool IsHookEventName(std::string_view name) {
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

bool IsWanted(const std::vector<std::string>& wanted, std::string_view type) {
  if (wanted.empty() || type == kEventsLost || type == kEventTest) return true;
  return std::any_of(wanted.begin(), wanted.end(), [type](const std::string& name) {
    return name == type ||
           (name == "maintenance.*" && type.substr(0, kMaintenance.size()) == kMaintenance);
  });
}

HookEvent MakeHookEvent(std::string id, std::string type, std::string_view time, JsonWriter data) {
  JsonWriter w;
  w.BeginObject().Key("type").String(type).Key("timestamp").String(time);
  w.Key("data").Raw(std::move(data).Take()).EndObject();
  return {std::move(id), std::move(type), std::move(w).Take()};
}

std::optional<HookEvent> EventOfLine(const JsonObject& line) {
  const std::string_view type = TypeOf(line);
  const std::optional<std::string> chain = line.String("chain");
  const std::optional<uint64_t> sequence = line.Uint("seq");
  if (type.empty() || !chain || !sequence) return std::nullopt;
  JsonWriter data;
  data.BeginObject();
  for (const char* name : kTexts) {
    const std::optional<std::string> value = line.String(name);
    if (value) data.Key(name).String(*value);
  }
  for (const char* name : kNumbers) {
    const std::optional<uint64_t> value = line.Uint(name);
    if (value) data.Key(name).Uint(*value);
  }
  data.EndObject();
  return MakeHookEvent("evt_" + *chain + "_" + std::to_string(*sequence), std::string(type),
                       line.String("time").value_or(""), std::move(data));
}

std::string HookTime(int64_t ms) {
  const time_t seconds = static_cast<time_t>(ms / 1000);
  tm utc{};
  gmtime_r(&seconds, &utc);
  char text[40];
  const size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  return std::string(text, n) + "." + std::to_string(1000 + ms % 1000).substr(1) + "Z";
}

}  // namespace stateward
