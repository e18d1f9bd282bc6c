// One line of the audit trail: made, and taken apart. The format: docs/formats.md, "Audit trail".
// Pure functions.
#ifndef STATEWARD_AUDIT_AUDIT_LINE_H_
#define STATEWARD_AUDIT_AUDIT_LINE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "stateward/audit.h"
#include "stateward/bytes.h"
#include "stateward/result.h"
#include "stateward/secret.h"
#include "stateward/state.h"

namespace stateward {

// What a line says that it is.
inline constexpr std::string_view kAuditDone = "done";        // what was done or refused
inline constexpr std::string_view kAuditIntends = "intends";  // what will be done now
inline constexpr std::string_view kAuditStart = "start";      // a process begins to write
inline constexpr std::string_view kAuditStop = "stop";        // it has written all it had
inline constexpr std::string_view kAuditFlood = "flood";      // refused requests that got no line
inline constexpr std::string_view kAuditLost = "lost";        // events that could not be written
// What stands in the file between the line before and this one is no line: a process died in the
// middle of it, or somebody else wrote there.
inline constexpr std::string_view kAuditTorn = "torn";

// 2 KiB are several times what a line with a token's claims has.
inline constexpr size_t kMaxAuditLine = size_t{8} * 1024;

// The members of a line between `prev` and `mac`, each with a comma in front.
std::string AuditFields(std::string_view kind, const AuditEvent& event);
// Of a line about the trail itself.
std::string AuditFields(std::string_view kind, int64_t time_ms, std::string_view reason,
                        uint64_t count = 0);

// The key of the chain, from the store's secret.
SecretBytes AuditKey(ByteView store_secret);

// The line behind `head`, with its line end; *head becomes the line itself.
std::string ChainLine(ByteView key, std::string_view fields, AuditHead* head);

struct AuditLine {
  AuditHead head;       // of the line itself
  Sha256Digest prev{};  // MAC of the line before; zeros in a chain's first one
  std::string kind;
  JsonObject json;
};
// `text` without its line end. kInvalidArgument: it is no line of a trail. kCorruption: it is not
// what was written under this key.
Result<AuditLine> ReadAuditLine(ByteView key, std::string_view text);

}  // namespace stateward

#endif  // STATEWARD_AUDIT_AUDIT_LINE_H_
