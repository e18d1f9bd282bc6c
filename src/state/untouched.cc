#include "state/untouched.h"

#include <fcntl.h>

#include <charconv>
#include <chrono>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "state/never_absent.h"

namespace stateward {
namespace {

// A listing of some thousand blobs takes less; a client that waits longer is better served by 503.
constexpr auto kFirstCount = std::chrono::milliseconds(2000);
// How old what another process wrote may be before it is read again.
constexpr int64_t kReadAgainUs = 500000;
// The workers of one start begin within that time, and one count is enough for them.
constexpr int64_t kStartMs = 2000;
constexpr char kFile[] = "untouched";
constexpr char kTurn[] = "untouched.lock";
constexpr size_t kMaxFile = 4096;
// The one that has the turn ends within the time limits of the storage; who waits longer and knows
// nothing yet counts, too.
constexpr int kTurnMs = 100;

std::string DoneClaim() {
  return HexEncode(Sha256(std::string_view("stateward untouched done v1:")));
}

// A number up to the next blank or line end, both taken off.
template <typename T>
bool TakeNumber(std::string_view* text, T* number) {
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), *number);
  size_t used = static_cast<size_t>(end - text->data());
  if (error != std::errc() || used == text->size()) return false;
  text->remove_prefix(used + 1);
  return true;
}

}  // namespace

Result<uint64_t> CountUntouched(NameClaims& claims) {
  uint64_t count = 0;
  STATEWARD_RETURN_IF_ERROR(claims.ListLegacy([&count](const NameClaims::LegacyBlob& blob) {
    count += blob.claimed ? 0 : 1;
    return true;
  }));
  return count;
}

Status MarkUntouchedDone(NameClaims& claims) {
  Result<StateId> claimed = claims.ClaimLegacy(DoneClaim(), StateId::Of({"", "done", "done"}));
  return claimed.ok() ? Status() : NeverAbsent(std::move(claimed).status());
}

Untouched::Untouched(NameClaims& claims, StoreGate& gate, Disk& disk, const Clock& clock,
                     std::string runtime_dir)
    : claims_(claims),
      gate_(gate),
      disk_(disk),
      clock_(clock),
      runtime_dir_(std::move(runtime_dir)),
      since_ms_(clock.NowMs() - kStartMs) {}

std::string Untouched::StoreId() {
  if (runtime_dir_.empty()) return "";
  Result<std::shared_ptr<const StoreIdentity>> store = gate_.Store();
  return store.ok() ? (*store)->store_id : "";
}

bool Untouched::Fresh(const Seen& seen) const {
  int64_t age = clock_.NowMs() - seen.time_ms;
  return seen.time_ms != 0 && age >= 0 && age < kEveryMs;
}

// The lock lets one process count; the others find its count fresh.
Status Untouched::CountIfDue() {
  Result<Fd> turn = Status::NotFound("no folder");
  if (!runtime_dir_.empty()) {
    int fd = disk_.OpenAt(AT_FDCWD, (runtime_dir_ + "/" + kTurn).c_str(),
                          O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) turn = Fd(disk_, fd);
  }
  const bool late = turn.ok() && !LockFd(disk_, turn->get(), kTurnMs, kTurn).ok();
  const std::string store_id = StoreId();
  {
    std::lock_guard<std::mutex> hold(mutex_);
    if (turn.ok()) ReadShared(store_id);
    if (late && seen_.time_ms != 0) return Status();
    if (turn.ok() && Fresh(seen_)) {
      changed_.notify_all();
      return Status();
    }
  }
  Result<uint64_t> count = Recount();
  return count.ok() ? Status() : std::move(count).status();
}

Result<uint64_t> Untouched::Recount() {
  Result<uint64_t> count = CountUntouched(claims_);
  Seen seen;
  seen.store_id = StoreId();
  seen.time_ms = clock_.NowMs();
  if (count.ok()) {
    seen.count = *count;
  } else {
    seen.failure = count.status().detail();
  }
  {
    std::lock_guard<std::mutex> hold(mutex_);
    // A count that was good is better than none: blobs do not come back.
    if (!count.ok() && seen_.count) seen.count = seen_.count;
    if (count.ok()) none_left_ = *count == 0;
    seen_ = seen;
  }
  changed_.notify_all();
  Share(seen);
  return count;
}

