#include "moving/tfe_source.h"

#include "base/percent.h"
#include "moving/source_time.h"

namespace stateward {
namespace {

constexpr char kContent[] = "application/vnd.api+json";
// What our lock says; a run that was killed is known by it.
constexpr char kReason[] = "statewardctl import reads this state";
// 100 of a page: 100,000 of a list.
constexpr int kMaxPages = 1000;

Status NoAnswer(const std::string& what) {
  return Status::Unavailable(what + ": the answer has not what it should have");
}

}  // namespace

Result<std::vector<JsonObject>> TfeSource::GetAll(const std::string& path) const {
  std::vector<JsonObject> all;
  for (int page = 1; page <= kMaxPages; ++page) {
    const std::string url = path + (path.find('?') == path.npos ? "?" : "&") +
                            "page%5Bsize%5D=100&page%5Bnumber%5D=" + std::to_string(page);
    Result<JsonObject> answer = web_->GetJson({"GET", url, "", ""});
    if (!answer.ok()) return std::move(answer).status();
    const std::optional<std::vector<JsonObject>> data = answer->Objects("data");
    if (!data) return NoAnswer(path);
    all.insert(all.end(), data->begin(), data->end());
    std::optional<JsonObject> meta = answer->Object("meta");
    if (meta) meta = meta->Object("pagination");
    if (!meta || !meta->Uint("next-page")) return all;
  }
  return Status::Unavailable(path + ": a list without an end");
}

Result<std::vector<SourceState>> TfeSource::List() {
  Result<std::vector<JsonObject>> all =
      GetAll("/api/v2/organizations/" + PercentEncode(organization_) + "/workspaces");
  if (!all.ok()) return std::move(all).status();
  std::vector<SourceState> states;
  std::lock_guard<std::mutex> hold(mutex_);
  for (const JsonObject& workspace : *all) {
    const std::optional<std::string> id = workspace.String("id");
    const std::optional<JsonObject> attributes = workspace.Object("attributes");
    const std::optional<std::string> name = attributes ? attributes->String("name") : std::nullopt;
    if (!id || !name) return NoAnswer("workspaces of " + organization_);
    std::optional<JsonObject> current = workspace.Object("relationships");
    if (current) current = current->Object("current-state-version");
    if (!current || !current->Object("data")) continue;
    ids_[*name] = *id;
    states.push_back({*name, "tfe " + organization_ + " " + *name});
  }
  return states;
}

Result<std::string> TfeSource::IdOf(const SourceState& state) {
  std::lock_guard<std::mutex> hold(mutex_);
  auto found = ids_.find(state.workspace);
  if (found == ids_.end()) return Status::NotFound(state.place);
  return found->second;
}

Result<std::vector<SourceVersion>> TfeSource::Versions(const SourceState& state) {
  Result<std::vector<JsonObject>> all = GetAll(
      "/api/v2/state-versions?filter%5Borganization%5D%5Bname%5D=" + PercentEncode(organization_) +
      "&filter%5Bworkspace%5D%5Bname%5D=" + PercentEncode(state.workspace));
  if (!all.ok()) return std::move(all).status();
  std::vector<SourceVersion> versions;
  for (const JsonObject& version : *all) {
    const std::optional<JsonObject> attributes = version.Object("attributes");
    const std::optional<std::string> url =
        attributes ? attributes->String("hosted-state-download-url") : std::nullopt;
    if (!url || url->empty()) return NoAnswer("state versions of " + state.workspace);
    versions.push_back({*url, ParseSourceTime(attributes->String("created-at").value_or(""))});
  }
  return versions;
}

Result<SecretBytes> TfeSource::Read(const SourceState& state, const SourceVersion& version) {
  Result<SecretBytes> document = web_->GetDocument(version.id);
  // The path of a signed address is a key.
  if (document.ok()) return document;
  return Status(document.status().code(), "the address that the service gave for a version of " +
                                              state.workspace + " gives no state");
}

Result<SourceLock> TfeSource::Lock(const SourceState& state) {
  Result<std::string> id = IdOf(state);
  if (!id.ok()) return std::move(id).status();
  const Web::Ask ask{"POST", "/api/v2/workspaces/" + *id + "/actions/lock",
                     std::string(R"({"reason":")") + kReason + R"("})", kContent};
  Result<HttpAnswer> answer = web_->Send(ask);
  if (!answer.ok()) return std::move(answer).status();
  if (answer->status == 200) return SourceLock::kHeld;
  if (answer->status != 409) return Web::Unexpected(ask, *answer);
  return Status(Code::kLocked, state.place +
                                   ": the workspace is locked; when a run of this command that was "
                                   "killed left the lock (\"" +
                                   kReason + "\"), unlock it there");
}

Status TfeSource::Unlock(const SourceState& state) {
  Result<std::string> id = IdOf(state);
  if (!id.ok()) return std::move(id).status();
  const Web::Ask ask{"POST", "/api/v2/workspaces/" + *id + "/actions/unlock", "{}", kContent};
  Result<HttpAnswer> answer = web_->Send(ask);
  if (!answer.ok()) return std::move(answer).status();
  return answer->status == 200 ? Status() : Web::Unexpected(ask, *answer);
}

}  // namespace stateward
