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

Status S3Lock::Outage(Status status, const char* of) {
  if (status.code() == Code::kUnavailable) return status;
  return Status::Unavailable(std::string(of) + ": " + status.detail());
}

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

Result<S3LockEntry> S3Lock::Read(const StateId& id) {
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
  S3LockEntry entry;
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

Result<bool> S3Lock::Write(const StateId& id, S3LockEntry* entry) {
  S3Condition when = entry->etag.empty() ? S3Condition::Absent() : S3Condition::Etag(entry->etag);
  Result<S3PutOutcome> put =
      client_->Put(prefix_ + id.hex(), EncodeS3LockObject(entry->object), when);
  if (!put.ok()) return Outage(std::move(put).status());
  if (!put->done) {
    memory_.Forget(id, entry->etag);
    return false;
  }
  entry->etag = std::move(put->etag);
  memory_.Wrote(id, *entry);
  return true;
}

// Only while it is known that the lock service is what it was, as it is of a lock that is read.
std::optional<S3LockEntry> S3Lock::Remembered(const StateId& id, const std::string& holder) {
  if (service_.Due()) return std::nullopt;
  std::optional<S3LockEntry> entry = memory_.Recall(id, holder);
  if (!entry) return std::nullopt;
  Result<S3LockService> said = ParseS3LockService(service_.Text());
  if (!said.ok() || said->epoch != entry->object.epoch) return std::nullopt;
  return entry;
}

Result<bool> S3Lock::TakeAlone(const StateId& id, const LockRecord& want, int64_t now_ms,
                               S3LockEntry* entry) {
  LockBook& book = entry->object.book;
  LockRecord record = want;
  record.unconfirmed = true;
  const bool burn = book.burn;
  Take(&book, std::move(record), now_ms);
  book.burn = burn;  // until the base that comes of it is stored
  return Write(id, entry);
}

// The first write goes without a look when nobody had the lock since this process gave it back.
// Everything but a lock that is given to one who did not have it needs the look. nullopt: look.
Result<S3Lock::Kept> S3Lock::AcquireUnseen(const StateId& id, const LockRecord& want,
                                           const LockTerms& terms, bool* taken_here) {
  std::optional<S3LockEntry> entry = Remembered(id, "");
  if (!entry || terms.gates.shut_until_ms > 0) return Kept();
  const int64_t now = client_->ServerNowMs();
  const AcquireOutcome outcome = DecideAcquire(entry->object.book, want, now);
  const auto* granted = std::get_if<Granted>(&outcome);
  if (granted == nullptr || granted->repeated) return Kept();
  Result<bool> taken = TakeAlone(id, want, now, &*entry);
  if (!taken.ok()) return std::move(taken).status();
  if (!*taken) return Kept();
  *taken_here = true;
  return Complete(id, want.id, terms, false, &*entry);
}

// Takes the lock without a base, reads the head, then stores it: a head that was read before could
// have moved until the lock was ours. When this breaks off in between, a repeat completes it.
Result<AcquireOutcome> S3Lock::Acquire(const LockKey& key, const LockRecord& want,
                                       const LockTerms& terms) {
  bool taken_here = false;
  Result<Kept> unseen = AcquireUnseen(key.id, want, terms, &taken_here);
  if (!unseen.ok()) return std::move(unseen).status();
  if (unseen->has_value()) return std::move(**unseen);
  for (int tries = 0; tries < kTries; ++tries) {
    if (tries > 0) WaitForOthers(tries);
    Result<S3LockEntry> entry = Read(key.id);
    if (!entry.ok()) return std::move(entry).status();
    if (tries == 0) memory_.Saw(key.id, entry->etag);
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
      Result<bool> written = TakeAlone(key.id, want, now, &*entry);
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
// obeyed, and one after it finds the lock. That they were read is stored before the answer: a
// repeat that comes late, and finds a gate shut since, gives back a lock that is not complete, and
// must not give back one whose session is writing.
Result<S3Lock::Kept> S3Lock::Complete(const StateId& id, const std::string& lock_id,
                                      const LockTerms& terms, bool repeated, S3LockEntry* entry) {
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
  // The holder, where this process gave the lock, needs no look: the write goes only if nothing
  // changed since.
  std::optional<S3LockEntry> held = Remembered(key.id, request.id);
  if (held) {
    ReleaseOutcome outcome =
        stateward::Release(&held->object.book, request, client_->ServerNowMs());
    if (std::holds_alternative<Released>(outcome)) {
      Result<bool> written = Write(key.id, &*held);
      if (!written.ok()) return std::move(written).status();
      if (*written) return outcome;
    }
  }
  for (int tries = 0; tries < kTries; ++tries) {
    if (tries > 0) WaitForOthers(tries);
    Result<S3LockEntry> entry = Read(key.id);
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
  Result<S3LockEntry> entry = Read(key.id);
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
    Result<S3LockEntry> entry = Read(key.id);
    if (!entry.ok()) return std::move(entry).status();
    entry->object.book.burn = true;
    Result<bool> written = Write(key.id, &*entry);
    if (!written.ok()) return std::move(written).status();
    if (*written) return Status();
  }
  return TooManyOthers();
}

Result<bool> S3Lock::TokenReleased(const StateId& id, const std::string& token_sha256) {
  Result<S3LockEntry> entry = Read(id);
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

Status S3Lock::Check() {
  STATEWARD_RETURN_IF_ERROR(client_->ProveConditions(prefix_));
  return service_.Look();
}

}  // namespace stateward
