// /api/v1 without a web server: routes, parameters, answers, and the OpenAPI document.
#include <CppUTest/TestHarness.h>

#include <string>
#include <vector>

#include "base/json.h"
#include "base/percent.h"
#include "http/api_args.h"
#include "http/api_call.h"
#include "http/openapi.h"
#include "http/routes.h"

namespace stateward {
namespace {

Result<Reply> RunNothing(const Call& /*call*/) { return Reply(); }

constexpr Param kListParams[] = {
    {"older", ParamKind::kAge, ParamUse::kOption, "AGE", "older"},
    {"limit", ParamKind::kNumber, ParamUse::kOption, "N", "so many", "100", 1, 1000},
    {"locked", ParamKind::kFlag, ParamUse::kOption, "", "locked ones"},
    {"file", ParamKind::kFile, ParamUse::kOption, "FILE", "of the host"},
};
constexpr Param kChangeParams[] = {
    {"state", ParamKind::kState, ParamUse::kArgument, "STATE", "the state"},
    {"to", ParamKind::kNumber, ParamUse::kRequiredOption, "N", "version", {}, 1},
    {"reason", ParamKind::kText, ParamUse::kOption, "TEXT", "why", {}, 1, kMaxParamText},
    {"tag", ParamKind::kText, ParamUse::kManyOptions, "TEXT", "tags", {}, 1, 10},
    {"dry-run", ParamKind::kFlag, ParamUse::kOption, "", "nothing is done"},
    {"if-version", ParamKind::kNumber, ParamUse::kOption, "N", "looked at", {}, 1},
    {"change-id", ParamKind::kText, ParamUse::kOption, "ID", "of the change", {}, 1, 64},
};
constexpr Column kColumns[] = {{"state", ColumnKind::kText, "STATE", "its name"},
                               {"size", ColumnKind::kBytes, "SIZE", "of it"},
                               {"time", ColumnKind::kTime, "TIME", "of it"}};
constexpr Operation kTable[] = {
    {"list",
     Method::kGet,
     "/api/v1/states",
     Scope::kStates,
     {Right::kSee},
     Effect::kReads,
     Answer::kRows,
     kListParams,
     kColumns,
     "lists",
     "",
     "",
     "",
     RunNothing},
    {"rollback",
     Method::kPost,
     "/api/v1/states/{project}/{name}/rollback",
     Scope::kState,
     {Right::kWrite},
     Effect::kChangesLocked,
     Answer::kRow,
     kChangeParams,
     kColumns,
     "goes back",
     "",
     "",
     "",
     RunNothing},
};

Status Match(Method method, const char* path, ApiMatch* out, std::string* allow) {
  Result<Target> target = ParseTarget(path);
  if (!target.ok()) return target.status();
  return MatchOperation(kTable, method, *target, {}, out, allow);
}

Result<Args> ArgsOf(Method method, const std::string& path, Request request,
                    const std::string& body) {
  ApiMatch match;
  std::string allow;
  Result<Target> target = ParseTarget(path);
  STATEWARD_RETURN_IF_ERROR(MatchOperation(kTable, method, *target, {}, &match, &allow));
  request.method = method;
  return ReadApiArgs(match, *target, request, ByteView(body));
}

Result<Args> Posted(const std::string& body, const char* if_match = "", const char* key = "") {
  Request request;
  request.content_type = "application/json; charset=utf-8";
  request.if_match = if_match;
  request.idempotency_key = key;
  return ArgsOf(Method::kPost, "/api/v1/states/net/prod/rollback", std::move(request), body);
}

Exchange Asked(const char* target, const char* if_none_match = "") {
  Exchange exchange;
  exchange.request.method = Method::kGet;
  exchange.request.target = target;
  exchange.request.if_none_match = if_none_match;
  exchange.request.request_id = "r1";
  return exchange;
}

std::string HeaderOf(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

std::string BodyOf(const Response& response) {
  return std::string(ByteView(response.body).AsString());
}

bool Plenty(size_t /*size*/) { return true; }

}  // namespace

TEST_GROUP(Api){};

TEST(Api, PathsAndMethods) {
  ApiMatch match;
  std::string allow;
  CHECK(Match(Method::kGet, "/api/v1/states", &match, &allow).ok());
  STRCMP_EQUAL("list", std::string(match.operation->name).c_str());
  match = ApiMatch();
  CHECK(Match(Method::kPost, "/api/v1/states/net/prod/rollback/", &match, &allow).ok());
  STRCMP_EQUAL("rollback", std::string(match.operation->name).c_str());
  STRCMP_EQUAL("net/prod", match.values.front().second.c_str());
  // A change is never done by a GET.
  CHECK(Match(Method::kGet, "/api/v1/states/net/prod/rollback", &match, &allow).code() ==
        Code::kMethodNotAllowed);
  STRCMP_EQUAL("POST", allow.c_str());
  match = ApiMatch();
  CHECK(Match(Method::kGet, "/api/v1/openapi.json", &match, &allow).ok());
  POINTERS_EQUAL(nullptr, match.operation);
  for (const char* bad : {"/api/v1", "/api/v1/nothing", "/api/v1/states/a", "/api/v2/states",
                          "/api/v1/states/../x/rollback"}) {
    CHECK_TEXT(Match(Method::kPost, bad, &match, &allow).code() == Code::kInvalidArgument, bad);
  }
}

TEST(Api, ANoteFitsIntoAHeader) {
  std::string note;
  for (int i = 0; i < 1000; ++i) note += "+ resource[" + std::to_string(i) + "]\n";
  note += "To do it: rollback net/prod";
  Reply reply;
  reply.note = note;
  Exchange exchange = Asked("/api/v1/states");
  const Response response = ReplyAnswer(kTable[0], std::move(reply), &exchange, Plenty);
  const std::string header = HeaderOf(response, kNoteHeader);
  CHECK(header.size() <= 8000);
  std::string text;
  CHECK(PercentDecode(header, &text));
  STRCMP_CONTAINS("+ resource[0]\n+ resource[1]\n", text.c_str());
  STRCMP_CONTAINS("]\n… the lines between are left out\nTo do it: rollback net/prod", text.c_str());
  Reply line;
  line.note = std::string(20000, 'x');
  CHECK(HeaderOf(ReplyAnswer(kTable[0], std::move(line), &exchange, Plenty), kNoteHeader).size() <=
        8000);
}

TEST(Api, ChangesArePostsAlone) {
  for (const Operation& row : Operations()) {
    const bool reads = row.effect == Effect::kReads;
    CHECK_TEXT(reads ? row.method == Method::kGet : row.method == Method::kPost, row.name.data());
    CHECK_TEXT(row.path.substr(0, kApiRoot.size()) == kApiRoot, row.name.data());
    for (const std::string& name : PathParams(row.path)) {
      CHECK_TEXT(FindParam(row.params, name) != nullptr, row.path.data());
    }
  }
}

TEST(Api, TheQuery) {
  Result<Args> args = ArgsOf(Method::kGet, "/api/v1/states?older=90d&locked=true", {}, "");
  CHECK(args.ok());
  CHECK(args->Flag("locked") && args->Number("limit") == 100);
  CHECK(args->AgeMs("older") == int64_t{90} * 86400 * 1000);
  for (const char* bad : {"nothing=1", "limit=0", "limit=1001", "limit=x", "locked=yes",
                          "limit=1&limit=2", "older=90", "file=/etc/passwd"}) {
    Result<Args> wrong = ArgsOf(Method::kGet, std::string("/api/v1/states?") + bad, {}, "");
    CHECK_TEXT(wrong.status().code() == Code::kInvalidArgument, bad);
  }
}

// What somebody asks for goes into the log and the audit trail, and onto terminals.
TEST(Api, ANameThatIsNoneIsShownSafely) {
  for (const char* query : {"a%00b=1", "a%1b%5b2J=1", "a%0Ab=1", "a%ffb=1", "a%e2%80%aeb=1"}) {
    const Status refused =
        ArgsOf(Method::kGet, std::string("/api/v1/states?") + query, {}, "").status();
    CHECK_TEXT(refused.code() == Code::kInvalidArgument, query);
    for (const char c : refused.detail()) CHECK_TEXT(c >= 0x20 && c < 0x7f, query);
    STRCMP_CONTAINS("there is no parameter \"a\\", refused.detail().c_str());
  }
  const Status in_body = Posted(R"({"to":1,"a\u001bb":2})").status();
  STRCMP_EQUAL("there is no parameter \"a\\x1bb\" here", in_body.detail().c_str());
}

TEST(Api, TheBodyAndItsHeaders) {
  Result<Args> args =
      Posted(R"({"to":41,"reason":"drill","tag":["a","b"],"dry-run":true})", "\"57\"", "run-1");
  CHECK(args.ok());
  CHECK(args->Number("to") == 41 && args->Flag("dry-run") && args->Number("if-version") == 57);
  STRCMP_EQUAL("run-1", args->Text("change-id").c_str());
  STRCMP_EQUAL("net/prod", args->Text("state").c_str());
  UNSIGNED_LONGS_EQUAL(2, args->All("tag").size());
  for (const char* bad :
       {"", "[]", "{", R"({"to":"41"})", R"({"to":-1})", R"({"to":1.5})", R"({"to":1,"x":2})",
        R"({"to":1,"dry-run":"true"})", R"({"to":1,"tag":"a"})", R"({"to":1,"state":"a/b"})",
        R"({"to":1,"if-version":3})", R"({"to":1,"reason":"a\nb"})"}) {
    CHECK_TEXT(Posted(bad).status().code() == Code::kInvalidArgument, bad);
  }
  // A condition that no version meets.
  for (const char* tag : {"57", "W/\"57\"", "\"57\", \"58\"", "\"\"", "\"x\"", "\"057\""}) {
    CHECK_TEXT(Posted(R"({"to":1})", tag).status().code() == Code::kConflict, tag);
  }
  CHECK_FALSE(Posted(R"({"to":1})", "*")->Has("if-version"));
}

// A form of another site's page is sent without a question to this server.
TEST(Api, ABodyIsTakenWithItsTypeAlone) {
  for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded"}) {
    Request request;
    request.content_type = type;
    CHECK_TEXT(ArgsOf(Method::kPost, "/api/v1/states/a/b/rollback", request, R"({"to":1})")
                       .status()
                       .code() == Code::kInvalidArgument,
               type);
  }
}

TEST(Api, RowsTagsAndPages) {
  Reply reply;
  reply.rows = {{std::string("net/prod"), uint64_t{7}, int64_t{0}}, {Value(), Value(), Value()}};
  reply.note = "100 % é";
  reply.next = "abc";
  reply.verdict = Verdict::kFoundWrong;
  Exchange exchange = Asked("/api/v1/states?limit=2&cursor=old&locked=true");
  Response response = ReplyAnswer(kTable[0], reply, &exchange, Plenty);
  LONGS_EQUAL(200, response.status);
  STRCMP_EQUAL(
      "[{\"state\":\"net/prod\",\"size\":7,\"time\":\"1970-01-01T00:00:00Z\"},\n"
      "{\"state\":null,\"size\":null,\"time\":null}]\n",
      BodyOf(response).c_str());
  STRCMP_EQUAL("</api/v1/states?limit=2&locked=true&cursor=abc>; rel=\"next\"",
               HeaderOf(response, "Link").c_str());
  STRCMP_EQUAL("100 %25 %C3%A9", HeaderOf(response, kNoteHeader).c_str());
  STRCMP_EQUAL("found-wrong", HeaderOf(response, kVerdictHeader).c_str());
  const std::string tag = HeaderOf(response, "ETag");
  CHECK(tag.size() == 34);
  exchange = Asked("/api/v1/states", ("\"x\", W/" + tag).c_str());
  response = ReplyAnswer(kTable[0], reply, &exchange, Plenty);
  LONGS_EQUAL(304, response.status);
  CHECK(response.body.empty() && response.content_type.empty());
}

// Half an array must not be taken for the whole, and an end of memory is no end of the list.
TEST(Api, AStreamThatBreaksOffIsAProblem) {
  Reply reply;
  reply.stream = [](const RowFn& take) -> Result<Verdict> {
    (void)take({std::string("a/b"), uint64_t{1}, int64_t{1}});
    return Status::Unavailable("a secret of the backend");
  };
  Exchange exchange = Asked("/api/v1/states");
  Response response = ReplyAnswer(kTable[0], reply, &exchange, Plenty);
  LONGS_EQUAL(503, response.status);
  STRCMP_EQUAL("application/problem+json", response.content_type.c_str());
  CHECK(BodyOf(response).find("secret") == std::string::npos);
  CHECK(HeaderOf(response, "Retry-After") == "15");
  reply.stream = [](const RowFn& take) -> Result<Verdict> {
    while (take({std::string(1000, 'x'), uint64_t{1}, int64_t{1}})) continue;
    return Verdict::kDone;
  };
  size_t given = 0;
  const RoomFn room = [&](size_t size) { return (given += size) < (size_t{1} << 20); };
  response = ReplyAnswer(kTable[0], reply, &exchange, room);
  LONGS_EQUAL(503, response.status);
  STRCMP_EQUAL("2", HeaderOf(response, "Retry-After").c_str());
  response = ReplyAnswer(kTable[0], reply, &exchange, Plenty, size_t{1} << 20);
  LONGS_EQUAL(413, response.status);
}

TEST(Api, ProblemsSayWhatTheCallerMayKnow) {
  Exchange exchange = Asked("/api/v1/states");
  Response told = ProblemAnswer(Status(Code::kConflict, "the state is younger"), &exchange);
  Result<JsonObject> json = ParseSmallJson(told.body);
  CHECK(json.ok());
  STRCMP_EQUAL("urn:stateward:problem:conflict", json->String("type")->c_str());
  STRCMP_EQUAL("the state is younger", json->String("detail")->c_str());
  CHECK(json->Uint("status") == 409 && json->String("request_id") == "r1");
  for (Code code : {Code::kUnavailable, Code::kCorruption, Code::kInternal, Code::kOverloaded,
                    Code::kUnauthenticated, Code::kTooManyRequests}) {
    Response hidden = ProblemAnswer(Status(code, "canary"), &exchange);
    CHECK_TEXT(BodyOf(hidden).find("canary") == std::string::npos, CodeName(code).data());
  }
}

TEST(Api, AHeldLockShowsItsHolder) {
  Reply reply;
  reply.holder = R"({"ID":"x","Who":"ann"})";
  Exchange exchange = Asked("/api/v1/states/a/b/rollback");
  exchange.request.method = Method::kPost;
  Response response = ReplyAnswer(kTable[1], reply, &exchange, Plenty);
  LONGS_EQUAL(423, response.status);
  Result<JsonObject> json = ParseSmallJson(response.body);
  STRCMP_EQUAL("ann", json->Object("lock")->String("Who")->c_str());
}

TEST(Api, TheDocumentIsJsonAndNamesEachPath) {
  const std::string text = OpenApiText(Operations());
  Result<JsonObject> json = ParseSmallJson(ByteView(text), {size_t{4} << 20, 64});
  CHECK(json.ok());
  std::optional<JsonObject> paths = json->Object("paths");
  for (const Operation& row : Operations()) {
    std::optional<JsonObject> path = paths->Object(std::string(row.path));
    CHECK_TEXT(path.has_value(), row.path.data());
    CHECK_TEXT(path->Has(row.method == Method::kGet ? "get" : "post"), row.path.data());
  }
}

}  // namespace stateward
