// What happened to one state.
#include <algorithm>
#include <utility>
#include <vector>

#include "admin/find_state.h"
#include "admin/run.h"
#include "admin/state_names.h"
#include "base/hex.h"

namespace stateward {
namespace {

std::string EventOf(RecordKind kind) {
  switch (kind) {
    case RecordKind::kState:
      return "write";
    case RecordKind::kTombstone:
      return "delete";
    case RecordKind::kNoOp:
      return "no-op";
    case RecordKind::kPurged:
      return "purged";
    case RecordKind::kMoved:
      return "moved";
  }
  return "";
}

Row RowOf(Value version, std::string event, const VersionInfo& info, Value upload) {
  if (info.kind == RecordKind::kNoOp) {
    Row row(12);
    row[0] = std::move(version);
    row[1] = std::move(event);
    row[4] = info.time_ms;
    row[5] = TextOrNull(info.writer);
    return row;
  }
  return {std::move(version),
          std::move(event),
          info.serial,
          TextOrNull(info.lineage),
          info.time_ms,
          TextOrNull(info.writer),
          TextOrNull(info.operation),
          TextOrNull(info.lock_id),
          info.size,
          HexEncode(info.sha256),
          TextOrNull(info.terraform_version),
          std::move(upload)};
}

// Of one that does not open; damaged, or of an unknown key.
Row Unreadable(const Status& why, Value version, Value time, Value upload) {
  Row row(12);
  row[0] = std::move(version);
  row[1] = UnreadableWord(why);
  row[4] = std::move(time);
  row[11] = std::move(upload);
  return row;
}

// A kept upload of the state, between its versions.
Result<Row> UploadRow(const History& history, const KeptUpload& entry) {
  Result<SealedInfo> info = history.UploadInfo(entry);
  if (!info.ok() && !info.status().unreadable()) return std::move(info).status();
  if (!info.ok()) return Unreadable(info.status(), {}, entry.time_ms, entry.content_tag);
  info->version.time_ms = entry.time_ms;
  return RowOf({}, "upload", info->version, entry.content_tag);
}

// Of one state, the newest first.
Result<std::vector<KeptUpload>> UploadsOf(KeptUploads& uploads, const StateId& id) {
  Result<std::vector<KeptUpload>> all = uploads.ListUploads();
  if (!all.ok()) return all;
  std::vector<KeptUpload> mine;
  for (KeptUpload& entry : *all) {
    if (entry.id == id) mine.push_back(std::move(entry));
  }
  std::sort(mine.begin(), mine.end(),
            [](const KeptUpload& a, const KeptUpload& b) { return a.time_ms > b.time_ms; });
  return mine;
}

// Merges versions and uploads into one line of time.
Result<Verdict> Walk(const History& history, const StateId& id, const RowFn& take) {
  Result<std::vector<KeptUpload>> uploads = UploadsOf(history.uploads(), id);
  if (!uploads.ok()) return std::move(uploads).status();
  auto upload = uploads->begin();
  const auto take_uploads = [&](int64_t after_ms) -> Result<bool> {
    for (; upload != uploads->end() && upload->time_ms > after_ms; ++upload) {
      Result<Row> row = UploadRow(history, *upload);
      if (!row.ok()) return std::move(row).status();
      if (!take(*row)) return false;
    }
    return true;
  };
  Result<bool> more = true;
  STATEWARD_RETURN_IF_ERROR(history.Each(id, [&](const VersionEntry& entry) {
    const VersionInfo& info = entry.info.version;
    if (entry.status.ok()) more = take_uploads(info.time_ms);
    if (!more.ok() || !*more) return false;
    more = take(entry.status.ok() ? RowOf(entry.n, EventOf(info.kind), info, {})
                                  : Unreadable(entry.status, entry.n, {}, {}));
    return *more;
  }));
  if (!more.ok()) return std::move(more).status();
  if (!*more) return Verdict::kDone;
  Result<bool> rest = take_uploads(INT64_MIN);
  if (!rest.ok()) return std::move(rest).status();
  return Verdict::kDone;
}

}  // namespace

Result<Reply> RunVersions(const Call& call) {
  Result<FoundState> state = FindState(call);
  if (!state.ok()) return std::move(state).status();
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  Reply reply;
  reply.stream = [history = *history, id = state->id](const RowFn& take) {
    return Walk(history, id, take);
  };
  return reply;
}

}  // namespace stateward
