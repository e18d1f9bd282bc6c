#include "moving/http_source.h"

#include "moving/import_names.h"
#include "moving/lock_text.h"

namespace stateward {

namespace {

constexpr std::string_view kIdHere = "{id}";

}  // namespace

Result<std::optional<HttpLock::Holder>> HttpLock::Ask() const {
  const Web::Ask ask{way_.lock_method, way_.lock_address,
                     ImportLockInfo(ImportLockId(place_), "", clock_.NowMs()), "application/json"};
  Result<HttpAnswer> answer = web_.Send(ask);
  if (!answer.ok()) return std::move(answer).status();
  if (answer->status == 200) return std::optional<Holder>();
  if (answer->status != 409 && answer->status != 423) return Web::Unexpected(ask, *answer);
  Holder holder;
  holder.who = WhoHolds(answer->body, &holder.id);
  return std::optional<Holder>(std::move(holder));
}

Result<SourceLock> HttpLock::Take() const {
  Result<std::optional<Holder>> holder = Ask();
  if (!holder.ok()) return std::move(holder).status();
  if (holder->has_value() && WhoseImport((*holder)->id, place_) == RunState::kGone) {
    STATEWARD_RETURN_IF_ERROR(FreeId((*holder)->id));
    holder = Ask();
    if (!holder.ok()) return std::move(holder).status();
  }
  if (!holder->has_value() || WhoseImport((*holder)->id, place_) == RunState::kThis) {
    return SourceLock::kHeld;
  }
  return Status(Code::kLocked, ShownAddress(place_) + ": locked by " + (*holder)->who);
}

Status HttpLock::Free() const { return FreeId(ImportLockId(place_)); }

Status HttpLock::FreeId(const std::string& id) const {
  std::string address = way_.unlock_address;
  const size_t here = address.find(kIdHere);
  if (here != address.npos) address.replace(here, kIdHere.size(), id);
  const Web::Ask ask{way_.unlock_method, address, ImportLockInfo(id, "", clock_.NowMs()),
                     "application/json"};
  Result<HttpAnswer> answer = web_.Send(ask);
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

HttpLock HttpSource::LockOf(const SourceState& state) const {
  return {*web_,
          {options_.lock_method, FillPattern(options_.lock_address, state.workspace),
           options_.unlock_method, FillPattern(options_.unlock_address, state.workspace)},
          state.place,
          clock_};
}

Result<SourceLock> HttpSource::Lock(const SourceState& state) {
  if (options_.lock_address.empty()) return SourceLock::kNone;
  return LockOf(state).Take();
}

Status HttpSource::Unlock(const SourceState& state) { return LockOf(state).Free(); }

}  // namespace stateward