// "<store id> <time> <count, or -1> <failure>\n"
void Untouched::Share(const Seen& seen) {
  if (seen.store_id.empty()) return;
  Result<Fd> dir = OpenDirAt(disk_, AT_FDCWD, runtime_dir_);
  if (!dir.ok()) return;
  std::string text = seen.store_id + " " + std::to_string(seen.time_ms) + " " +
                     (seen.count ? std::to_string(*seen.count) : "-1") + " " +
                     seen.failure.substr(0, kMaxFile / 2) + "\n";
  (void)ReplaceDurably(disk_, dir->get(), kFile, text);  // the next one counts for itself
}

bool Untouched::Read(Disk& disk, const std::string& runtime_dir, Seen* seen) {
  if (runtime_dir.empty()) return false;
  Result<Bytes> bytes = ReadFileAt(disk, AT_FDCWD, runtime_dir + "/" + kFile, kMaxFile);
  if (!bytes.ok()) return false;
  std::string_view text = ByteView(*bytes).AsString();
  const size_t id_end = text.find(' ');
  if (id_end == text.npos) return false;
  seen->store_id = std::string(text.substr(0, id_end));
  text.remove_prefix(id_end + 1);
  int64_t count = 0;
  if (!TakeNumber(&text, &seen->time_ms) || !TakeNumber(&text, &count)) return false;
  if (count >= 0) seen->count = static_cast<uint64_t>(count);
  seen->failure = std::string(text.substr(0, text.find('\n')));
  return true;
}

void Untouched::ReadShared(const std::string& store_id) {
  shared_read_us_ = clock_.SteadyUs();
  Seen seen;
  if (!Read(disk_, runtime_dir_, &seen) || seen.time_ms < since_ms_) return;
  if (store_id.empty() || seen.store_id != store_id) return;
  if (seen.count && *seen.count == 0 && !none_left_) return;
  if (seen.time_ms <= seen_.time_ms || seen.time_ms > clock_.NowMs()) return;
  if (seen.count) none_left_ = *seen.count == 0;
  seen_ = std::move(seen);
}

std::optional<uint64_t> Untouched::Shared(Disk& disk, const std::string& runtime_dir) {
  Seen seen;
  return Read(disk, runtime_dir, &seen) ? seen.count : std::nullopt;
}

std::string Untouched::Warning() {
  Result<uint64_t> blobs = Holding();
  if (!blobs.ok()) {
    return blobs.status().detail() +
           "; absent names are 503 to identified users (`statewardctl adopt --done` ends it)";
  }
  if (*blobs == 0) return "";
  return std::to_string(*blobs) +
         " blobs of terraform-backend are untouched, and absent names are 409 to identified users: "
         "`statewardctl adopt --all` gives them to identified users, `statewardctl adopt --done` "
         "when they are nobody's";
}

Result<uint64_t> Untouched::Holding() {
  const std::string store_id = StoreId();
  std::unique_lock<std::mutex> hold(mutex_);
  if (done_) return uint64_t{0};
  if (clock_.SteadyUs() - shared_read_us_ > kReadAgainUs) ReadShared(store_id);
  changed_.wait_for(hold, kFirstCount, [this] { return seen_.time_ms != 0; });
  Seen seen = seen_;
  hold.unlock();
  if (seen.count && *seen.count == 0) return uint64_t{0};
  Result<bool> done = IsDone();
  if (!done.ok()) return std::move(done).status();
  if (*done) return uint64_t{0};
  if (seen.count) return *seen.count;
  return Status::Unavailable("terraform-backend's blobs are not counted" +
                             (seen.failure.empty() ? " yet" : ": " + seen.failure));
}

Result<bool> Untouched::IsDone() {
  {
    std::lock_guard<std::mutex> hold(mutex_);
    if (done_) return true;
  }
  Result<std::optional<StateId>> claim = claims_.LegacyClaim(DoneClaim());
  if (!claim.ok()) return NeverAbsent(std::move(claim).status());
  if (!claim->has_value()) return false;
  std::lock_guard<std::mutex> hold(mutex_);
  done_ = true;
  return true;
}

}  // namespace stateward
