#include "admin/checker.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <unordered_set>
#include <utility>

#include "admin/find_state.h"
#include "base/glob.h"
#include "base/sha256.h"
#include "base/state_name.h"
#include "base/together.h"
#include "history/name_of.h"
#include "state/records_gone.h"

namespace stateward {
namespace {

// Enough to hide the round trips of a service, and more than the cores of a small host.
constexpr size_t kAtOnce = 8;
// A record that was pruned while it was looked at is listed once more.
constexpr int kTries = 3;

// A lock that is being taken cannot be told for as long as its LOCK takes, on Redis and S3. Looked
// at so often, over three seconds, it is, unless its LOCK broke off or its record is damaged.
constexpr int kLooks = 7;
constexpr std::chrono::milliseconds kBetweenLooks(500);

constexpr char kRepair[] = "statewardctl repair removes it; it is not needed";
constexpr char kRepairLock[] = "statewardctl repair writes it again from what is whole";
constexpr char kMoveAway[] = "nothing reads it there: see what it is, and move it away";
constexpr char kRestore[] = "restore it from a backup";

// What to do about something that does not open, when nothing better is known.
std::string MendOf(const Status& why) {
  if (why.code() != Code::kUnknownKey) return kRestore;
  return "give this host the key; if there never was such a key, " + std::string(kRestore);
}

// What to do about a record of this number that does not open.
std::string MendOf(const Status& why, uint64_t n, uint64_t head, uint64_t readable,
                   const std::optional<StateKey>& key) {
  if (why.code() == Code::kUnknownKey) return MendOf(why);
  if (n != head) return std::string(kRestore) + "; the state itself can be read without it";
  if (readable == 0 || !key) return kRestore;
  return std::string(kRestore) + ", or: statewardctl rollback " + StateText(*key) + " --to " +
         std::to_string(readable);
}

}  // namespace

Status Checker::Outage(const Status& status) const {
  if (status.unreadable()) return Status();
  STATEWARD_RETURN_IF_ERROR(service_.storage().Check());
  return service_.kms().Check();
}

Result<SealedInfo> Checker::OpenVersion(const StateId& id, uint64_t n) const {
  if (!rules_.read_data) return history_.Info(id, n);
  Result<Opened> opened = history_.Open(id, n);
  if (!opened.ok()) return std::move(opened).status();
  const VersionInfo& version = opened->info.version;
  const bool document = version.kind == RecordKind::kState;
  if (document &&
      (version.size != opened->document.size() || version.sha256 != Sha256(opened->document))) {
    return Status::Corruption("the document is not the one that its record describes");
  }
  return std::move(opened->info);
}

Status Checker::CheckVersions(const StateId& id, const std::vector<uint64_t>& numbers,
                              std::optional<StateKey>* key, Problems* found) const {
  struct Broken {
    uint64_t n;
    Status status;
  };
  std::vector<Broken> broken;
  const std::unordered_set<uint64_t> all(numbers.begin(), numbers.end());
  uint64_t readable = 0;
  for (uint64_t n : numbers) {
    Result<SealedInfo> info = OpenVersion(id, n);
    if (info.ok()) {
      const VersionInfo& version = info->version;
      if (!*key) *key = info->key;
      if (readable == 0 && version.kind == RecordKind::kState) readable = n;
      const uint64_t below = version.kind == RecordKind::kNoOp ? version.newest_real : 0;
      if (n == numbers.front() && below != 0 && all.count(below) == 0) {
        broken.push_back({below, Status::Corruption("the record is gone")});
      }
      continue;
    }
    // Pruned meanwhile, or gone: who calls looks again.
    if (info.status().code() == Code::kNotFound) return std::move(info).status();
    STATEWARD_RETURN_IF_ERROR(Outage(info.status()));
    broken.push_back({n, std::move(info).status()});
  }
  for (Broken& one : broken) {
    const std::string mend = MendOf(one.status, one.n, numbers.front(), readable, *key);
    found->push_back({*key, id.hex(), "version", std::to_string(one.n), one.status.detail(), mend});
  }
  return Status();
}

Status Checker::CheckLock(const StateId& id, uint64_t head, Problems* found) const {
  Result<LockView> view = service_.locker().Look(id);
  Problem problem{{}, id.hex(), "lock", "", "", ""};
  for (int looks = 1; !view.ok(); ++looks) {
    STATEWARD_RETURN_IF_ERROR(service_.locker().Check());
    if (looks < kLooks) {
      std::this_thread::sleep_for(kBetweenLooks);
      view = service_.locker().Look(id);
      continue;
    }
    problem.reason = view.status().detail();
    problem.mend = "make sure that nobody works with the state; then: statewardctl unlock --yes";
    found->push_back(std::move(problem));
    return Status();
  }
  STATEWARD_RETURN_IF_ERROR(CheckLockCopies(id, found));
  const Status gone = CheckMarkAgain(view->mark, service_.storage(), id, head);
  if (gone.ok() || !gone.unreadable()) return gone;
  problem.part = "version";
  problem.name = std::to_string(view->mark);
  problem.reason = "it was written, as the lock remembers, and is gone";
  problem.mend = kRestore;
  found->push_back(std::move(problem));
  return Status();
}

Status Checker::CheckLockCopies(const StateId& id, Problems* found) const {
  Result<std::vector<LockDamage>> damage = service_.locker().Damage(id);
  if (!damage.ok()) return std::move(damage).status();
  for (LockDamage& one : *damage) {
    Problem problem{{}, id.hex(), "lock", "", std::move(one.what) + " is damaged", kRepairLock};
    problem.repair = one.repairable ? Repair::kWriteLock : Repair::kNone;
    if (!one.repairable) problem.mend = "nothing: the next releases write over it";
    found->push_back(std::move(problem));
  }
  return Status();
}

Result<Checker::Problems> Checker::CheckState(const StateId& id) const {
  for (int tries = 0; tries < kTries; ++tries) {
    Problems found;
    std::optional<StateKey> key;
    Result<std::vector<uint64_t>> numbers = service_.storage().Versions(id);
    if (!numbers.ok()) return std::move(numbers).status();
    if (numbers->empty()) return found;
    if (!rules_.glob.empty()) {
      // The newest record says it without the others being opened.
      Result<std::optional<StateKey>> name = NameOf(history_, id);
      if (!name.ok()) return std::move(name).status();
      if (name->has_value() && !FitsGlob(rules_.glob, **name)) return found;
    }
    const Status versions = CheckVersions(id, *numbers, &key, &found);
    if (versions.code() == Code::kNotFound) continue;
    STATEWARD_RETURN_IF_ERROR(versions);
    // Of one whose name nobody can read it cannot be told that it does not fit.
    if (!rules_.glob.empty() && key && !FitsGlob(rules_.glob, *key)) return Problems();
    STATEWARD_RETURN_IF_ERROR(CheckLock(id, numbers->front(), &found));
    for (Problem& problem : found) problem.key = key;
    return found;
  }
  return Problems{{{}, id.hex(), "version", "", "records are listed and not there", kRestore}};
}

Result<Checker::Problems> Checker::CheckUpload(const KeptUpload& upload) const {
  Status status;
  std::optional<StateKey> key;
  if (rules_.read_data) {
    Result<Opened> opened = history_.OpenUpload(upload);
    status = opened.ok() ? Status() : opened.status();
    if (opened.ok()) key = std::move(opened->info.key);
  } else {
    Result<SealedInfo> info = history_.UploadInfo(upload);
    status = info.ok() ? Status() : info.status();
    if (info.ok()) key = std::move(info->key);
  }
  if (status.ok() || status.code() == Code::kNotFound) return Problems();  // dropped meanwhile
  STATEWARD_RETURN_IF_ERROR(Outage(status));
  return Problems{{key, upload.id.hex(), "upload", upload.content_tag, status.detail(),
                   MendOf(status) + ", or drop it"}};
}

Result<Checker::Problems> Checker::CheckOriginal(const std::string& legacy_id) const {
  Result<Bytes> blob = service_.storage().GetLegacy(legacy_id);
  Status status = blob.ok() ? Status() : blob.status();
  if (blob.ok()) {
    Result<SecretBytes> document = service_.kms().OpenLegacy(*blob);
    if (!document.ok()) status = document.status();
  }
  if (status.ok() || status.code() == Code::kNotFound) return Problems();
  STATEWARD_RETURN_IF_ERROR(Outage(status));
  return Problems{{{}, "", "original", legacy_id, status.detail(), MendOf(status)}};
}

// One that does not open is made again without being asked for; that it is damaged is worth
// knowing.
Result<Checker::Problems> Checker::CheckCache(const std::string& name) const {
  Result<SecretBytes> text = history_.ReadCache(name);
  if (text.ok()) return Problems();
  if (text.status().code() != Code::kNotFound) return std::move(text).status();
  // Removed meanwhile.
  Result<Bytes> there = service_.storage().ReadCache(name);
  if (!there.ok() && there.status().code() == Code::kNotFound) return Problems();
  Problem problem{{}, "", "cache", name, text.status().detail(), kRepair};
  problem.repair = Repair::kRemoveCache;
  return Problems{std::move(problem)};
}

Status Checker::CheckRepairable() {
  Result<std::vector<std::string>> entries = service_.storage().CacheNames();
  if (!entries.ok()) return std::move(entries).status();
  STATEWARD_RETURN_IF_ERROR(
      Each(entries->size(), [&](size_t i) { return CheckCache((*entries)[i]); }));
  Result<std::vector<std::string>> files = service_.storage().Leftovers();
  if (!files.ok()) return std::move(files).status();
  return Each(files->size(), [&](size_t i) -> Result<Problems> {
    Problem problem{{}, "", "temporary file", (*files)[i], "its writer died", kRepair};
    problem.repair = Repair::kRemoveLeftover;
    return Problems{std::move(problem)};
  });
}

Status Checker::CheckStrangers() {
  Result<std::vector<Stranger>> strangers = service_.storage().Strangers();
  if (!strangers.ok()) return std::move(strangers).status();
  return Each(strangers->size(), [&](size_t i) -> Result<Problems> {
    Stranger& one = (*strangers)[i];
    return Problems{{{}, "", "other", std::move(one.name), std::move(one.what), kMoveAway}};
  });
}

Result<Checker::Problems> Checker::RepairableOfLock(const StateId& id) const {
  Problems all;
  STATEWARD_RETURN_IF_ERROR(CheckLockCopies(id, &all));
  Problems found;
  for (Problem& problem : all) {
    if (problem.repair == Repair::kNone) continue;
    problem.name = problem.state_id;
    found.push_back(std::move(problem));
  }
  return found;
}

Result<uint64_t> Checker::RunRepairable(const ProblemFn& take) {
  take_ = take;
  step_done_ = [](uint64_t) {};
  std::vector<StateId> states;
  STATEWARD_RETURN_IF_ERROR(service_.storage().List([&](const StateId& id) {
    states.push_back(id);
    return true;
  }));
  STATEWARD_RETURN_IF_ERROR(
      Each(states.size(), [&](size_t i) { return RepairableOfLock(states[i]); }));
  STATEWARD_RETURN_IF_ERROR(CheckRepairable());
  return found_;
}

Status Checker::Each(size_t count, const std::function<Result<Problems>(size_t)>& step) {
  for (size_t from = 0; from < count && !enough_; from += kAtOnce) {
    const size_t now = std::min(kAtOnce, count - from);
    std::vector<Result<Problems>> results(now, Problems());
    RunAll(now, [&](size_t i) { results[i] = step(from + i); });
    for (Result<Problems>& result : results) {
      if (!result.ok()) return std::move(result).status();
      for (const Problem& problem : *result) {
        if (enough_) break;
        ++found_;
        enough_ = !take_(problem);
      }
    }
    step_done_(now);
  }
  return Status();
}

// Of states whose first write is still to come, or whose records are all gone.
Status Checker::CheckLocksOfNoState(const std::vector<StateId>& states) {
  std::vector<StateId> others;
  STATEWARD_RETURN_IF_ERROR(service_.locker().EachKnown([&](const StateId& id) {
    const auto less = [](const StateId& a, const StateId& b) { return a.hex() < b.hex(); };
    const bool known = std::binary_search(states.begin(), states.end(), id, less);
    if (!known) others.push_back(id);
    return true;
  }));
  return Each(others.size(), [&](size_t i) -> Result<Problems> {
    Problems found;
    STATEWARD_RETURN_IF_ERROR(CheckLock(others[i], 0, &found));
    return found;
  });
}

Result<uint64_t> Checker::Run(const ProblemFn& take,
                              const std::function<void(uint64_t, uint64_t)>& report) {
  take_ = take;
  std::vector<StateId> states;
  STATEWARD_RETURN_IF_ERROR(service_.storage().List([&](const StateId& id) {
    states.push_back(id);
    return true;
  }));
  Result<std::vector<KeptUpload>> uploads = service_.storage().ListUploads();
  if (!uploads.ok()) return std::move(uploads).status();
  std::vector<std::string> originals;
  // A pattern names states; uploads and blobs are left to a run without it.
  if (rules_.glob.empty()) {
    STATEWARD_RETURN_IF_ERROR(
        service_.storage().ListLegacy([&](const NameClaims::LegacyBlob& blob) {
          originals.push_back(blob.legacy_id);
          return true;
        }));
  } else {
    uploads->clear();
  }
  const uint64_t total = states.size() + uploads->size() + originals.size();
  uint64_t done = 0;
  step_done_ = [&](uint64_t more) { report(done += more, total); };
  STATEWARD_RETURN_IF_ERROR(Each(states.size(), [&](size_t i) { return CheckState(states[i]); }));
  STATEWARD_RETURN_IF_ERROR(
      Each(uploads->size(), [&](size_t i) { return CheckUpload((*uploads)[i]); }));
  STATEWARD_RETURN_IF_ERROR(
      Each(originals.size(), [&](size_t i) { return CheckOriginal(originals[i]); }));
  STATEWARD_RETURN_IF_ERROR(CheckLocksOfNoState(states));
  if (!rules_.glob.empty()) return found_;
  STATEWARD_RETURN_IF_ERROR(CheckRepairable());
  STATEWARD_RETURN_IF_ERROR(CheckStrangers());
  return found_;
}

}  // namespace stateward
