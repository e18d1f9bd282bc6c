// What a verb of a state answers, and how a refusal or failure becomes such an answer.
#ifndef STATEWARD_STATE_STATE_ANSWER_H_
#define STATEWARD_STATE_STATE_ANSWER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "state/refusal.h"
#include "stateward/audit.h"
#include "stateward/bytes.h"
#include "stateward/secret.h"
#include "stateward/status.h"

namespace stateward {

struct StateAnswer {
  Status status;         // OK, or why not
  SecretBytes document;  // of a Get
  bool locked = false;   // a Lock met another holder: `holder` is the answer
  std::string holder;    // LockInfo JSON of who holds the lock
  std::string lock_id;   // what the request was about; for the log
  // Of a refusal or failure, for the client. Our texts, in one line each.
  std::string hint;    // what happened, and why
  std::string action;  // what to do
  std::string upload;  // the kept upload's name, when it was kept
  // For the audit trail, as far as they are known: the newest version before and after (of what was
  // read: the one that was), and how many resources the document that was sent has.
  std::optional<AuditVersion> before;
  std::optional<AuditVersion> after;
  std::optional<uint64_t> resources;
};

StateAnswer ErrorAnswer(Status status);
StateAnswer RefusalAnswer(Refusal refusal, const std::string& facts = "");

}  // namespace stateward

#endif  // STATEWARD_STATE_STATE_ANSWER_H_
