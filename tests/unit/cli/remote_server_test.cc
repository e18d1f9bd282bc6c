// --server: what is sent, and what is made of the answers.
#include "cli/remote_server.h"

#include <CppUTest/TestHarness.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

namespace stateward {
namespace {

Result<Reply> RunNothing(const Call& /*call*/) { return Reply(); }

constexpr Param kListParams[] = {
    {"glob", ParamKind::kGlob, ParamUse::kOptionalArgument, "GLOB", "which"},
    {"locked", ParamKind::kFlag, ParamUse::kOption, "", "locked ones"},
    {"limit", ParamKind::kNumber, ParamUse::kOption, "N", "a page", {}, 1},
    {"file",
     ParamKind::kText,
     ParamUse::kManyOptions,
     "FILE",
     "of this host",
     {},
     1,
     99,
     {},
     ParamReach::kCommandLine},
};
constexpr Param kChangeParams[] = {
    {"state", ParamKind::kState, ParamUse::kArgument, "STATE", "the state"},
    {"to", ParamKind::kNumber, ParamUse::kRequiredOption, "N", "version", {}, 1},
    {"reason", ParamKind::kText, ParamUse::kOption, "TEXT", "why", {}, 1, 100},
    {"if-version", ParamKind::kNumber, ParamUse::kOption, "N", "looked at", {}, 1},
    {"change-id", ParamKind::kText, ParamUse::kOption, "ID", "of the change", {}, 1, 64},
};
constexpr Column kColumns[] = {{"state", ColumnKind::kText, "STATE", "its name"},
                               {"size", ColumnKind::kBytes, "SIZE", "of it"},
                               {"time", ColumnKind::kTime, "TIME", "of it"},
                               {"flag", ColumnKind::kFlag, "FLAG", "of it"}};
constexpr Operation kList = {"list",
                             Method::kGet,
                             "/api/v1/states",
                             Scope::kStates,
                             {},
                             Effect::kReads,
                             Answer::kRows,
                             kListParams,
                             kColumns,
                             "lists",
                             "",
                             "",
                             "",
                             RunNothing};
constexpr Operation kRollback = {"rollback",
                                 Method::kPost,
                                 "/api/v1/states/{project}/{name}/rollback",
                                 Scope::kState,
                                 {},
                                 Effect::kChangesLocked,
                                 Answer::kRow,
                                 kChangeParams,
                                 kColumns,
                                 "goes back",
                                 "",
                                 "",
                                 "",
                                 RunNothing};

struct Sent {
  std::string method, url, body, headers, secret;
};

// Answers what it was given, in order.
class FakeHttp : public HttpClient {
 public:
  FakeHttp(std::vector<HttpAnswer> answers, std::vector<Sent>* sent)
      : answers_(std::move(answers)), sent_(sent) {}
  Result<HttpAnswer> Send(const HttpRequest& request) override {
    Sent sent{request.method, request.url, "", "", ""};
    if (request.body) sent.body = request.body->AsString();
    for (const auto& [name, value] : request.headers) sent.headers += name + "=" + value + ";";
    for (const auto& [name, value] : request.secret_headers) sent.secret = value.Reveal();
    sent_->push_back(sent);
    if (next_ == answers_.size()) return Status::Unavailable("connection refused");
    return answers_[next_++];
  }

