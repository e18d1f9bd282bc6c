// What a verb of a state answers, and how a refusal or failure becomes such an answer.
#ifndef STATEWARD_STATE_STATE_ANSWER_H_
#define STATEWARD_STATE_STATE_ANSWER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "state/refusal.h"
#include "stateward/audit.h"
#include "stateward/bytes.h"
#include "stateward/secret.h"
#include "stateward/status.h"

namespace stateward {

struct StateAnswer {
  Status status;                       // OK, or why not
  SecretBytes document;                // of a Get
  std::string tag;                     // of an OutputsState: the same while the outputs are
  bool locked = false;                 // a Lock met another holder: `holder` is the answer
  bool repeated = false;               // a Lock with an ID that the caller held already
  std::string holder;                  // LockInfo JSON of who holds the lock
  std::optional<LockRecord> released;  // what an Unlock released; nullopt: nothing was held
  std::vector<LockRecord> freed;       // plan locks that an Unlock without an ID freed
  std::string lock_id;                 // what the request was about; for the log
  // Of a refusal or failure, for the client. Our texts, in one line each.
  std::string hint;    // what happened, and why
  std::string action;  // what to do
  std::string upload;  // the kept upload's name, when it was kept
  AuditFacts audit;    // as far as they are known
};

StateAnswer ErrorAnswer(Status status);
StateAnswer RefusalAnswer(Refusal refusal, const std::string& facts = "");

}  // namespace stateward

#endif  // STATEWARD_STATE_STATE_ANSWER_H_
