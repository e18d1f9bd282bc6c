#include "http/api_answers.h"

#include <algorithm>
#include <utility>

#include "admin/reply_json.h"
#include "base/hex.h"
#include "base/json_writer.h"
#include "base/percent.h"
#include "base/sha256.h"
#include "http/answers.h"
#include "http/status_map.h"

namespace stateward {
namespace {

constexpr char kJsonType[] = "application/json";

// What to do, where the table's text is for clients of the state protocol.
std::string_view ActionOf(const HttpStatus& row) {
  switch (row.code) {
    case Code::kInvalidArgument:
      return "compare the request with docs/api.md";
    case Code::kNotFound:
      return "compare the names with what `statewardctl list`, `versions` and `uploads` show";
    case Code::kConflict:
      return "look at what is stored now, then decide again";
    case Code::kTooLarge:
      return "ask for less at a time, or send less";
    default:
      return row.action;
  }
}

// `lock`: LockInfo JSON of a held lock; "" = none.
Response Problem(const Status& status, std::string_view lock, Exchange* exchange) {
  const HttpStatus& row = ToHttp(status.code());
  // Headers and the line of the log are those of the client protocol.
  Response response = StatusAnswer(status, exchange);
  JsonWriter w;
  w.BeginObject().Key("type").String(std::string(kProblemPrefix) +
                                     std::string(CodeName(status.code())));
  const bool absent = row.code == Code::kNotFound;
  w.Key("title").String(absent ? "not found" : row.message).Key("status").Int(row.status);
  w.Key("detail").String(IsForCaller(status.code()) ? status.detail() : row.reason);
  w.Key("action").String(ActionOf(row));
  if (!lock.empty()) w.Key("lock").Raw(lock);
  w.Key("request_id").String(exchange->request.request_id).EndObject();
  response.content_type = "application/problem+json";
  response.body.assign(w.text().begin(), w.text().end());
  return response;
}

// Visible ASCII but %: what a header may hold as it is.
constexpr char kHeaderPlain[] = " !\"#$&'()*+,/:;<=>?@[\\]^`{|}";

// Gathers rows within the limit and the room.
class Body {
 public:
  Body(const RoomFn& room, size_t limit) : room_(room), limit_(limit) {}

  bool Add(std::string_view text) {
    if (!status_.ok()) return false;
    if (bytes_.size() + text.size() > limit_) {
      status_ = Status(Code::kTooLarge,
                       "the answer would be larger than 64 MiB: ask for fewer states at a time");
      return false;
    }
    constexpr size_t kStep = size_t{64} << 10;
    if (bytes_.size() + text.size() > charged_) {
      const size_t more = std::max(kStep, text.size());
      if (!room_(more)) {
        status_ = Status(Code::kOverloaded, "answer: no room just now");
        return false;
      }
      charged_ += more;
    }
    bytes_.insert(bytes_.end(), text.begin(), text.end());
    return true;
  }
  const Status& status() const { return status_; }
  SecretBytes Take() { return std::move(bytes_); }

 private:
  const RoomFn& room_;
  const size_t limit_;
  Status status_;
  size_t charged_ = 0;
  SecretBytes bytes_;
};

Result<Verdict> EachRow(Reply* reply, const RowFn& take) {
  if (reply->stream) return reply->stream(take);
  for (const Row& row : reply->rows) {
    if (!take(row)) break;
  }
  return reply->verdict;
}

Result<SecretBytes> BodyOf(const Operation& operation, Reply* reply, const RoomFn& room,
                           size_t limit) {
  if (operation.answer == Answer::kDocument) {
    if (!reply->document.empty() && !room(reply->document.size())) {
      return Status(Code::kOverloaded, "answer: no room just now");
    }
    return std::move(reply->document);
  }
  Body body(room, limit);
  const bool one = operation.answer == Answer::kRow;
  bool first = true;
  if (!one) body.Add("[");
  Result<Verdict> verdict = EachRow(reply, [&](const Row& row) {
    JsonWriter json;
    if (!first) body.Add(",\n");
    first = false;
    WriteRow(operation.columns, row, &json);
    return body.Add(json.text());
  });
  if (!verdict.ok()) return std::move(verdict).status();
  reply->verdict = *verdict;
  body.Add(one ? "\n" : "]\n");
  if (!body.status().ok()) return body.status();
  return body.Take();
}

// Apache takes no longer line from a FastCGI application (8190 bytes, with the header's name).
constexpr size_t kMaxNote = 8000;

// A note as a header. Of one that is too long the first lines and the last one.
std::string NoteText(std::string_view note) {
  std::string whole = PercentEncode(note, kHeaderPlain);
  if (whole.size() <= kMaxNote) return whole;
  const std::string_view body = note.substr(0, note.find_last_not_of('\n') + 1);
  const size_t last = body.rfind('\n') + 1;  // 0: there is one line
  const std::string cut = PercentEncode("… the lines between are left out\n", kHeaderPlain);
  const std::string end = PercentEncode(body.substr(last, kMaxNote / 12), kHeaderPlain);
  std::string text;
  for (size_t at = 0; at < last;) {
    const size_t next = body.find('\n', at) + 1;
    const std::string line = PercentEncode(body.substr(at, next - at), kHeaderPlain);
    if (text.size() + line.size() + cut.size() + end.size() > kMaxNote) break;
    text += line;
    at = next;
  }
  return text + cut + end;
}

// The same request with another cursor. REQUIRES: a target that ParseTarget took
std::string NextLink(const std::string& target, const std::string& cursor) {
  const size_t mark = target.find('?');
  std::string link = target.substr(0, mark) + "?";
  std::string_view query = mark == target.npos ? std::string_view() : target;
  query.remove_prefix(query.empty() ? 0 : mark + 1);
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(end == query.npos ? query.size() : end + 1);
    if (pair.substr(0, 7) == "cursor=" || pair.empty()) continue;
    link.append(pair).append("&");
  }
  return "<" + link + "cursor=" + cursor + ">; rel=\"next\"";
}

}  // namespace

Response ProblemAnswer(const Status& status, Exchange* exchange) {
  return Problem(status, {}, exchange);
}

Response ReplyAnswer(const Operation& operation, Reply reply, Exchange* exchange,
                     const RoomFn& room, size_t limit) {
  if (!reply.holder.empty()) {
    return Problem(Status(Code::kLocked, "the state is locked"), reply.holder, exchange);
  }
  Result<SecretBytes> body = BodyOf(operation, &reply, room, limit);
  if (!body.ok()) return ProblemAnswer(body.status(), exchange);
  Response response;
  response.status = 200;
  response.content_type = kJsonType;
  response.body = *std::move(body);
  if (reply.verdict == Verdict::kFoundWrong) {
    response.headers.emplace_back(kVerdictHeader, "found-wrong");
  }
  if (!reply.note.empty()) response.headers.emplace_back(kNoteHeader, NoteText(reply.note));
  if (!reply.next.empty()) {
    response.headers.emplace_back("Link", NextLink(exchange->request.target, reply.next));
  }
  if (operation.method == Method::kGet) {
    const std::string tag =
        reply.tag.empty() ? HexEncode(Sha256(response.body)).substr(0, 32) : reply.tag;
    AddTag("\"" + tag + "\"", *exchange, &response);
  }
  return response;
}

}  // namespace stateward
