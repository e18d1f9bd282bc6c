// What monitors ask.
#include <string>
#include <vector>

#include "base/json_writer.h"
#include "http/answers.h"

namespace stateward {

Response AnswerHealth(const HandlerParts& /*parts*/, Exchange* /*exchange*/, ByteView /*body*/) {
  return JsonAnswer(200, R"({"status":"ok"})");
}

Response AnswerReady(const HandlerParts& parts, Exchange* exchange, ByteView /*body*/) {
  std::vector<PartStatus> all = parts.ready();
  bool all_ok = true;
  JsonWriter w;
  w.BeginObject().Key("parts").BeginObject();
  for (const PartStatus& part : all) {
    w.Key(part.name).String(part.status.ok() ? "ok" : "not ready");
    if (part.status.ok()) continue;
    all_ok = false;
    exchange->reason += part.name + ": " + part.status.detail() + "; ";
  }
  w.EndObject();
  w.Key("warnings").BeginObject();
  for (const PartStatus& part : all) {
    if (!part.warning.empty()) w.Key(part.name).String(part.warning);
  }
  w.EndObject().Key("status").String(all_ok ? "ready" : "not ready").EndObject();
  Response response = JsonAnswer(all_ok ? 200 : 503, w.text());
  if (!all_ok) response.headers.emplace_back("Retry-After", "15");
  return response;
}

Response AnswerMetrics(const HandlerParts& parts, Exchange* exchange, ByteView /*body*/) {
  if (!parts.metrics) return StatusAnswer(Status::InvalidArgument("no such path"), exchange);
  std::string text = parts.metrics();
  Response response;
  response.status = 200;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body.assign(text.begin(), text.end());
  return response;
}

}  // namespace stateward
