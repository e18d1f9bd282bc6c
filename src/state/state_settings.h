// What the settings allow with states, and how much of their history is kept.
#ifndef STATEWARD_STATE_STATE_SETTINGS_H_
#define STATEWARD_STATE_STATE_SETTINGS_H_

#include <cstdint>

#include "history/upload_settings.h"
#include "stateward/plan_locks.h"

namespace stateward {

struct WriteRules {
  bool write_without_lock = true;  // WRITE_WITHOUT_LOCK
  bool strict = true;              // WRITE_GUARD
  bool legacy_read = true;         // LEGACY_READ
};

struct HistoryRules {
  uint64_t keep = 100;  // HISTORY_KEEP: the newest so many versions
  uint64_t days = 30;   // HISTORY_DAYS: and each version for so long
};

struct StateRules {
  WriteRules write;
  bool force_unlock_enabled = true;  // FORCE_UNLOCK_ENABLED
  PlanLocks plan_locks;              // PLAN_LOCKS, PLAN_LOCKS_WRITER_WAIT
  bool diff_values = true;           // DIFF_VALUES
  bool new_tenants = true;           // AUTH_BASIC_NEW_TENANTS
  bool nested_names = false;         // NESTED_NAMES
  HistoryRules history;
  UploadRules uploads;
  // Names that the original's data may hold are kept from identified users (state/held_names.h). An
  // administrator's tool that takes the data over writes all the same. No setting.
  bool hold_names = true;
  bool read_only = false;          // READ_ONLY
  int64_t read_only_since_ms = 0;  // when this process began; 0 = not known. No setting.
};

}  // namespace stateward

#endif  // STATEWARD_STATE_STATE_SETTINGS_H_
