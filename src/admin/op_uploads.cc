// Refused uploads that were kept: perhaps the only copy of what an apply did.
#include <optional>
#include <utility>
#include <vector>

#include "admin/locked_change.h"
#include "admin/run.h"
#include "admin/state_diff.h"
#include "admin/state_versions.h"
#include "base/glob.h"
#include "base/hex.h"
#include "base/state_name.h"
#include "state/guard.h"
#include "state/lock_rights.h"
#include "state/records_gone.h"

namespace stateward {
namespace {

struct FoundUpload {
  KeptUpload upload;
  SealedInfo info;
};

bool IsOpenTo(const Caller& caller, const StateKey& key) {
  return (!caller.tenant || *caller.tenant == key.tenant) && caller.Sees(key);
}

Status NoSuchUpload(const std::string& name) {
  return Status::NotFound("there is no kept upload " + name);
}

// The upload that the call names; a change of it is announced. kNotFound: none, or of a state that
// the caller may not see.
Result<FoundUpload> FindUpload(const Call& call, const History& history) {
  const std::string& name = call.args.Text("upload");
  Result<std::vector<KeptUpload>> all = history.uploads().ListUploads();
  if (!all.ok()) return std::move(all).status();
  bool looked = false;
  for (const KeptUpload& upload : *all) {
    if (upload.content_tag != name) continue;
    looked = true;
    Result<SealedInfo> info = history.UploadInfo(upload);
    if (!info.ok() && info.status().code() == Code::kNotFound) break;
    if (!info.ok()) return std::move(info).status();
    if (!IsOpenTo(call.caller, info->key)) break;
    if (!call.caller.On(info->key).Contains(call.operation.needs)) {
      return Status(Code::kPermissionDenied,
                    "your role does not allow this with " + StateText(info->key));
    }
    NoteState(call, info->key);
    STATEWARD_RETURN_IF_ERROR(Announce(call));
    return FoundUpload{upload, *std::move(info)};
  }
  // An absent one costs what a hidden one does: something is opened.
  if (!looked && !all->empty()) (void)history.UploadInfo(all->front());
  return NoSuchUpload(name);
}

Result<FoundState> StateOf(const Call& call, const History& history, const StateKey& key) {
  FoundState state;
  state.key = key;
  state.id = StateId::Of(key);
  state.grant = GrantOf(call.caller, key);
  Result<Newest> newest =
      LoadNewest(history, state.grant, state.id, call.service.rules().write.legacy_read);
  if (!newest.ok()) return std::move(newest).status();
  state.newest = *std::move(newest);
  STATEWARD_RETURN_IF_ERROR(CheckNothingGone(
      call.service.locker(), LockKeyOf(state.grant, call.service.rules().write.legacy_read),
      call.service.storage(), state.newest.head));
  NoteNewest(call, state.newest);
  STATEWARD_RETURN_IF_ERROR(CheckNotForwarded(call, state));
  return state;
}

// A row of kUploadsColumns.
Row UploadRow(const KeptUpload& upload, const Result<SealedInfo>& info) {
  if (!info.ok()) {
    Row row(9);
    row[0] = upload.content_tag;
    row[3] = upload.time_ms;
    row[8] = std::string("does not open: ") + info.status().detail();
    return row;
  }
  Row row = NameRow(info->key);
  row.insert(row.begin(), upload.content_tag);
  row.insert(row.end(),
             {Value(upload.time_ms), TextOrNull(info->version.writer), Value(info->version.serial),
              TextOrNull(info->version.lineage), Value(info->version.size), Value()});
  return row;
}

Result<Verdict> EachUpload(const Call& call, const History& history, const RowFn& take) {
  Result<std::vector<KeptUpload>> all = history.uploads().ListUploads();
  if (!all.ok()) return std::move(all).status();
  const std::string& glob = call.args.Text("glob");
  for (const KeptUpload& upload : *all) {
    const Result<SealedInfo> info = history.UploadInfo(upload);
    if (!info.ok() && info.status().code() == Code::kNotFound) continue;
    if (!info.ok() && info.status().code() != Code::kCorruption) return info.status();
    // Whose a damaged one is nobody knows: only who may do all sees it.
    const bool open =
        info.ok() ? IsOpenTo(call.caller, info->key) : call.caller.on_store.Has(Right::kAdminister);
    const bool fits = glob.empty() || (info.ok() && FitsGlob(glob, info->key));
    if (open && fits && !take(UploadRow(upload, info))) break;
  }
  return Verdict::kDone;
}

}  // namespace

Result<Reply> RunUploadsList(const Call& call) {
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  Reply reply;
  reply.stream = [call, history = *history](const RowFn& take) {
    return EachUpload(call, history, take);
  };
  return reply;
}

Result<Reply> RunUploadsShow(const Call& call) {
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  Result<FoundUpload> found = FindUpload(call, *history);
  if (!found.ok()) return std::move(found).status();
  Result<Opened> opened = history->OpenUpload(found->upload);
  if (!opened.ok() && opened.status().code() == Code::kNotFound) {
    return NoSuchUpload(found->upload.content_tag);
  }
  if (!opened.ok()) return std::move(opened).status();
  Reply reply;
  reply.tag = HexEncode(opened->info.version.sha256);
  reply.document = std::move(opened->document);
  return reply;
}

Result<Reply> RunUploadsDiff(const Call& call) {
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  const bool values = call.args.Flag("values");
  STATEWARD_RETURN_IF_ERROR(MayShowValues(call, values));
  Result<FoundUpload> found = FindUpload(call, *history);
  if (!found.ok()) return std::move(found).status();
  Result<FoundState> state = StateOf(call, *history, found->info.key);
  if (!state.ok()) return std::move(state).status();
  Result<uint64_t> newest = NewestDocument(*history, *state, state->newest.head);
  if (!newest.ok()) return std::move(newest).status();
  const auto upload = [&]() -> Result<SecretBytes> {
    Result<Opened> opened = history->OpenUpload(found->upload);
    if (!opened.ok()) return std::move(opened).status();
    return std::move(opened->document);
  };
  Result<DocumentDiff> diff =
      DiffDocuments(OpensVersion(*history, *state, *newest), upload, values);
  if (!diff.ok()) return std::move(diff).status();
  Reply reply;
  reply.rows = DiffRows(*diff, values);
  reply.note = "version " + std::to_string(*newest) + " of " + StateText(state->key) +
               " to the upload: " + DiffSummary(*diff);
  return reply;
}

// An ordinary write under a lock that may replace history, as `state push -force` would be.
Result<Reply> RunUploadsRestore(const Call& call) {
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  Result<FoundUpload> found = FindUpload(call, *history);
  if (!found.ok()) return std::move(found).status();
  Result<FoundState> state = StateOf(call, *history, found->info.key);
  if (!state.ok()) return std::move(state).status();
  Reply reply;
  Result<Changed> changed = RunLockedChange(
      call, *state, kOperationRestore,
      [&](const ChangeUnderLock& with) {
        Result<Opened> opened = with.history.OpenUpload(found->upload);
        if (!opened.ok()) return ChangeFailed(opened.status());
        return call.service.states().Put(with.state.grant, with.lock_id, opened->document,
                                         with.note, LockFor::kOperation);
      },
      &reply);
  return ChangeReply(*state, "restored", std::move(changed), std::move(reply));
}

Result<Reply> RunUploadsDrop(const Call& call) {
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  Result<FoundUpload> found = FindUpload(call, *history);
  if (!found.ok()) return std::move(found).status();
  // The same bytes that another principal sent have the same name.
  Result<std::vector<KeptUpload>> all = history->uploads().ListUploads();
  if (!all.ok()) return std::move(all).status();
  for (const KeptUpload& upload : *all) {
    const bool same =
        upload.id == found->upload.id && upload.content_tag == found->upload.content_tag;
    if (same) STATEWARD_RETURN_IF_ERROR(history->uploads().RemoveUpload(upload));
  }
  Reply reply;
  reply.rows.push_back(UploadRow(found->upload, found->info));
  return reply;
}

}  // namespace stateward
