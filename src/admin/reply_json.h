// Rows as JSON: one form for --json and for /api/v1 (docs/commands.md).
#ifndef STATEWARD_ADMIN_REPLY_JSON_H_
#define STATEWARD_ADMIN_REPLY_JSON_H_

#include "admin/reply.h"
#include "base/json_writer.h"

namespace stateward {

// An object with a member for each column, in their order. REQUIRES: a value for each column
void WriteRow(const ColumnTable& columns, const Row& row, JsonWriter* out);

}  // namespace stateward

#endif  // STATEWARD_ADMIN_REPLY_JSON_H_
