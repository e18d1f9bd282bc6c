// What happened to one state.
#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "admin/columns.h"
#include "admin/find_state.h"
#include "admin/lock_sessions.h"
#include "admin/lock_trail.h"
#include "admin/run.h"
#include "admin/state_names.h"
#include "admin/version_changes.h"
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

// Places in a row of kVersionsColumns.
enum At : size_t {
  kTime = 4,
  kBy = 5,
  kLock = 7,
  kSha256 = 9,
  kUpload = 11,
  kNote = 12,
  kPinned = 13,
  kResources = 14
};
constexpr size_t kColumns = std::size(kVersionsColumns);

Row RowOf(Value version, std::string event, const VersionInfo& info, Value upload) {
  const bool document = info.kind == RecordKind::kState;
  Row row = {std::move(version), std::move(event)};
  if (info.kind != RecordKind::kNoOp) {
    row.insert(row.end(), {Value(info.serial), TextOrNull(info.lineage), Value(info.time_ms),
                           TextOrNull(info.writer), TextOrNull(info.operation),
                           TextOrNull(info.lock_id), document ? Value(info.size) : Value(),
                           document ? Value(HexEncode(info.sha256)) : Value(),
                           TextOrNull(info.terraform_version)});
  }
  row.resize(kColumns);
  row[kTime] = info.time_ms;
  row[kBy] = TextOrNull(info.writer);
  row[kUpload] = std::move(upload);
  row[kNote] = TextOrNull(info.note);
  if (info.kind == RecordKind::kState) row[kPinned] = info.pinned;
  return row;
}

// Of one that does not open; damaged, or of an unknown key.
Row Unreadable(const Status& why, Value version, Value time, Value upload) {
  Row row(kColumns);
  row[0] = std::move(version);
  row[1] = UnreadableWord(why);
  row[kTime] = std::move(time);
  row[kUpload] = std::move(upload);
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

// A forced release of the state's lock, between its versions.
Row ForcedRow(const LockSession& session) {
  Row row(kColumns);
  row[1] = std::string("forced release");
  row[kTime] = session.until_ms;
  row[kBy] = TextOrNull(session.ended_by);
  row[kLock] = TextOrNull(session.lock);
  std::string note = session.principal.empty() ? "" : "held by " + session.principal;
  if (!session.reason.empty()) note += (note.empty() ? "" : ": ") + session.reason;
  row[kNote] = TextOrNull(note);
  return row;
}

// One state's versions, and what stands between them, as one line of time, the newest first. With
// changes a document's row waits until the document before it is known.
class Timeline {
 public:
  struct Shows {
    bool changes = false;
    bool digests = false;  // who has one can guess what is in the document
  };
  Timeline(const History& history, const FoundState& state, Shows shows, const RowFn& take)
      : changes_(history, state), shows_(shows), take_(take) {}

  Status Add(const VersionEntry& entry) {
    const VersionInfo& info = entry.info.version;
    lowest_ = entry.n;
    if (!entry.status.ok()) {
      STATEWARD_RETURN_IF_ERROR(Settle({}, false));
      return Push(Unreadable(entry.status, entry.n, {}, {}));
    }
    Row row = RowOf(entry.n, EventOf(info.kind), info, {});
    if (!shows_.changes || info.kind == RecordKind::kNoOp) return Push(std::move(row));
    if (info.kind != RecordKind::kState) {
      // What was deleted held nothing for the next one; what was purged nobody can tell.
      STATEWARD_RETURN_IF_ERROR(Settle({}, info.kind == RecordKind::kTombstone));
      return Push(std::move(row));
    }
    const VersionDocument document{entry.n, info.sha256};
    STATEWARD_RETURN_IF_ERROR(Settle(document, false));
    above_ = document;
    return Push(std::move(row));
  }
  // What stands between versions.
  Status Add(Row row) { return Push(std::move(row)); }
  Status End() {
    STATEWARD_RETURN_IF_ERROR(Settle({}, lowest_ == 1));
    changes_.Save();
    return Status();
  }
  bool enough() const { return enough_; }

 private:
  Status Push(Row row) {
    if (!shows_.digests) row[kSha256] = Value();
    waiting_.push_back(std::move(row));
    if (!above_) Flush();
    return Status();
  }
  void Flush() {
    for (const Row& row : waiting_) {
      if (!enough_) enough_ = !take_(row);
    }
    waiting_.clear();
  }
  // The document that waits has `before` below it.
  Status Settle(const std::optional<VersionDocument>& before, bool first) {
    if (!above_) return Status();
    Result<VersionChanges> is = changes_.Of(*above_, before, first);
    if (!is.ok()) return std::move(is).status();
    above_.reset();
    Row& row = waiting_.front();
    size_t at = kResources;
    if (is->resources) row[at] = *is->resources;
    if (is->changes) {
      const ChangeCounts& counts = *is->changes;
      for (uint64_t n : {counts.added, counts.changed, counts.removed, counts.moved}) row[++at] = n;
    }
    Flush();
    return Status();
  }

  VersionChangesOf changes_;
  const Shows shows_;
  const RowFn& take_;
  std::optional<VersionDocument> above_;  // whose row is the first that waits
  std::vector<Row> waiting_;
  uint64_t lowest_ = 0;
  bool enough_ = false;
};

// What stands between the versions, by its time: the newest first.
struct Between {
  int64_t time_ms = 0;
  std::variant<KeptUpload, LockSession> what;
};

Result<Row> RowOf(const History& history, const Between& one) {
  const auto* upload = std::get_if<KeptUpload>(&one.what);
  if (upload != nullptr) return UploadRow(history, *upload);
  return ForcedRow(std::get<LockSession>(one.what));
}

Result<std::vector<Between>> AllBetween(const History& history, const StateId& id,
                                        std::vector<LockSession> forced) {
  Result<std::vector<KeptUpload>> uploads = history.uploads().ListUploads();
  if (!uploads.ok()) return std::move(uploads).status();
  std::vector<Between> all;
  for (KeptUpload& upload : *uploads) {
    const int64_t time_ms = upload.time_ms;
    if (upload.id == id) all.push_back({time_ms, std::move(upload)});
  }
  for (LockSession& session : forced) {
    const int64_t time_ms = session.until_ms;
    all.push_back({time_ms, std::move(session)});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Between& a, const Between& b) { return a.time_ms > b.time_ms; });
  return all;
}

