// The verbs of the client protocol.
#include <string>
#include <utility>

#include "base/json_writer.h"
#include "http/answers.h"
#include "http/audit_events.h"

namespace stateward {
namespace {

// A refusal or failure as the table says; else 200 without a body.
Response Done(StateAnswer* answer, Exchange* exchange) {
  KeepFacts(*answer, exchange);
  exchange->lock_id = std::move(answer->lock_id);
  if (answer->locked) {
    exchange->reason = "locked by another";
    return JsonAnswer(ToHttp(Code::kLocked).status, answer->holder);
  }
  if (!answer->status.ok()) {
    Response refused =
        StatusAnswer(answer->status, exchange, {answer->hint, answer->action, answer->upload});
    if (!answer->holder.empty()) refused.body = JsonAnswer(refused.status, answer->holder).body;
    return refused;
  }
  if (!answer->hint.empty()) exchange->reason = answer->hint;
  Response response;
  response.status = 200;
  return response;
}

// Which plans an empty UNLOCK freed.
SecretBytes FreedText(const std::vector<LockRecord>& freed) {
  JsonWriter w;
  w.BeginObject().Key("freed").BeginArray();
  for (const LockRecord& plan : freed) {
    w.BeginObject().Key("ID").String(plan.id).Key("principal").String(plan.principal).EndObject();
  }
  w.EndArray().EndObject();
  return {w.text().begin(), w.text().end()};
}

// The same with the document.
Response WithDocument(StateAnswer answer, Exchange* exchange) {
  Response response = Done(&answer, exchange);
  if (response.status != 200) return response;
  response.content_type = "application/json";
  response.body = std::move(answer.document);
  return response;
}

Response Empty(StateAnswer answer, Exchange* exchange) { return Done(&answer, exchange); }

}  // namespace

Response AnswerRead(const HandlerParts& parts, Exchange* exchange, ByteView /*body*/) {
  return WithDocument(parts.states->Get(exchange->grant), exchange);
}

Response AnswerVersion(const HandlerParts& parts, Exchange* exchange, ByteView /*body*/) {
  StateAnswer answer = parts.states->GetSerial(exchange->grant, exchange->matched.serial);
  if (answer.status.code() == Code::kNotFound) {
    if (answer.hint.empty()) answer.hint = "there is no such state, or no version with this serial";
    answer.action = "`statewardctl versions` lists the serials that are kept";
  }
  return WithDocument(std::move(answer), exchange);
}

Response AnswerOutputs(const HandlerParts& parts, Exchange* exchange, ByteView /*body*/) {
  StateAnswer answer = parts.states->Outputs(exchange->grant, exchange->matched.output);
  if (answer.status.code() == Code::kNotFound) {
    if (answer.hint.empty()) answer.hint = "there is no such state";
    answer.action = "compare the address; /outputs without a name has all outputs of the state";
  }
  return WithDocument(std::move(answer), exchange);
}

Response AnswerOutputsState(const HandlerParts& parts, Exchange* exchange, ByteView /*body*/) {
  StateAnswer answer = parts.states->OutputsState(exchange->grant);
  const std::string tag = "W/\"" + answer.tag + "\"";
  Response response = WithDocument(std::move(answer), exchange);
  if (response.status == 200) AddTag(tag, *exchange, &response);
  return response;
}

Response AnswerWrite(const HandlerParts& parts, Exchange* exchange, ByteView body) {
  const SentDocument document =
      exchange->document ? *std::move(exchange->document) : LookAtDocument(body);
  return Empty(parts.states->Put(exchange->grant, exchange->query_id, document), exchange);
}

Response AnswerDelete(const HandlerParts& parts, Exchange* exchange, ByteView /*body*/) {
  return Empty(parts.states->Delete(exchange->grant, exchange->query_id), exchange);
}

Response AnswerLock(const HandlerParts& parts, Exchange* exchange, ByteView body) {
  return Empty(parts.states->Lock(exchange->grant, body), exchange);
}

Response AnswerUnlock(const HandlerParts& parts, Exchange* exchange, ByteView body) {
  StateAnswer answer = parts.states->Unlock(exchange->grant, body, exchange->query_id);
  Response response = Done(&answer, exchange);
  if (response.status != 200 || answer.freed.empty()) return response;
  response.content_type = "application/json";
  response.body = FreedText(answer.freed);
  return response;
}

}  // namespace stateward
