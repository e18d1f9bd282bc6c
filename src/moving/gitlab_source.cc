#include "moving/gitlab_source.h"

#include "base/percent.h"
#include "document/document_scanner.h"
#include "moving/source_time.h"

namespace stateward {
namespace {

// Of a GraphQL list.
constexpr char kQuery[] =
    "query($project: ID!, $after: String) { project(fullPath: $project) { terraformStates(first: "
    "100, after: $after) { pageInfo { hasNextPage endCursor } nodes { name latestVersion { serial "
    "createdAt } } } } }";
// 100,000 states.
constexpr int kMaxPages = 1000;
// So many serials in a row that are not there end the look for older ones: applies leave gaps of a
// few, and what was deleted leaves one for good.
constexpr int kMaxGap = 50;

Status NoAnswer(const std::string& project) {
  return Status::Unavailable("GitLab did not tell the states of " + project +
                             ": is the path right, and may the token read the API?");
}

}  // namespace

// The cursor of the next page; "" = this was the last.
Result<std::string> GitlabSource::ListPage(const std::string& after,
                                           std::vector<SourceState>* states) {
  JsonWriter body;
  body.BeginObject().Key("query").String(kQuery).Key("variables").BeginObject();
  body.Key("project").String(project_);
  if (!after.empty()) body.Key("after").String(after);
  body.EndObject().EndObject();
  Result<JsonObject> answer =
      web_->GetJson({"POST", "/api/graphql", std::move(body).Take(), "application/json"});
  if (!answer.ok()) return std::move(answer).status();
  std::optional<JsonObject> at = answer->Object("data");
  if (at) at = at->Object("project");
  if (at) at = at->Object("terraformStates");
  const std::optional<std::vector<JsonObject>> nodes = at ? at->Objects("nodes") : std::nullopt;
  const std::optional<JsonObject> page = at ? at->Object("pageInfo") : std::nullopt;
  if (!nodes || !page) return NoAnswer(project_);
  for (const JsonObject& node : *nodes) {
    const std::optional<std::string> name = node.String("name");
    const std::optional<JsonObject> latest = node.Object("latestVersion");
    if (!name || !latest) continue;  // a state that was never written
    const std::optional<uint64_t> serial = latest->Uint("serial");
    if (!serial) return NoAnswer(project_);
    newest_[*name] = {*serial, ParseSourceTime(latest->String("createdAt").value_or(""))};
    states->push_back({*name, "gitlab " + project_ + " " + *name});
  }
  return page->Bool("hasNextPage").value_or(false) ? page->String("endCursor").value_or("") : "";
}

Result<std::vector<SourceState>> GitlabSource::List() {
  std::lock_guard<std::mutex> hold(mutex_);
  std::vector<SourceState> states;
  std::string after;
  for (int pages = 0; pages < kMaxPages; ++pages) {
    Result<std::string> next = ListPage(after, &states);
    if (!next.ok()) return std::move(next).status();
    if (next->empty()) return states;
    after = *std::move(next);
  }
  return Status::Unavailable("GitLab's list of states has no end");
}

std::string GitlabSource::PathOfState(const SourceState& state) const {
  return "/api/v4/projects/" + PercentEncode(project_) + "/terraform/state/" +
         PercentEncode(state.workspace);
}

// Under the state's lock the newest may be another than when the list was made.
Result<std::vector<SourceVersion>> GitlabSource::Versions(const SourceState& state) {
  Result<SecretBytes> document = web_->GetDocument(PathOfState(state));
  if (!document.ok()) return std::move(document).status();
  Result<DocumentInfo> scanned = ScanDocument(*document);
  if (!scanned.ok()) return std::move(scanned).status().At(state.place);
  int64_t time_ms = 0;
  {
    std::lock_guard<std::mutex> hold(mutex_);
    const Newest& listed = newest_[state.workspace];
    if (listed.serial == scanned->serial) time_ms = listed.time_ms;
  }
  std::vector<SourceVersion> versions{{std::to_string(scanned->serial), time_ms}};
  int gap = 0;
  for (uint64_t serial = scanned->serial; serial > 1 && gap < kMaxGap;) {
    --serial;
    const Web::Ask ask{"GET", PathOfState(state) + "/versions/" + std::to_string(serial), "", ""};
    Result<HttpAnswer> answer = web_->Send(ask);
    if (!answer.ok()) return std::move(answer).status();
    if (answer->status != 200 && answer->status != 404) return Web::Unexpected(ask, *answer);
    gap = answer->status == 404 ? gap + 1 : 0;
    if (answer->status == 200) versions.push_back({std::to_string(serial), 0});
  }
  return versions;
}

Result<SecretBytes> GitlabSource::Read(const SourceState& state, const SourceVersion& version) {
  return web_->GetDocument(PathOfState(state) + "/versions/" + version.id);
}

HttpLock GitlabSource::LockOf(const SourceState& state) const {
  const std::string path = PathOfState(state) + "/lock";
  return {*web_, {"POST", path, "DELETE", path + "?ID={id}"}, state.place, clock_};
}

Result<SourceLock> GitlabSource::Lock(const SourceState& state) { return LockOf(state).Take(); }

Status GitlabSource::Unlock(const SourceState& state) { return LockOf(state).Free(); }

}  // namespace stateward
