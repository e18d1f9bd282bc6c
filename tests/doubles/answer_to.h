// Asks a handler as the loop does, with a body that is there already.
#ifndef STATEWARD_DOUBLES_ANSWER_TO_H_
#define STATEWARD_DOUBLES_ANSWER_TO_H_

#include <memory>
#include <utility>
#include <variant>

#include "stateward/http.h"

namespace stateward {

class AmpleRoom : public AnswerRoom {
 public:
  bool Take(std::string_view, size_t) override { return true; }
};

inline Response AnswerTo(Handler& handler, Request request, ByteView body) {
  AmpleRoom room;
  Judged judged = handler.Judge(std::move(request), room);
  if (Response* answer = std::get_if<Response>(&judged)) return std::move(*answer);
  return std::get<std::unique_ptr<PendingCall>>(judged)->Finish(body);
}

}  // namespace stateward

#endif  // STATEWARD_DOUBLES_ANSWER_TO_H_
