#include "moving/http_source.h"

#include "moving/import_names.h"
#include "moving/lock_text.h"

namespace stateward {

Result<SourceLock> LockOverHttp(const Web& web, const std::string& method, const std::string& url,
                                const SourceState& state, const Clock& clock) {
  const Web::Ask ask{method, url, ImportLockInfo(state.place, "", clock.NowMs()),
                     "application/json"};
  Result<HttpAnswer> answer = web.Send(ask);
  if (!answer.ok()) return std::move(answer).status();
  if (answer->status == 200) return SourceLock::kHeld;
  if (answer->status != 409 && answer->status != 423) return Web::Unexpected(ask, *answer);
  std::string id;
  const std::string who = WhoHolds(answer->body, &id);
  if (id == ImportLockId(state.place)) return SourceLock::kHeld;  // of a run that was killed
  return Status(Code::kLocked, ShownAddress(state.place) + ": locked by " + who);
}

Status UnlockOverHttp(const Web& web, const std::string& method, const std::string& url,
                      const SourceState& state, const Clock& clock) {
  const Web::Ask ask{method, url, ImportLockInfo(state.place, "", clock.NowMs()),
                     "application/json"};
  Result<HttpAnswer> answer = web.Send(ask);
  if (!answer.ok()) return std::move(answer).status();
  return answer->status == 200 ? Status() : Web::Unexpected(ask, *answer);
}

Result<std::vector<SourceState>> HttpSource::List() {
  std::vector<SourceState> states;
  for (const std::string& workspace : options_.workspaces) {
    states.push_back({workspace, FillPattern(options_.address, workspace)});
  }
  return states;
}

Result<std::vector<SourceVersion>> HttpSource::Versions(const SourceState&) {
  return std::vector<SourceVersion>{{"the only one", 0}};
}

Result<SecretBytes> HttpSource::Read(const SourceState& state, const SourceVersion&) {
  return web_->GetDocument(state.place);
}

Result<SourceLock> HttpSource::Lock(const SourceState& state) {
  if (options_.lock_address.empty()) return SourceLock::kNone;
  return LockOverHttp(*web_, options_.lock_method,
                      FillPattern(options_.lock_address, state.workspace), state, clock_);
}

Status HttpSource::Unlock(const SourceState& state) {
  return UnlockOverHttp(*web_, options_.unlock_method,
                        FillPattern(options_.unlock_address, state.workspace), state, clock_);
}

}  // namespace stateward
