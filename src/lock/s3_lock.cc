#include "lock/s3_lock.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/random.h"
#include "base/together.h"

namespace stateward {
namespace {

// Sorts before the locks: who empties the bucket in order of its keys removes it first, and a lock
// that is gone is then not taken for a free one.
constexpr char kService[] = "00-lock-service";
// Each time another one's step came first. With the waits between, about 5 s.
constexpr int kTries = 24;
constexpr uint32_t kMaxWaitMs = 400;
// CountHeld reads what changed, so much at a time.
constexpr int64_t kCountUs = 10LL * 1000 * 1000;
// EachHeld asks for so many at once: what a client's pool of connections gives without waiting.
constexpr size_t kHeldAtOnce = 8;

// What is absent proves nothing here but for the lock object itself.
Status Outage(Status status) {
  if (status.code() == Code::kUnavailable) return status;
  return Status::Unavailable("lock: " + status.detail());
}

void WaitForOthers(int tries) {
  uint32_t random = 0;
  FillRandom(&random, sizeof random);
  uint32_t longest = std::min(kMaxWaitMs, 10U << std::min(tries, 6));
  std::this_thread::sleep_for(std::chrono::milliseconds(1 + random % longest));
}

Status TooManyOthers() { return Status::Unavailable("lock: others came first each time"); }

}  // namespace

S3Lock::S3Lock(std::unique_ptr<S3Client> client, const Clock& clock, std::string prefix)
    : client_(std::move(client)),
      clock_(clock),
      prefix_(std::move(prefix)),
      service_(*client_, clock, prefix_ + kService, "lock service (see `statewardctl init`)") {}

Result<std::string> S3Lock::ServiceId() {
  Result<S3Object> object = client_->Get(service_.key(), S3Landmark::kMaxBytes);
  if (!object.ok()) {
    if (object.status().code() == Code::kNotFound) return std::move(object).status();
    Result<bool> bucket = client_->HasBucket();
    if (bucket.ok() && !*bucket) return Status::NotFound("there is no such bucket");
    // It may have been made in between.
    if (bucket.ok()) object = client_->Get(service_.key(), S3Landmark::kMaxBytes);
    if (!object.ok() && object.status().code() == Code::kNotFound) {
      return std::move(object).status();
    }
    if (!object.ok()) return Outage(std::move(object).status());
  }
  Result<S3LockService> service = ParseS3LockService(object->bytes);
  if (!service.ok()) return std::move(service).status();
  return std::move(service->id);
}

Result<std::string> S3Lock::InitService(bool forgotten) {
  Result<bool> bucket = client_->HasBucket();
  if (!bucket.ok()) return std::move(bucket).status();
  if (!*bucket) STATEWARD_RETURN_IF_ERROR(client_->MakeBucket());
  STATEWARD_RETURN_IF_ERROR(client_->ProveConditions(prefix_));
  STATEWARD_RETURN_IF_ERROR(EnterEpoch(forgotten));
  service_.Forget();
  return ServiceId();
}

Status S3Lock::EnterEpoch(bool forgotten) {
  // Not counted from 1: locks of an epoch may be left over whose service object is gone.
  const auto now = static_cast<uint64_t>(client_->ServerNowMs());
  S3LockService service{RandomHex(16), forgotten ? now : 0};
  S3Condition when = S3Condition::Absent();
  Result<S3Object> there = client_->Get(service_.key(), S3Landmark::kMaxBytes);
  if (there.ok()) {
    Result<S3LockService> old = ParseS3LockService(there->bytes);
    if (!old.ok()) return std::move(old).status();
    if (!forgotten) return Status();
    service = {old->id, std::max(now, old->epoch + 1)};
    when = S3Condition::Etag(there->etag);
  } else if (there.status().code() != Code::kNotFound) {
    return Outage(std::move(there).status());
  }
  // Not done: another process was first, with the same in mind.
  Result<S3PutOutcome> put = client_->Put(service_.key(), FormatS3LockService(service), when);
  return put.ok() ? Status() : Outage(std::move(put).status());
}

Result<S3Lock::Entry> S3Lock::Read(const StateId& id) {
  STATEWARD_RETURN_IF_ERROR(client_->ProveConditions(prefix_));
  Result<S3Object> object = Status::Unavailable("not asked");
  auto get = [&] { object = client_->Get(prefix_ + id.hex(), kMaxS3LockObject); };
  Status service;
  if (service_.Due()) {
    RunTogether([&] { service = service_.Look(); }, get);
  } else {
    get();
  }
  STATEWARD_RETURN_IF_ERROR(std::move(service));
  Entry entry;
  if (object.ok()) {
    Result<S3LockObject> decoded = DecodeS3LockObject(object->bytes);
    if (!decoded.ok()) return Outage(std::move(decoded).status());
    entry.object = std::move(*decoded);
    entry.etag = std::move(object->etag);
  } else if (object.status().code() == Code::kNotFound) {
    STATEWARD_RETURN_IF_ERROR(service_.Look());
  } else {
    return Outage(std::move(object).status());
  }
  Result<S3LockService> said = ParseS3LockService(service_.Text());
  if (!said.ok()) return std::move(said).status();
  if (entry.object.epoch != said->epoch) {
    // Records may have been lost with the locks: what the head was before says nothing now.
    entry.object.book.burn = true;
    entry.object.book.mark = 0;
  }
  entry.object.epoch = said->epoch;
  return entry;
}

Result<bool> S3Lock::Write(const StateId& id, Entry* entry) {
  S3Condition when = entry->etag.empty() ? S3Condition::Absent() : S3Condition::Etag(entry->etag);
  Result<S3PutOutcome> put =
      client_->Put(prefix_ + id.hex(), EncodeS3LockObject(entry->object), when);
  if (!put.ok()) return Outage(std::move(put).status());
  entry->etag = std::move(put->etag);
  return put->done;
}

// Takes the lock without a base, reads the head, then stores it: a head that was read before could
// have moved until the lock was ours. When this breaks off in between, a repeat completes it.
Result<AcquireOutcome> S3Lock::Acquire(const LockKey& key, const LockRecord& want,
                                       const LockTerms& terms) {
  bool taken_here = false;
  for (int tries = 0; tries < kTries; ++tries) {
    if (tries > 0) WaitForOthers(tries);
    Result<Entry> entry = Read(key.id);
    if (!entry.ok()) return std::move(entry).status();
    int64_t now = client_->ServerNowMs();
    AcquireOutcome outcome = DecideAcquire(entry->object.book, want, now);
    const auto* granted = std::get_if<Granted>(&outcome);
    // It was ours for a moment, until somebody forced it. To say so as if it had never been would
    // not be the truth: the client asks again, and is told what became of its ID.
    if (granted == nullptr && taken_here) {
      return Status::Unavailable("the lock was released by force while it was being taken");
    }
    if (std::holds_alternative<WasReleased>(outcome)) return outcome;
    LockBook& book = entry->object.book;
    const bool fresh = granted != nullptr && !granted->repeated;
    if (granted == nullptr || (fresh && terms.gates.shut_until_ms > 0)) {
      Result<GateObject> gates = GetGates();
      if (!gates.ok()) return std::move(gates).status();
      Result<Kept> kept = Judge(terms.gates, *gates, HolderOf(book));
      if (!kept.ok()) return std::move(kept).status();
      if (kept->has_value()) return std::move(**kept);
    }
    if (granted == nullptr) {
      if (!NoteWaiting(&book, want, now)) return outcome;
      Result<bool> written = Write(key.id, &*entry);
      if (!written.ok()) return std::move(written).status();
      if (!*written) continue;
      return outcome;
    }
    if (fresh) {
      LockRecord record = want;
      record.unconfirmed = true;
      bool burn = book.burn;
      Take(&book, std::move(record), now);
      book.burn = burn;  // until the base that comes of it is stored
      Result<bool> written = Write(key.id, &*entry);
      if (!written.ok()) return std::move(written).status();
      if (!*written) continue;
      taken_here = true;
    }
    if (!TakenIn(&book, want.id)->unconfirmed) return AcquireOutcome(Granted{!taken_here});
    Result<Kept> done = Complete(key.id, want.id, terms, !taken_here, &*entry);
    if (!done.ok()) return std::move(done).status();
    if (done->has_value()) return std::move(**done);
  }
  return TooManyOthers();
}

// The gates are read once the lock is there for all to see: a change before that is
// obeyed, and one after it finds the lock.
Result<S3Lock::Kept> S3Lock::Complete(const StateId& id, const std::string& lock_id,
                                      const LockTerms& terms, bool repeated, Entry* entry) {
  LockBook& book = entry->object.book;
  Result<GateObject> gates = Status::Unavailable("not asked");
  Result<uint64_t> head = Status::Unavailable("not asked");
  RunTogether([&] { gates = GetGates(); },
              [&] {
                head = terms.base({book.burn, book.mark, nullptr});
              });
  Result<Kept> kept = Kept();
  if (gates.ok()) kept = Judge(terms.gates, *gates, std::nullopt);
  if (!gates.ok() || !head.ok() || !kept.ok() || kept->has_value()) {
    // Nobody was granted anything; without this the lock would stay behind when the client gives
    // up. Best effort after an error: a LOCK with the same ID completes it otherwise.
    GiveBack(&book, lock_id);
    Result<bool> given_back = Write(id, entry);
    if (!gates.ok()) return Outage(std::move(gates).status());
    if (!head.ok()) return Outage(std::move(head).status());
    if (!kept.ok()) return kept;
    if (!given_back.ok()) return std::move(given_back).status();
    return *given_back ? std::move(kept) : Kept();
  }
  LockRecord& taken = *TakenIn(&book, lock_id);
  if (!taken.shared) taken.base = *head;
  taken.unconfirmed = false;
  book.burn = false;
  book.mark = std::max(book.mark, *head);
  Result<bool> written = Write(id, entry);
  if (!written.ok()) return std::move(written).status();
  return *written ? Kept(Granted{repeated}) : Kept();
}

Result<ReleaseOutcome> S3Lock::Release(const LockKey& key, const ReleaseRequest& request) {
  for (int tries = 0; tries < kTries; ++tries) {
    if (tries > 0) WaitForOthers(tries);
    Result<Entry> entry = Read(key.id);
    if (!entry.ok()) return std::move(entry).status();
    ReleaseOutcome outcome =
        stateward::Release(&entry->object.book, request, client_->ServerNowMs());
    if (!std::holds_alternative<Released>(outcome)) return outcome;
    Result<bool> written = Write(key.id, &*entry);
    if (!written.ok()) return std::move(written).status();
    if (*written) return outcome;
  }
  return TooManyOthers();
}

Result<LockView> S3Lock::Look(const LockKey& key) {
  Result<Entry> entry = Read(key.id);
  if (!entry.ok()) return std::move(entry).status();
  LockBook& book = entry->object.book;
  if (book.holder && book.holder->unconfirmed) {
    return Status::Unavailable("lock: it is being taken; repeat its LOCK");
  }
  return ViewOf(std::move(book));
}

Status S3Lock::BurnNext(const LockKey& key) {
  for (int tries = 0; tries < kTries; ++tries) {
    if (tries > 0) WaitForOthers(tries);
    Result<Entry> entry = Read(key.id);
    if (!entry.ok()) return std::move(entry).status();
    entry->object.book.burn = true;
    Result<bool> written = Write(key.id, &*entry);
    if (!written.ok()) return std::move(written).status();
    if (*written) return Status();
  }
  return TooManyOthers();
}

Result<bool> S3Lock::TokenReleased(const StateId& id, const std::string& token_sha256) {
  Result<Entry> entry = Read(id);
  if (!entry.ok()) return std::move(entry).status();
  return stateward::TokenReleased(entry->object.book, token_sha256, client_->ServerNowMs());
}

Status S3Lock::WithLock(const LockKey& key, const WriteFn& write) {
  Result<LockView> view = Look(key);
  if (!view.ok()) return std::move(view).status();
  view->gates = [this] { return ReadGates(); };
  write(*view);
  return Status();
}

Result<std::map<std::string, std::string>> S3Lock::ListLocks() {
  STATEWARD_RETURN_IF_ERROR(service_.LookIfDue());
  S3ListRequest request;
  request.prefix = prefix_;
  std::map<std::string, std::string> etags;
  STATEWARD_RETURN_IF_ERROR(client_->List(request, [&](const S3Page& page) {
    for (const S3Page::Entry& object : page.objects) {
      StateId id;
      if (StateId::Parse(object.key.substr(prefix_.size()), &id)) etags[object.key] = object.etag;
    }
    return true;
  }));
  return etags;
}

bool S3Lock::KnownFree(const std::string& key, const std::string& etag) {
  std::lock_guard<std::mutex> one(counted_mutex_);
  auto known = counted_.find(key);
  return known != counted_.end() && known->second.first == etag && known->second.second.all() == 0;
}

Status S3Lock::EachHeldAfter(const StateId& after, const EachHeldFn& each) {
  Result<std::map<std::string, std::string>> etags = ListLocks();
  if (!etags.ok()) return std::move(etags).status();
  std::vector<std::string> keys;
  for (const auto& [key, etag] : *etags) {
    if (key > prefix_ + after.hex() && !KnownFree(key, etag)) keys.push_back(key);
  }
  for (size_t from = 0; from < keys.size(); from += kHeldAtOnce) {
    const size_t count = std::min(kHeldAtOnce, keys.size() - from);
    std::vector<Result<S3Object>> objects(count, Status::Unavailable("not asked"));
    RunAll(count, [&](size_t i) { objects[i] = client_->Get(keys[from + i], kMaxS3LockObject); });
    for (size_t i = 0; i < count; ++i) {
      const Result<S3Object>& object = objects[i];
      StateId id;
      StateId::Parse(keys[from + i].substr(prefix_.size()), &id);
      if (!object.ok() && object.status().code() == Code::kNotFound) continue;
      if (!object.ok()) return Outage(object.status());
      Result<S3LockObject> lock = DecodeS3LockObject(object->bytes);
      if (lock.ok()) {
        std::lock_guard<std::mutex> one(counted_mutex_);
        counted_[keys[from + i]] = {object->etag, CountOf(lock->book)};
      }
      const bool more = lock.ok() ? TellLocks(id, LocksOf(std::move(lock->book)), each)
                                  : each(id, Outage(lock.status()));
      if (!more) return Status();
    }
  }
  return Status();
}

Result<HeldCount> S3Lock::CountHeld() {
  Result<std::map<std::string, std::string>> etags = ListLocks();
  if (!etags.ok()) return std::move(etags).status();
  std::lock_guard<std::mutex> one(counted_mutex_);
  for (auto it = counted_.begin(); it != counted_.end();) {
    it = etags->count(it->first) == 0 ? counted_.erase(it) : std::next(it);
  }
  int64_t start = clock_.SteadyUs();
  HeldCount count;
  for (const auto& [key, etag] : *etags) {
    auto known = counted_.find(key);
    if (known == counted_.end() || known->second.first != etag) {
      if (clock_.SteadyUs() - start > kCountUs) {
        return Status::Unavailable("lock: too many to count at once; the next count goes on");
      }
      Result<S3Object> object = client_->Get(key, kMaxS3LockObject);
      if (!object.ok()) return Outage(std::move(object).status());
      Result<S3LockObject> lock = DecodeS3LockObject(object->bytes);
      if (!lock.ok()) continue;
      counted_[key] = {object->etag, CountOf(lock->book)};
      known = counted_.find(key);
    }
    count.whole += known->second.second.whole;
    count.plans += known->second.second.plans;
  }
  return count;
}

Status S3Lock::Check() {
  STATEWARD_RETURN_IF_ERROR(client_->ProveConditions(prefix_));
  return service_.Look();
}

}  // namespace stateward
