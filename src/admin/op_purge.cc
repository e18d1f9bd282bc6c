// A leaked document is removed for good, wherever the store has it for this state.
#include <string>
#include <utility>
#include <vector>

#include "admin/exchange_record.h"
#include "admin/locked_change.h"
#include "admin/run.h"
#include "admin/state_versions.h"
#include "admin/version_changes.h"
#include "base/state_name.h"
#include "history/upload_tag.h"
#include "state/guard.h"
#include "state/lock_info.h"

namespace stateward {
namespace {

// What holds the document: versions, the one that was named the last; kept uploads.
struct Copies {
  Sha256Digest sha256{};
  std::vector<std::pair<uint64_t, VersionInfo>> versions;
  std::vector<std::pair<KeptUpload, VersionInfo>> uploads;
};

// *copies has the digest; the uploads of the same document are added.
Status FindUploads(const History& history, const StateId& id, Copies* copies) {
  Result<std::vector<KeptUpload>> uploads = history.uploads().ListUploads();
  if (!uploads.ok()) return std::move(uploads).status();
  for (const KeptUpload& upload : *uploads) {
    if (!(upload.id == id)) continue;
    Result<SealedInfo> info = history.UploadInfo(upload);
    if (!info.ok() && info.status().code() == Code::kNotFound) continue;
    if (!info.ok()) return std::move(info).status();
    const VersionInfo& version = info->version;
    const bool same = version.kind == RecordKind::kState && version.sha256 == copies->sha256;
    if (same) copies->uploads.emplace_back(upload, version);
  }
  return Status();
}

// The version that is named goes last: until then it tells what else is to go, so a purge that was
// broken off can be repeated.
Result<Copies> FindCopies(const History& history, const FoundState& state, uint64_t n) {
  Result<Opened> named = OpenDocument(history, state, n);
  if (!named.ok()) return std::move(named).status();
  Copies copies;
  copies.sha256 = named->info.version.sha256;
  Status damaged;
  STATEWARD_RETURN_IF_ERROR(
      EachVersion(history, state.id, [&](uint64_t at, const Result<SealedInfo>& info) {
        if (!info.ok()) {
          damaged = Status(Code::kConflict, "version " + std::to_string(at) +
                                                " cannot be read: nobody knows what is in it");
          return false;
        }
        const VersionInfo& version = info->version;
        const bool same = version.kind == RecordKind::kState && version.sha256 == copies.sha256;
        if (same && at != n) copies.versions.emplace_back(at, version);
        return true;
      }));
  if (!damaged.ok()) return damaged;
  copies.versions.emplace_back(n, named->info.version);
  STATEWARD_RETURN_IF_ERROR(FindUploads(history, state.id, &copies));
  return copies;
}

Status CheckNotServed(const Copies& copies, const Newest& newest) {
  const bool served = !newest.version || !newest.unreadable.ok() ||
                      (newest.version->info.kind == RecordKind::kState &&
                       newest.version->info.sha256 == copies.sha256);
  if (!served) return Status();
  return {Code::kConflict,
          "clients get this document as the newest version: write another one or roll back first"};
}

// What stays of it: nothing of the document but its serial and lineage.
void TakeOut(const std::string& note, VersionInfo* info) {
  info->kind = RecordKind::kPurged;
  info->size = 0;
  info->sha256 = {};
  info->pinned = false;
  info->note = note;
}

// Another tag than the document has: when it is refused once more, it is not taken for kept.
std::string PurgedTag(const KeptUpload& upload) {
  return UploadTag("purged:" + upload.content_tag);
}

Status PurgeUpload(const AdminService& service, const History& history, const KeptUpload& upload,
                   const std::string& note) {
  Result<SealedInfo> info = history.UploadInfo(upload);
  if (!info.ok() && info.status().code() == Code::kNotFound) return Status();
  if (!info.ok()) return std::move(info).status();
  TakeOut(note, &info->version);
  Result<Bytes> sealed = history.SealUpload(*info, {});
  if (!sealed.ok()) return std::move(sealed).status();
  KeptUpload left = upload;
  left.content_tag = PurgedTag(upload);
  left.size = sealed->size();
  STATEWARD_RETURN_IF_ERROR(service.storage().PutUpload(left, *sealed));
  return service.storage().RemoveUpload(upload);
}

// A `rekey` under way may have put one of them under another name before it saw that it went.
constexpr int kMostLooks = 8;

Status PurgeUploads(const AdminService& service, const History& history, const FoundState& state,
                    const Copies& copies, const std::string& note) {
  Copies left = copies;
  for (int i = 0; i < kMostLooks; ++i) {
    if (left.uploads.empty()) return Status();
    for (const auto& [upload, info] : left.uploads) {
      STATEWARD_RETURN_IF_ERROR(PurgeUpload(service, history, upload, note));
    }
    left.uploads.clear();
    STATEWARD_RETURN_IF_ERROR(FindUploads(history, state.id, &left));
  }
  return Status::Unavailable(
      "kept uploads of this document come back: try again when no `rekey` runs");
}

Status PurgeAll(const AdminService& service, const History& history, const FoundState& state,
                const Copies& copies, const std::string& note) {
  STATEWARD_RETURN_IF_ERROR(PurgeUploads(service, history, state, copies, note));
  for (const auto& [n, info] : copies.versions) {
    Status done = ExchangeRecord(service, state.id, n, [&](Opened* opened) {
      TakeOut(note, &opened->info.version);
      opened->document.clear();
      return Status();
    });
    if (!done.ok() && done.code() != Code::kNotFound) return done;
  }
  // It names documents by their digests.
  return VersionChangesOf::Forget(history, state.id);
}

void AddRows(const Copies& copies, const std::string& result, Reply* reply) {
  for (const auto& [n, info] : copies.versions) {
    reply->rows.push_back({n, Value(), info.serial, info.time_ms, info.writer, result});
  }
  for (const auto& [upload, info] : copies.uploads) {
    reply->rows.push_back(
        {Value(), upload.content_tag, info.serial, upload.time_ms, info.writer, result});
  }
}

std::string OutOfReach(std::string_view storage) {
  const char* const copies =
      storage == "postgres" ? "the write-ahead log and its archive, dead rows until VACUUM, "
                              "replicas and backups"
      : storage == "s3"     ? "older versions of the objects where the bucket keeps them, replicas "
                              "and backups"
                            : "snapshots of the file system, blocks of the disk that are free now, "
                              "and backups";
  return std::string("Out of reach are ") + copies +
         "; and copies that clients made. Change the secrets that leaked.";
}

// What terraform-backend wrote of this state is never touched.
std::string OutOfReachOf(Storage& storage, const StateId& id) {
  std::string text = OutOfReach(storage.Name());
  std::vector<std::string> claimed;
  Status failed = storage.ListLegacy([&](const Storage::LegacyBlob& blob) {
    if (blob.claimed) claimed.push_back(blob.legacy_id);
    return true;
  });
  std::string blobs;
  for (const std::string& blob : claimed) {
    Result<std::optional<StateId>> of = storage.LegacyClaim(blob);
    if (!of.ok()) failed = of.status();
    if (of.ok() && *of == id) blobs += (blobs.empty() ? "" : ", ") + blob;
  }
  if (!blobs.empty()) {
    text += " What terraform-backend wrote of this state (" + blobs +
            ") stays as it is and may hold the document: remove it there.";
  }
  if (!failed.ok()) {
    text += " Whether terraform-backend's data of this state is still there is not known: " +
            failed.detail() + ".";
  }
  return text;
}

}  // namespace

Result<Reply> RunPurge(const Call& call) {
  Result<FoundState> state = FindState(call);
  if (!state.ok()) return std::move(state).status();
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  const uint64_t n = call.args.Number("version");
  Reply reply;
  reply.note = OutOfReachOf(call.service.storage(), state->id);
  if (call.args.Flag("dry-run")) {
    Result<Copies> copies = FindCopies(*history, *state, n);
    if (!copies.ok()) return std::move(copies).status();
    STATEWARD_RETURN_IF_ERROR(CheckNotServed(*copies, state->newest));
    AddRows(*copies, "would be purged", &reply);
    return reply;
  }
  const std::string note = "purged by " + call.caller.principal + " at " +
                           FormatTime(call.service.clock().NowMs()) + ": " +
                           call.args.Text("reason");
  Result<Changed> done = RunLockedChange(
      call, *state, kOperationPurge,
      [&](const ChangeUnderLock& with) {
        Result<Copies> copies = FindCopies(with.history, with.state, n);
        if (!copies.ok()) return ChangeFailed(copies.status());
        Status purged = CheckNotServed(*copies, with.newest);
        if (purged.ok()) purged = PurgeAll(call.service, with.history, with.state, *copies, note);
        if (!purged.ok()) return ChangeFailed(std::move(purged));
        AddRows(*copies, "purged", &reply);
        return StateAnswer();
      },
      &reply);
  if (!done.ok()) return std::move(done).status();
  if (reply.rows.empty() && reply.holder.empty()) {
    return Status(Code::kConflict, "nothing was purged: " + StateText(state->key) +
                                       " was changed meanwhile; look at it and try again");
  }
  return reply;
}

}  // namespace stateward
