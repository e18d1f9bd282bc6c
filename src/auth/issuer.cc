#include "auth/issuer.h"

#include <algorithm>
#include <chrono>

#include "auth/key_fetch.h"
#include "base/random.h"

namespace stateward {
namespace {

constexpr int64_t kSecond = 1000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kRefreshMs = 10 * kMinute;
constexpr int64_t kGapMs = kMinute;  // between two questions, as long as there are keys
constexpr int64_t kAbsentMs = 5 * kMinute;
constexpr int64_t kKeepMs = int64_t{24} * 60 * kMinute;
// Without keys every request is 503, and clients come again after 15 s.
constexpr int64_t kRetryWithoutKeysMs = 5 * kSecond;
// Less than who waits for the round does (kWaitForKeysMs).
constexpr int kLockMs = 9000;
// Of the threads of a worker (8 by default), for all issuers together, so that slow issuers and
// tokens that nobody knows cannot hold all of them.
constexpr int kMaxWaiting = 2;
// There is one for each round, and one for each thread that waited for it.
constexpr size_t kMaxAbsent = 64;

// Of a file that another process has written: clocks of one host do not differ.
constexpr int64_t kMaxAheadMs = kMinute;

// A time that lies ahead (the clock was set back) is as good as none.
int64_t Age(int64_t now, int64_t then) { return then <= now ? now - then : INT64_MAX; }

IssuerOptions WithCount(IssuerOptions options) {
  if (options.waiting == nullptr) options.waiting = std::make_shared<std::atomic<int>>(0);
  return options;
}

int64_t Jittered(int64_t ms) {
  uint32_t random = 0;
  FillRandom(&random, sizeof random);
  return ms * 8 / 10 + static_cast<int64_t>(random) * (ms * 4 / 10) / UINT32_MAX;
}

}  // namespace

Issuer::Issuer(IssuerOptions options, std::unique_ptr<HttpClient> http, Disk& disk,
               const Clock& clock, const Log& log)
    : options_(WithCount(std::move(options))),
      http_(std::move(http)),
      clock_(clock),
      log_(log),
      cache_(disk, options_.cache_folder, options_.url) {
  // At once, without the issuer: what another worker has learned, or the one before.
  Result<CachedKeys> cached = cache_.Read();
  if (cached.ok()) Adopt(std::move(*cached), &known_);
  ScheduleNext();
  thread_ = std::thread([this] { Run(); });
}

Issuer::~Issuer() {
  {
    std::lock_guard<std::mutex> hold(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Result<Issuer::Keys> Issuer::KeysFor(std::string_view kid) {
  std::unique_lock<std::mutex> hold(mutex_);
  int64_t now = clock_.NowMs();
  if (IsUsable(known_)) {
    bool there = kid.empty() || known_.keys->HasKid(kid);
    if (there || IsAbsent(kid)) return known_.keys;
    if (Age(now, known_.cached.attempted_ms) < kGapMs) {
      if (!last_error_.empty()) return Unreachable();
      return known_.keys;
    }
  } else if (!last_error_.empty() && Age(now, known_.cached.attempted_ms) < kRetryWithoutKeysMs) {
    return Unreachable();
  }
  std::atomic<int>& waiting = *options_.waiting;
  if (waiting.fetch_add(1) >= kMaxWaiting) {
    waiting.fetch_sub(1);
    return Status::Unavailable("issuer: others wait for keys");
  }
  wanted_ = true;
  changed_.notify_all();
  uint64_t before = rounds_;
  bool done = changed_.wait_for(hold, std::chrono::milliseconds(options_.wait_ms),
                                [&] { return rounds_ != before || stop_; });
  waiting.fetch_sub(1);
  if (!done || !IsUsable(known_)) return Unreachable();
  if (kid.empty() || known_.keys->HasKid(kid)) return known_.keys;
  if (!last_error_.empty()) return Unreachable();
  NoteAbsent(kid);
  return known_.keys;
}

Issuer::Keys Issuer::Current() {
  std::lock_guard<std::mutex> hold(mutex_);
  return IsUsable(known_) ? known_.keys : nullptr;
}

Status Issuer::Unreachable() const {
  return Status::Unavailable("issuer: " + (last_error_.empty() ? "no answer yet" : last_error_));
}

bool Issuer::IsUsable(const Known& known) const {
  return known.keys != nullptr && clock_.NowMs() - known.cached.fetched_ms < kKeepMs;
}

bool Issuer::IsAbsent(std::string_view kid) {
  int64_t now = clock_.NowMs();
  auto gone = [&](const auto& entry) { return entry.second <= now; };
  absent_.erase(std::remove_if(absent_.begin(), absent_.end(), gone), absent_.end());
  return std::any_of(absent_.begin(), absent_.end(),
                     [&](const auto& entry) { return entry.first == kid; });
}

void Issuer::NoteAbsent(std::string_view kid) {
  if (absent_.size() >= kMaxAbsent) absent_.erase(absent_.begin());
  absent_.emplace_back(kid, clock_.NowMs() + kAbsentMs);
}

void Issuer::ScheduleNext() {
  const CachedKeys& cached = known_.cached;
  int64_t now = clock_.NowMs();
  if (!IsUsable(known_)) {
    next_ms_ = cached.attempted_ms == 0 ? now : now + kRetryWithoutKeysMs;
  } else if (!last_error_.empty()) {
    next_ms_ = now + kGapMs;
  } else {
    next_ms_ = now - std::min(Age(now, cached.fetched_ms), kRefreshMs) + Jittered(kRefreshMs);
  }
}

void Issuer::Run() {
  std::unique_lock<std::mutex> hold(mutex_);
  while (!stop_) {
    if (!wanted_ && clock_.NowMs() < next_ms_) {
      changed_.wait_for(hold, std::chrono::milliseconds(options_.look_ms),
                        [&] { return wanted_ || stop_; });
      continue;
    }
    bool for_kid = wanted_;
    hold.unlock();
    Round(for_kid);
    hold.lock();
    wanted_ = false;  // those who came meanwhile have their answer, too
    ++rounds_;
    changed_.notify_all();
  }
}

// One process of the host at a time asks the issuer; the others take what it has learned.
void Issuer::Round(bool for_kid) {
  Result<Fd> lock = cache_.Lock(kLockMs);
  Known known;
  {
    std::lock_guard<std::mutex> hold(mutex_);
    known = known_;
  }
  Result<CachedKeys> cached = cache_.Read();
  if (cached.ok()) Adopt(std::move(*cached), &known);
  std::string error;
  if (MayAsk(known, for_kid)) {
    error = Fetch(&known);
    if (!stop_) Keep(known.cached);
  } else if (known.cached.attempted_ms != known.cached.fetched_ms) {
    error = "another worker could not get its keys";
  }
  std::lock_guard<std::mutex> hold(mutex_);
  known_ = std::move(known);
  last_error_ = std::move(error);
  ScheduleNext();
}

bool Issuer::MayAsk(const Known& known, bool for_kid) const {
  int64_t now = clock_.NowMs();
  int64_t since = Age(now, known.cached.attempted_ms);
  if (!IsUsable(known)) return since >= kRetryWithoutKeysMs;
  if (since < kGapMs) return false;
  bool failed = known.cached.attempted_ms != known.cached.fetched_ms;
  return for_kid || failed || Age(now, known.cached.fetched_ms) >= kRefreshMs * 8 / 10;
}

// "" or what went wrong.
std::string Issuer::Fetch(Known* known) {
  Result<std::string> text = FetchKeySet(*http_, options_.url, stop_);
  Result<KeySet> set = text.ok() ? KeySet::Parse(*text) : Result<KeySet>(text.status());
  known->cached.attempted_ms = clock_.NowMs();
  if (!set.ok()) {
    if (!stop_) log_.Warning("issuer " + options_.url + ": " + set.status().detail());
    return set.status().detail();
  }
  known->cached.fetched_ms = known->cached.attempted_ms;
  if (known->keys != nullptr && known->cached.key_set == *text) return "";
  known->cached.key_set = std::move(*text);
  LogLine line = log_.Begin(LogLevel::kInfo, "keys of an issuer");
  line.Str("issuer", options_.url).Int("keys", static_cast<int64_t>(set->keys().size()));
  for (const std::string& why : set->ignored()) line.Str("ignored", why);
  log_.Write(LogLevel::kInfo, line);
  known->keys = std::make_shared<const KeySet>(std::move(*set));
  return "";
}

void Issuer::Keep(const CachedKeys& cached) {
  Status kept = cache_.Write(cached);
  if (!kept.ok() && !cache_failed_) {
    log_.Warning("keys of " + options_.url + " are not kept: " + kept.detail());
  }
  cache_failed_ = !kept.ok();
}

void Issuer::Adopt(CachedKeys cached, Known* known) const {
  int64_t now = clock_.NowMs();
  if (cached.fetched_ms > now + kMaxAheadMs || cached.attempted_ms > now + kMaxAheadMs) return;
  if (cached.attempted_ms <= known->cached.attempted_ms) return;
  if (cached.key_set == known->cached.key_set) {
    known->cached = std::move(cached);
    return;
  }
  Result<KeySet> set = KeySet::Parse(cached.key_set);
  if (!set.ok()) {
    known->cached.attempted_ms = cached.attempted_ms;
    return;
  }
  known->keys = std::make_shared<const KeySet>(std::move(*set));
  known->cached = std::move(cached);
}

}  // namespace stateward