Status Walk(const History& history, const StateId& id, const std::vector<Between>& all,
            Timeline* line) {
  auto next = all.begin();
  // Within one millisecond it came after the version, which it met.
  const auto add_until = [&](int64_t from_ms) -> Status {
    for (; next != all.end() && next->time_ms >= from_ms; ++next) {
      Result<Row> row = RowOf(history, *next);
      if (!row.ok()) return std::move(row).status();
      STATEWARD_RETURN_IF_ERROR(line->Add(*std::move(row)));
    }
    return Status();
  };
  Status added;
  STATEWARD_RETURN_IF_ERROR(history.Each(id, [&](const VersionEntry& entry) {
    if (entry.status.ok()) added = add_until(entry.info.version.time_ms);
    if (added.ok()) added = line->Add(entry);
    return added.ok() && !line->enough();
  }));
  STATEWARD_RETURN_IF_ERROR(added);
  if (line->enough()) return Status();
  STATEWARD_RETURN_IF_ERROR(add_until(INT64_MIN));
  return line->End();
}

// When the oldest version that is kept was written; 0: it does not say.
int64_t OldestTime(const History& history, const StateId& id) {
  Result<std::vector<uint64_t>> numbers = history.records().Versions(id);
  if (!numbers.ok() || numbers->empty()) return 0;
  Result<SealedInfo> info = history.Info(id, numbers->back());
  return info.ok() ? info->version.time_ms : 0;
}

// Forced releases since the oldest version that is kept; the trail holds them, where there is one.
// What cannot be told hides no version: *note says so.
std::vector<LockSession> ForcedReleases(const Call& call, const History& history,
                                        const FoundState& state, std::string* note) {
  if (call.service.audit_file().empty()) return {};
  LockSessions sessions;
  const Result<TrailRead> read =
      AddLockTrail(call.service, state.key, OldestTime(history, state.id), &sessions);
  if (!read.ok()) {
    const bool busy = read.status().code() == Code::kOverloaded;
    *note = std::string("forced releases are not shown: the audit trail ") +
            (busy ? "is being read for another request; ask again" : "cannot be read");
    return {};
  }
  if (!read->whole) *note = std::string("forced releases: ") + kOlderLeftOut;
  return sessions.Forced();
}

}  // namespace

Result<Reply> RunVersions(const Call& call) {
  // What is left shows what can be put right.
  Result<FoundState> state = FindState(call, RecordsGone::kSeen);
  if (!state.ok()) return std::move(state).status();
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  const bool changes = call.args.Flag("changes");
  // It opens each document that nobody has counted yet.
  AdminService::ListTurn turn(nullptr);
  if (changes) {
    turn = call.service.TakeListTurn(call.caller.principal);
    if (!turn) return ListUnderWay();
  }
  Reply reply;
  std::vector<LockSession> forced = ForcedReleases(call, *history, *state, &reply.note);
  const Verdict verdict = state->gone.ok() ? Verdict::kDone : Verdict::kFoundWrong;
  if (!state->gone.ok()) reply.note = state->gone.detail();
  Result<std::vector<Between>> between = AllBetween(*history, state->id, std::move(forced));
  if (!between.ok()) return std::move(between).status();
  const Timeline::Shows shows{changes, call.caller.On(state->key).Has(Right::kRead)};
  reply.stream = [history = *history, state = *std::move(state), shows, verdict,
                  between = *std::move(between),
                  turn = std::move(turn)](const RowFn& take) -> Result<Verdict> {
    Timeline line(history, state, shows, take);
    STATEWARD_RETURN_IF_ERROR(Walk(history, state.id, between, &line));
    return verdict;
  };
  return reply;
}

}  // namespace stateward
