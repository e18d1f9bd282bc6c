#include "cli/remote_server.h"

#include <utility>
#include <vector>

#include "auth/key_fetch.h"
#include "base/base64.h"
#include "base/json.h"
#include "base/percent.h"
#include "base/secret_file.h"
#include "http/api_answers.h"
#include "http/api_args.h"
#include "http/status_map.h"

namespace stateward {
namespace {

// A look at every state of a large store takes minutes; a connection that is dead, seconds.
constexpr int64_t kTimeoutMs = 300000;
constexpr int kStallS = 120;
// Documents: MAX_STATE_BYTES of most servers, and more.
constexpr uint64_t kMaxAnswer = uint64_t{4} << 30;
constexpr size_t kMaxLinkPages = 100000;  // a server that never ends its list
// Who gives the one wants a page of a list, and goes on with the other.
constexpr char kLimitParam[] = "limit";
constexpr std::string_view kCursorParam = "cursor=";

Status NotOurs(const HttpAnswer& answer) {
  if (answer.status >= 300 && answer.status < 400) {
    return Status::Unavailable(
        "the server redirects, which is not followed: give the address that "
        "it redirects to");
  }
  return Status::Unavailable("there is no Stateward API at this address (status " +
                             std::to_string(answer.status) + ")");
}

// What our files for web servers let them answer in Stateward's place is for state clients alone.
Status FromWebServer(const HttpAnswer& answer, const JsonObject& json) {
  const std::optional<std::string> reason = json.String("reason");
  const std::optional<std::string> action = json.String("action");
  if (!reason || !action || (answer.status != 503 && answer.status != 429)) return NotOurs(answer);
  return Status::Unavailable(*reason + "; " + *action);
}

std::optional<Code> CodeOfType(const std::string& type) {
  for (int c = 0; c <= static_cast<int>(Code::kInternal); ++c) {
    const auto code = static_cast<Code>(c);
    if (type == std::string(kProblemPrefix) + std::string(CodeName(code))) return code;
  }
  return std::nullopt;
}

// LockInfo of the problem's `lock`, member by member.
std::string HolderOf(const JsonObject& lock) {
  JsonWriter w;
  w.BeginObject();
  for (const char* name : {"ID", "Operation", "Info", "Who", "Version", "Created", "Path"}) {
    if (std::optional<std::string> value = lock.String(name)) w.Key(name).String(*value);
  }
  w.EndObject();
  return std::move(w).Take();
}

// OK: a held lock, whose holder is *holder.
Status ReadProblem(const HttpAnswer& answer, std::string* holder) {
  Result<JsonObject> json = ParseSmallJson(answer.body);
  if (!json.ok()) return NotOurs(answer);
  const std::optional<Code> code = CodeOfType(json->String("type").value_or(""));
  if (!code || *code == Code::kOk) return FromWebServer(answer, *json);
  const std::optional<JsonObject> lock = json->Object("lock");
  if (lock) {
    *holder = HolderOf(*lock);
    return Status();
  }
  std::string text = json->String("detail").value_or("refused");
  if (!IsForCaller(*code)) text += " (request " + json->String("request_id").value_or("") + ")";
  return {*code, std::move(text)};
}

// Nullopt: of another kind than the column's.
std::optional<Value> ValueOf(const JsonObject& row, const Column& column) {
  const std::string name(column.name);
  switch (column.kind) {
    case ColumnKind::kText:
      if (auto text = row.String(name)) return Value(*std::move(text));
      break;
    case ColumnKind::kNumber:
    case ColumnKind::kBytes:
      if (auto number = row.Uint(name)) return Value(*number);
      break;
    case ColumnKind::kTime:
      if (auto text = row.String(name)) {
        int64_t ms = 0;
        if (ParseTimeText(*text, &ms)) return Value(ms);
      }
      break;
    case ColumnKind::kFlag:
      if (auto flag = row.Bool(name)) return Value(*flag);
      break;
    case ColumnKind::kTexts:
      if (auto texts = row.Strings(name)) return Value(*std::move(texts));
      break;
  }
  // Absent in an older server's answer, or null.
  return Value();
}

Row RowOf(const JsonObject& json, const ColumnTable& columns) {
  Row row;
  for (const Column& column : columns) row.push_back(*ValueOf(json, column));
  return row;
}

Result<std::vector<JsonObject>> RowsOf(const HttpAnswer& answer, bool one) {
  // An array is no object, and objects are what the reader takes.
  std::string text = one ? "{\"rows\":[" : "{\"rows\":";
  text.append(ByteView(answer.body).AsString()).append(one ? "]}" : "}");
  Result<JsonObject> json = ParseSmallJson(ByteView(text), {2 * kMaxApiAnswer, kSmallJsonMaxDepth});
  std::optional<std::vector<JsonObject>> rows;
  if (json.ok()) rows = json->Objects("rows");
  if (!rows) return Status::Unavailable("the server's answer cannot be read");
  return *std::move(rows);
}

// The target of `<…>; rel="next"`; "" = none, or not of this API.
std::string NextOf(const HttpAnswer& answer) {
  const std::string_view link = answer.Header("link");
  const size_t end = link.find(">; rel=\"next\"");
  if (link.empty() || link.front() != '<' || end == link.npos) return "";
  const std::string_view target = link.substr(1, end - 1);
  return target.substr(0, kApiRoot.size()) == kApiRoot ? std::string(target) : "";
}

// The cursor in such a target; "" = none.
std::string CursorOf(const std::string& target) {
  std::string cursor;
  const size_t at = target.find(kCursorParam);
  if (at == target.npos || (target[at - 1] != '?' && target[at - 1] != '&')) return "";
  const size_t begin = at + kCursorParam.size();
  return PercentDecode(target.substr(begin, target.find('&', begin) - begin), &cursor) ? cursor
                                                                                       : "";
}

// OK when nothing is asked for that only the store's own host has.
Status CheckReach(const Operation& operation, const Args& args) {
  for (const Param& row : operation.params) {
    if (row.reach != ParamReach::kCommandLine || !args.Has(row.name)) continue;
    return Status::InvalidArgument("--" + std::string(row.name) +
                                   " works on the store's own host alone: not with --server");
  }
  return Status();
}

std::string HeaderText(const HttpAnswer& answer, std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  std::string text;
  return PercentDecode(answer.Header(lower), &text) ? text : "";
}

std::string TargetOf(const Operation& operation, const Args& args) {
  const StateKey state = args.State();
  std::string target;
  std::string_view path = operation.path;
  while (!path.empty()) {
    const size_t hole = path.find('{');
    target.append(path.substr(0, hole));
    if (hole == path.npos) break;
    const size_t end = path.find('}', hole);
    const std::string_view name = path.substr(hole + 1, end - hole - 1);
    target += PercentEncode(name == "project" ? state.project
                            : name == "name"  ? state.name
                                              : args.Text(name));
    path.remove_prefix(end + 1);
  }
  if (operation.method != Method::kGet) return target;
  char before = '?';
  for (const Param& row : operation.params) {
    if (!IsInQueryOrBody(operation, row)) continue;
    for (const std::string& value : args.All(row.name)) {
      target += before + PercentEncode(row.name) + "=" + PercentEncode(value);
      before = '&';
    }
  }
  return target;
}

std::string BodyOf(const Operation& operation, const Args& args) {
  JsonWriter w;
  w.BeginObject();
  for (const Param& row : operation.params) {
    if (!IsInQueryOrBody(operation, row) || !args.Has(row.name)) continue;
    w.Key(row.name);
    if (IsMany(row)) {
      w.BeginArray();
      for (const std::string& value : args.All(row.name)) w.String(value);
      w.EndArray();
    } else if (row.kind == ParamKind::kFlag || row.kind == ParamKind::kNumber) {
      w.Raw(args.Text(row.name));
    } else {
      w.String(args.Text(row.name));
    }
  }
  w.EndObject();
  return std::move(w).Take();
}

}  // namespace

Result<SecretString> FindRemoteCredentials(const std::string& file, const SecretString& user,
                                           const SecretString& password) {
  if (!file.empty()) {
    Result<SecretString> text = ReadSecretFile(file);
    if (text.ok() && text->Reveal().find(':') == std::string_view::npos) {
      return Status::InvalidArgument(file + " must hold one line, USER:PASSWORD");
    }
    return text;
  }
  if (user.empty() || password.empty()) {
    return Status::InvalidArgument(
        "--server needs credentials: TF_HTTP_USERNAME and TF_HTTP_PASSWORD, or --credentials FILE");
  }
  SecretBytes both;
  for (const std::string_view part : {user.Reveal(), std::string_view(":"), password.Reveal()}) {
    both.insert(both.end(), part.begin(), part.end());
  }
  return SecretString(std::move(both));
}

Status RemoteServer::CheckUrl(const std::string& url) { return CheckIssuerUrl(url).At("--server"); }

RemoteServer::RemoteServer(std::string url, SecretString credentials,
                           std::unique_ptr<HttpClient> http)
    : url_(url.back() == '/' ? url.substr(0, url.size() - 1) : std::move(url)),
      authorization_([&credentials] {
        const SecretString encoded = SecretBase64(ByteView(credentials.Reveal()));
        SecretBytes header;
        for (const std::string_view part : {std::string_view("Basic "), encoded.Reveal()}) {
          header.insert(header.end(), part.begin(), part.end());
        }
        return SecretString(std::move(header));
      }()),
      http_(std::move(http)) {}

Result<HttpAnswer> RemoteServer::Send(const Operation& operation, const Args& args,
                                      const std::string& target) {
  HttpRequest request;
  request.url = url_ + target;
  request.secret_headers.emplace_back("Authorization", authorization_);
  request.max_answer_bytes = kMaxAnswer;
  request.timeout_ms = kTimeoutMs;
  request.stall_s = kStallS;
  std::string body;
  if (operation.method != Method::kGet) {
    request.method = "POST";
    body = BodyOf(operation, args);
    request.body = ByteView(body);
    request.headers.emplace_back("Content-Type", "application/json");
    if (args.Has(kIfVersionParam)) {
      request.headers.emplace_back("If-Match", "\"" + args.Text(kIfVersionParam) + "\"");
    }
    // None that a run makes up for itself: the same command again, after its worker died, would be
    // another change to the server, and could not take over the lock that was left.
    if (args.Has(kChangeIdParam)) {
      request.headers.emplace_back("Idempotency-Key", args.Text(kChangeIdParam));
    }
  }
  return http_->Send(request);
}

Result<Verdict> RemoteServer::EachPage(const Operation& operation, const Args& args,
                                       HttpAnswer first, const RowFn& take) {
  HttpAnswer page = std::move(first);
  Verdict verdict = Verdict::kDone;
  for (size_t pages = 0; pages < kMaxLinkPages; ++pages) {
    if (!page.Header("stateward-verdict").empty()) verdict = Verdict::kFoundWrong;
    Result<std::vector<JsonObject>> rows = RowsOf(page, operation.answer == Answer::kRow);
    if (!rows.ok()) return std::move(rows).status();
    for (const JsonObject& row : *rows) {
      if (!take(RowOf(row, operation.columns))) return verdict;
    }
    const std::string next = args.Has(kLimitParam) ? "" : NextOf(page);
    if (next.empty()) return verdict;
    Result<HttpAnswer> answer = Send(operation, args, next);
    if (!answer.ok()) return std::move(answer).status();
    if (answer->status != 200) {
      std::string holder;
      const Status problem = ReadProblem(*answer, &holder);
      return problem.ok() ? NotOurs(*answer) : problem;
    }
    page = *std::move(answer);
  }
  return Status::Unavailable("the server's list does not end");
}

Result<Reply> RemoteServer::Run(const Operation& operation, const Args& args) {
  STATEWARD_RETURN_IF_ERROR(CheckReach(operation, args));
  Result<HttpAnswer> answer = Send(operation, args, TargetOf(operation, args));
  if (!answer.ok()) return std::move(answer).status().At(url_);
  Reply reply;
  if (answer->status != 200) {
    STATEWARD_RETURN_IF_ERROR(ReadProblem(*answer, &reply.holder));
    return reply;
  }
  reply.note = HeaderText(*answer, kNoteHeader);
  if (operation.answer == Answer::kDocument) {
    reply.document = std::move(answer->body);
    if (!answer->Header("stateward-verdict").empty()) reply.verdict = Verdict::kFoundWrong;
    return reply;
  }
  if (args.Has(kLimitParam)) reply.next = CursorOf(NextOf(*answer));
  auto first = std::make_shared<HttpAnswer>(*std::move(answer));
  reply.stream = [this, &operation, args, first](const RowFn& take) {
    return EachPage(operation, args, std::move(*first), take);
  };
  return reply;
}

}  // namespace stateward
