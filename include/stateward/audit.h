// The audit trail: who did what with which state. One event is one line (docs/formats.md, "Audit
// trail").
#ifndef STATEWARD_AUDIT_H_
#define STATEWARD_AUDIT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stateward/state.h"
#include "stateward/status.h"

namespace stateward {

// How somebody came in, and what allowed it. No secret is in it.
struct AuditIdentity {
  std::string
      way;  // "basic", "password", "machine token", "token", "certificate", "proxy", "admin"
  std::string issuer;  // of a token; "" = none
  // What the rule asked of the token, and what names a CI run, as the token had it.
  std::vector<std::pair<std::string, std::string>> claims;
  std::string rule;  // of the policy; "" = none decided
};

// A version before or after, as far as it is known.
struct AuditVersion {
  uint64_t number = 0;
  uint64_t serial = 0;
};

enum class AuditResult : uint8_t {
  kDone,
  kRefused,  // it is known that nothing changed
  kFailed,   // undecided: the client repeats
};

// The newest version before and after, and of what was read: the one that was.
struct AuditFacts {
  std::optional<AuditVersion> before;
  std::optional<AuditVersion> after;
  std::optional<uint64_t> resources;  // of the document that was sent
};

struct AuditEvent {
  int64_t time_ms = 0;
  std::string request_id;
  std::string traceparent;  // of the web server (W3C Trace Context); "" = none
  std::string principal;    // "" = not known
  AuditIdentity identity;
  std::string address;  // the client's
  std::string action;   // "read", "write", "lock", …
  std::string project;  // with `name`: the state
  std::string name;
  std::string tenant;  // the state's namespace of basic auth; "" = none, or not known yet
  AuditFacts facts;
  std::string lock_id;
  std::string upload;  // the kept upload's name
  int status = 0;      // of HTTP; 0 = not over HTTP
  AuditResult result = AuditResult::kDone;
  std::string reason;     // why it was refused or failed, or what an administrator gave
  uint64_t intent = 0;    // sequence of the line that said what would be done; 0 = none
  uint64_t left_out = 0;  // refused requests of its network since the last line about one
  bool refusal = false;   // strangers can cause it without end: counted when there are too many
};

// What a change needs of the trail.
enum class AuditNeed : uint8_t {
  kBegins,    // takes a lock, or writes without one: needs room for all that may follow
  kFinishes,  // of somebody who is at work: may use the room that is kept for that
};

// Thread-safe.
class AuditTrail {
 public:
  virtual ~AuditTrail() = default;
  // False: the disk is so full that nobody may begin anything (only where changes wait for their
  // line). A hint; Intend decides.
  virtual bool HasRoom() const = 0;
  // Before a change. *head: what the change's record is to name. Where changes wait for their line,
  // it is on the disk when this returns OK, *head is it, and event->intent names it; else nothing
  // is written, and *head is the newest line that is known. kUnavailable: the change must not be
  // made.
  virtual Status Intend(AuditEvent* event, AuditNeed need, AuditHead* head) = 0;
  // What was done or refused. Never waits for a disk.
  virtual void Note(const AuditEvent& event) = 0;
  // kUnavailable: no change is carried out just now, since its line cannot be written. Somebody who
  // is at work may still finish where the disk is only full: that is OK here, and a warning.
  virtual Status Check() const = 0;
  // What is wrong with it, in words that may be shown to anybody; "" = nothing.
  virtual std::string Warning() const = 0;
};

}  // namespace stateward

#endif  // STATEWARD_AUDIT_H_