 private:
  std::vector<HttpAnswer> answers_;
  std::vector<Sent>* sent_;
  size_t next_ = 0;
};

HttpAnswer Answered(int status, const std::string& body,
                    std::vector<std::pair<std::string, std::string>> headers = {}) {
  HttpAnswer answer;
  answer.status = status;
  answer.headers = std::move(headers);
  answer.body.assign(body.begin(), body.end());
  return answer;
}

RemoteServer Server(std::vector<HttpAnswer> answers, std::vector<Sent>* sent) {
  return RemoteServer("https://states.example/", SecretString("ann:secret"),
                      std::make_unique<FakeHttp>(std::move(answers), sent));
}

Args Given(const Operation& operation,
           const std::vector<std::pair<std::string, std::string>>& values) {
  Args args;
  for (const auto& [name, value] : values) {
    CHECK_TEXT(args.Add(*FindParam(operation.params, name), value).ok(), name.c_str());
  }
  CHECK(args.Finish(operation.params).ok());
  return args;
}

}  // namespace

TEST_GROUP(RemoteServer){};

TEST(RemoteServer, AddressesAreHttpsButForLoopback) {
  for (const char* good : {"https://states.example", "https://states.example:8443/prefix",
                           "http://127.0.0.1:8080", "http://localhost", "http://[::1]:1"}) {
    CHECK_TEXT(RemoteServer::CheckUrl(good).ok(), good);
  }
  for (const char* bad :
       {"http://states.example", "states.example", "https://ann:secret@states.example",
        "https://states.example?x=1", "ftp://states.example", "", "https://"}) {
    CHECK_TEXT(RemoteServer::CheckUrl(bad).code() == Code::kInvalidArgument, bad);
  }
}

TEST(RemoteServer, CredentialsComeFromTheEnvironmentOrAPrivateFile) {
  SecretString ann("ann");
  Result<SecretString> both = FindRemoteCredentials("", ann, SecretString("a:b"));
  STRCMP_EQUAL("ann:a:b", std::string(both->Reveal()).c_str());
  CHECK(FindRemoteCredentials("", ann, SecretString()).status().code() == Code::kInvalidArgument);
  char path[] = "/tmp/stateward-credentials-XXXXXX";
  const int fd = mkstemp(path);
  CHECK(write(fd, "bob:pw\n", 7) == 7);
  Result<SecretString> file = FindRemoteCredentials(path, ann, SecretString("x"));
  STRCMP_EQUAL("bob:pw", std::string(file->Reveal()).c_str());
  CHECK(fchmod(fd, 0644) == 0);
  CHECK(FindRemoteCredentials(path, ann, SecretString("x")).status().code() ==
        Code::kPermissionDenied);
  close(fd);
  unlink(path);
}

TEST(RemoteServer, AListIsFetchedByPage) {
  std::vector<Sent> sent;
  RemoteServer server = Server(
      {Answered(200, R"([{"state":"a/b","size":7,"time":"1970-01-01T00:00:01Z","flag":true}])",
                {{"link", "</api/v1/states?cursor=c2>; rel=\"next\""},
                 {"stateward-note", "50 %25 %0A"}}),
       Answered(200, R"([{"state":"a/c","size":null,"time":null,"flag":null,"newer":1}])")},
      &sent);
  Args args = Given(kList, {{"glob", "a/*"}, {"locked", "true"}});
  Result<Reply> reply = server.Run(kList, args);
  CHECK(reply.ok());
  STRCMP_EQUAL("50 % \n", reply->note.c_str());
  std::vector<Row> rows;
  Result<Verdict> verdict = reply->stream([&](const Row& row) {
    rows.push_back(row);
    return true;
  });
  CHECK(verdict.ok() && *verdict == Verdict::kDone);
  UNSIGNED_LONGS_EQUAL(2, rows.size());
  CHECK(rows[0] == Row({std::string("a/b"), uint64_t{7}, int64_t{1000}, true}));
  CHECK(rows[1] == Row({std::string("a/c"), Value(), Value(), Value()}));
  STRCMP_EQUAL("https://states.example/api/v1/states?glob=a%2F%2A&locked=true",
               sent[0].url.c_str());
  STRCMP_EQUAL("https://states.example/api/v1/states?cursor=c2", sent[1].url.c_str());
  STRCMP_EQUAL("Basic YW5uOnNlY3JldA==", sent[0].secret.c_str());
  CHECK(sent[0].headers.find("YW5u") == std::string::npos);
}

TEST(RemoteServer, OnePageNamesTheNext) {
  std::vector<Sent> sent;
  RemoteServer server =
      Server({Answered(200, R"([{"state":"a/b"}])",
                       {{"link", "</api/v1/states?limit=1&cursor=c%322>; rel=\"next\""}}),
              Answered(200, R"([{"state":"a/c"}])")},
             &sent);
  Result<Reply> reply = server.Run(kList, Given(kList, {{"limit", "1"}}));
  STRCMP_EQUAL("c22", reply->next.c_str());
  size_t rows = 0;
  CHECK(reply->stream([&rows](const Row&) { return ++rows > 0; }).ok());
  UNSIGNED_LONGS_EQUAL(1, rows);
  UNSIGNED_LONGS_EQUAL(1, sent.size());
}

TEST(RemoteServer, WhatOnlyTheHostHasIsRefused) {
  std::vector<Sent> sent;
  RemoteServer server = Server({Answered(200, "[]")}, &sent);
  Result<Reply> reply = server.Run(kList, Given(kList, {{"file", "/nonexist"}}));
  CHECK(reply.status().code() == Code::kInvalidArgument);
  STRCMP_CONTAINS("--file", reply.status().detail().c_str());
  UNSIGNED_LONGS_EQUAL(0, sent.size());
}

TEST(RemoteServer, AWebServerWhoseStatewardIsGoneSaysSo) {
  std::vector<Sent> sent;
  RemoteServer server = Server(
      {Answered(503,
                R"({"error":"unavailable","reason":"Stateward does not answer the web server",)"
                R"("action":"repeat the command"})"),
       Answered(404, R"({"error":"x","reason":"y","action":"z"})")},
      &sent);
  const Args args = Given(kList, {});
  Result<Reply> reply = server.Run(kList, args);
  CHECK(reply.status().code() == Code::kUnavailable);
  STRCMP_EQUAL("Stateward does not answer the web server; repeat the command",
               reply.status().detail().c_str());
  reply = server.Run(kList, args);
  STRCMP_CONTAINS("no Stateward API at this address (status 404)", reply.status().detail().c_str());
}

// Where the next page lies is the server's to say; credentials go to no other.
TEST(RemoteServer, ALinkToElsewhereIsNotFollowed) {
  std::vector<Sent> sent;
  RemoteServer server =
      Server({Answered(200, "[]", {{"link", "<https://evil/>; rel=\"next\""}})}, &sent);
  Args args;
  Result<Reply> reply = server.Run(kList, args);
  CHECK(reply->stream([](const Row&) { return true; }).ok());
  UNSIGNED_LONGS_EQUAL(1, sent.size());
}

TEST(RemoteServer, AChangeNamesItsVersionAndIsItself) {
  std::vector<Sent> sent;
  RemoteServer server = Server({Answered(200, R"({"state":"a/b","size":1,"time":null,"flag":null})",
                                         {{"stateward-verdict", "found-wrong"}})},
                               &sent);
  Args args = Given(kRollback, {{"state", "net/prod"},
                                {"to", "41"},
                                {"reason", "a \"drill\""},
                                {"if-version", "57"},
                                {"change-id", "run-1"}});
  Result<Reply> reply = server.Run(kRollback, args);
  Result<Verdict> verdict = reply->stream([](const Row&) { return true; });
  CHECK(verdict.ok() && *verdict == Verdict::kFoundWrong);
  STRCMP_EQUAL("POST", sent[0].method.c_str());
  STRCMP_EQUAL("https://states.example/api/v1/states/net/prod/rollback", sent[0].url.c_str());
  STRCMP_EQUAL(R"({"to":41,"reason":"a \"drill\""})", sent[0].body.c_str());
  STRCMP_EQUAL("Content-Type=application/json;If-Match=\"57\";Idempotency-Key=run-1;",
               sent[0].headers.c_str());
}

