#include "state/state_answer.h"

#include <utility>

namespace stateward {

StateAnswer ErrorAnswer(Status status) {
  StateAnswer answer;
  answer.status = std::move(status);
  return answer;
}

StateAnswer RefusalAnswer(Refusal refusal, const std::string& facts) {
  const RefusalText& text = TextOf(refusal);
  StateAnswer answer;
  answer.hint = Explain(refusal, facts);
  answer.action = std::string(text.action);
  answer.status = Status(text.code, answer.hint);
  return answer;
}

}  // namespace stateward
