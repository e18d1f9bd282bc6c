// LOCK and UNLOCK in one round trip, by the functions in the schema: the plain cases. nullopt:
// this is none, and nothing was changed; the steps of postgres_lock.cc do it.
#include <algorithm>
#include <optional>
#include <utility>

#include "base/sha256.h"
#include "lock/postgres_lock.h"
#include "postgres/pg_functions.h"
#include "stateward/kms.h"

namespace stateward {
namespace {

// The bytes by which a record tells released IDs apart (lock_book.h).
Bytes TagOf(const Sha256Digest& digest) {
  return {digest.begin(), digest.begin() + kReleasedTagBytes};
}

constexpr size_t kDigestBytes = sizeof(ShortDigest);

}  // namespace

// "" = not known yet, or the storage has seen a newer timeline since.
std::string PostgresLock::ExpectedService() {
  std::lock_guard<std::mutex> hold(mutex_);
  const bool old = TimelineOf(epoch_) < pool_->NewestTimeline();
  return service_id_.empty() || epoch_.empty() || old ? "" : service_id_ + " " + epoch_;
}

Result<std::optional<AcquireOutcome>> PostgresLock::AcquireAtOnce(const LockKey& key,
                                                                  const LockRecord& want,
                                                                  const LockTerms& terms,
                                                                  bool* lost) {
  using Kept = std::optional<AcquireOutcome>;
  const std::string service = ExpectedService();
  if (!options_.with_storage || want.shared || service.empty() || !pool_->HasFunctions()) {
    return Kept();
  }
  LockBook book;
  book.holder = want;
  book.holder->base = 0;
  book.holder->time_ms = 0;
  const Bytes holder = EncodeLockRecord(book);
  const Bytes tag = TagOf(Sha256(want.id));
  const std::string expected = service + " " + terms.gates.tag;
  PgStatement step{STATEWARD_PG_ACQUIRE, {}};
  step.params.Text(key.id.hex())
      .Text(expected)
      .Int8(static_cast<uint64_t>(terms.gates.shut_until_ms))
      .Bytea(holder)
      .Bytea(tag)
      .Int8(terms.known)
      .Int8(Kms::kInfoPrefix);
  Result<bool> legacy = LegacyThere(key);
  if (!legacy.ok()) return std::move(legacy).status();
  // The text with terraform-backend's table differs with the number of ids that it may lie under.
  step.kept = !*legacy;
  step.sql += *legacy ? "NOT EXISTS (" + LegacySelect(key, &step.params) + "))" : "true)";
  step.sql += STATEWARD_PG_IF_READ_COMMITTED;
  PgRows rows;
  std::unique_ptr<PgTransaction> done = pool_->RunStep(step, &rows, lost);
  if (done == nullptr || !rows.Bool(0, 0)) return Kept();
  const uint64_t head = rows.Int8(0, 2);
  done->newest = PgTransaction::Newest{rows.Text(0, 1),  key.id.hex(),    head,
                                       rows.Bytea(0, 3), rows.Bool(0, 4), terms.seen};
  const Result<uint64_t> base = terms.base({false, rows.Int8(0, 5), done.get()});
  done.reset();
  if (base.ok() && *base == head) return Kept(Granted{});
  STATEWARD_RETURN_IF_ERROR(Correct(key, want.id, base));
  return Kept(Granted{});
}

// The lock was taken with a base that is not the one: it gets the right one. Of a moved state
// (kConflict) it goes back, where no session can write. For another reason it does not: a repeat of
// this LOCK may have been told meanwhile that it is granted, and its session may be writing.
Status PostgresLock::Correct(const LockKey& key, const std::string& lock_id,
                             const Result<uint64_t>& base) {
  const Status failed = base.ok() ? Status() : Status::Unavailable(base.status().detail());
  if (!base.ok() && base.status().code() != Code::kConflict) return failed;
  Result<Held> held = Open(key, 0, Absent::kLeave);
  if (!held.ok()) return failed.ok() ? std::move(held).status() : failed;
  LockBook& book = held->row.book;
  if (!book.holder || book.holder->id != lock_id) {
    return failed.ok() ? Status::Unavailable("lock: it was freed while it was taken") : failed;
  }
  if (base.ok()) {
    book.holder->base = *base;
    book.mark = std::max(book.mark, *base);
  } else {
    GiveBack(&book, lock_id);
  }
  const Status stored = Store(key.id, &*held);
  return failed.ok() ? stored : failed;
}

std::optional<ReleaseOutcome> PostgresLock::ReleaseAtOnce(const LockKey& key,
                                                          const ReleaseRequest& request,
                                                          bool* lost) {
  const std::string service = ExpectedService();
  const bool plain = !request.id.empty() && !request.any_principal && !request.unnamed &&
                     !request.own_plans && !request.forced;
  if (!plain || service.empty() || !pool_->HasFunctions()) return std::nullopt;
  const Sha256Digest digest = Sha256(request.id);
  const ByteView principal(request.principal);
  PgStatement step{pg_function::kRelease, {}, true};
  step.params.Text(key.id.hex())
      .Text(service)
      .Bytea(request.id)
      .Bytea(principal)
      .Bytea(ByteView(digest).Sub(0, kDigestBytes))
      .Int8(request.head)
      .Int8(options_.with_storage ? 1 : 0);
  PgRows rows;
  std::unique_ptr<PgTransaction> done = pool_->RunStep(step, &rows, lost);
  if (done == nullptr || !rows.Bool(0, 0)) return std::nullopt;
  Result<LockBook> before = DecodeLockRecord(rows.Raw(0, 1));
  if (!before.ok() || !before->holder) return std::nullopt;
  return Released{std::move(*before->holder)};
}

}  // namespace stateward