TEST(RemoteServer, TheSameCommandAgainIsTheSameRequest) {
  for (int run = 0; run < 2; ++run) {
    std::vector<Sent> sent;
    RemoteServer server = Server({Answered(503, "")}, &sent);
    Args args = Given(kRollback, {{"state", "net/prod"}, {"to", "41"}, {"reason", "a drill"}});
    CHECK_FALSE(server.Run(kRollback, args).ok());
    STRCMP_EQUAL("Content-Type=application/json;", sent[0].headers.c_str());
  }
}

TEST(RemoteServer, RefusalsKeepTheirKind) {
  const std::string type = "\"type\":\"urn:stateward:problem:";
  struct {
    HttpAnswer answer;
    Code code;
  } cases[] = {
      {Answered(404, "{" + type + "not_found\",\"detail\":\"no state\"}"), Code::kNotFound},
      {Answered(403, "{" + type + "permission_denied\",\"detail\":\"no\"}"),
       Code::kPermissionDenied},
      {Answered(503, "{" + type + "unavailable\",\"detail\":\"x\"}"), Code::kUnavailable},
      // Some other server at that address: its 404 says nothing about a state.
      {Answered(404, "<html>"), Code::kUnavailable},
      {Answered(404, R"({"error":"bad request"})"), Code::kUnavailable},
      {Answered(302, "", {{"location", "https://elsewhere"}}), Code::kUnavailable},
      {Answered(200, "<html>"), Code::kUnavailable},
  };
  for (const auto& c : cases) {
    std::vector<Sent> sent;
    RemoteServer server = Server({c.answer}, &sent);
    Args args;
    Result<Reply> reply = server.Run(kList, args);
    Status status =
        reply.ok() ? reply->stream([](const Row&) { return true; }).status() : reply.status();
    STRCMP_EQUAL(CodeName(c.code).data(), CodeName(status.code()).data());
    UNSIGNED_LONGS_EQUAL(1, sent.size());
  }
}

TEST(RemoteServer, AnAddressThatDoesNotAnswerIsNamed) {
  std::vector<Sent> sent;
  RemoteServer server = Server({}, &sent);
  Result<Reply> reply = server.Run(kList, Given(kList, {}));
  STRCMP_CONTAINS("https://states.example: connection refused", reply.status().detail().c_str());
}

TEST(RemoteServer, ALockShowsItsHolder) {
  std::vector<Sent> sent;
  RemoteServer server =
      Server({Answered(423, R"({"type":"urn:stateward:problem:locked","detail":"the state is )"
                            R"(locked","lock":{"ID":"x","Who":"ann"}})")},
             &sent);
  Args args;
  Result<Reply> reply = server.Run(kList, args);
  CHECK(reply.ok());
  STRCMP_EQUAL(R"({"ID":"x","Who":"ann"})", reply->holder.c_str());
}

}  // namespace stateward
