// A Locker in memory. With `still` false it behaves like a service on another host: what WithLock
// shows may be old by the time the write looks at it.
#ifndef STATEWARD_TESTS_DOUBLES_MEM_LOCKER_H_
#define STATEWARD_TESTS_DOUBLES_MEM_LOCKER_H_

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "lock/gate_text.h"
#include "lock/lock_book.h"
#include "stateward/clock.h"
#include "stateward/locker.h"

namespace stateward {

class MemLocker : public Locker {
 public:
  explicit MemLocker(const Clock& clock) : clock_(clock) {}

  bool still = true;
  bool down = false;
  bool half_taken = false;  // until the next release: a look does not tell who holds (S3, Redis)
  std::string service_id = std::string(32, 'a');  // "" = none yet
  int lost_ends = 0;                              // so many WithLocks fail after `write` ran
  std::function<void()> at_end;                   // then runs: what became of what it stored
  std::function<void()> before_look;              // runs once, before the next Look
  std::function<void()> before_acquire;           // runs once, before the next Acquire
  std::function<void()> before_write;             // runs once, before the next WithLock
  std::function<void()> before_release;           // runs once, before the next Release
  std::atomic<bool> in_step{false};               // the caller's part runs, and nobody else can ask
  std::function<void()> between;  // runs after WithLock looked, before its write; then is cleared

  std::string_view Name() const override { return "mem"; }
  Result<std::string> ServiceId() override {
    std::lock_guard<std::mutex> hold(mutex_);
    if (down) return Down();
    if (service_id.empty()) return Status::NotFound("none yet");
    return service_id;
  }
  Result<std::string> InitService(bool forgotten) override {
    std::lock_guard<std::mutex> hold(mutex_);
    if (down) return Down();
    if (forgotten) {
      lost_ = true;
      for (auto& [id, book] : books_) {
        book.burn = true;
        book.mark = 0;
      }
    }
    if (service_id.empty()) service_id = std::string(32, 'b');
    return service_id;
  }
  Result<AcquireOutcome> Acquire(const LockKey& key, const LockRecord& want,
                                 const LockTerms& terms) override {
    if (auto step = std::exchange(before_acquire, nullptr)) step();
    std::lock_guard<std::mutex> hold(mutex_);
    if (Out()) return Down();
    const bool made = books_.count(key.id.hex()) == 0;
    LockBook& book = Made(key);
    AcquireOutcome outcome = DecideAcquire(book, want, clock_.NowMs());
    const auto* granted = std::get_if<Granted>(&outcome);
    if (std::holds_alternative<WasReleased>(outcome)) return outcome;
    if (granted != nullptr && granted->repeated) return outcome;
    const GateVerdict verdict = JudgeGates(terms.gates, GateTag(gates_), clock_.NowMs());
    if (made && (granted == nullptr || verdict != GateVerdict::kOpen)) books_.erase(key.id.hex());
    if (verdict == GateVerdict::kChanged) {
      Result<GateSet> now = DecodeGates(gates_, clock_.NowMs());
      if (!now.ok()) return std::move(now).status();
      return AcquireOutcome(GatesChanged{*std::move(now)});
    }
    if (verdict == GateVerdict::kShut) {
      return AcquireOutcome(Shut{made ? std::nullopt : HolderOf(book)});
    }
    if (granted == nullptr) {
      (void)NoteWaiting(&book, want, clock_.NowMs());
      return outcome;
    }
    in_step = true;
    Result<uint64_t> head = terms.base({book.burn, book.mark, nullptr});
    in_step = false;
    if (!head.ok()) {
      if (made) books_.erase(key.id.hex());
      return std::move(head).status();
    }
    LockRecord record = want;
    record.base = *head;
    Take(&book, std::move(record), clock_.NowMs());
    return outcome;
  }
  Result<ReleaseOutcome> Release(const LockKey& key, const ReleaseRequest& request) override {
    if (auto step = std::exchange(before_release, nullptr)) step();
    std::lock_guard<std::mutex> hold(mutex_);
    if (Out()) return Down();
    if (books_.count(key.id.hex()) == 0) return ReleaseOutcome(NotHeld{});
    half_taken = false;
    return stateward::Release(&Made(key), request, clock_.NowMs());
  }
  Result<LockView> Look(const LockKey& key) override {
    if (auto step = std::exchange(before_look, nullptr)) step();
    std::lock_guard<std::mutex> hold(mutex_);
    if (Out()) return Down();
    LockView view = ViewOf(key);
    if (half_taken && view.holder) return Status::Unavailable("it is being taken");
    return view;
  }
  Result<bool> TokenReleased(const StateId& id, const std::string& token_sha256) override {
    std::lock_guard<std::mutex> hold(mutex_);
    if (Out()) return Down();
    auto at = books_.find(id.hex());
    return at != books_.end() && stateward::TokenReleased(at->second, token_sha256, clock_.NowMs());
  }
  Status BurnNext(const LockKey& key) override {
    std::lock_guard<std::mutex> hold(mutex_);
    if (Out()) return Down();
    Made(key).burn = true;
    return Status();
  }
  Status WithLock(const LockKey& key, const WriteFn& write) override {
    if (auto step = std::exchange(before_write, nullptr)) step();
    std::unique_lock<std::mutex> hold(mutex_);
    if (Out()) return Down();
    LockView view = ViewOf(key);
    auto step = std::exchange(between, nullptr);
    if (!still || step) hold.unlock();  // a step acts through this locker, too
    if (step) step();
    view.gates = [this] { return DecodeGates(gates_, clock_.NowMs()); };
    in_step = true;
    write(view);
    in_step = false;
    if (lost_ends == 0 && hold.owns_lock() && books_.count(key.id.hex()) != 0) {
      uint64_t& mark = Made(key).mark;
      mark = std::max(mark, view.mark);
    }
    if (lost_ends == 0) return Status();
    --lost_ends;
    if (hold.owns_lock()) hold.unlock();
    if (at_end) at_end();
    return Status::Unavailable("the commit was not confirmed");
  }
  bool HoldsStill() const override { return still; }
  Status EachHeldAfter(const StateId& after, const EachHeldFn& each) override {
    std::lock_guard<std::mutex> hold(mutex_);
    if (Out()) return Down();
    for (const auto& [hex, book] : books_) {
      StateId id;
      if (hex <= after.hex()) continue;
      if (!StateId::Parse(hex, &id) || !TellLocks(id, LocksOf(book), each)) break;
    }
    return Status();
  }
  Status EachKnown(const std::function<bool(const StateId&)>& each) override {
    std::lock_guard<std::mutex> hold(mutex_);
    if (Out()) return Down();
    for (const auto& [hex, book] : books_) {
      StateId id;
      if (!StateId::Parse(hex, &id) || !each(id)) break;
    }
    return Status();
  }
  Result<HeldCount> CountHeld() override {
    std::lock_guard<std::mutex> hold(mutex_);
    if (Out()) return Down();
    HeldCount count;
    for (const auto& [id, book] : books_) {
      count.whole += CountOf(book).whole;
      count.plans += CountOf(book).plans;
    }
    return count;
  }
  // The original's locks lie elsewhere: this many, of no state that can be told.
  Result<uint64_t> legacy_locks = uint64_t{0};
  Result<uint64_t> CountLegacy() override { return legacy_locks; }
  Status Check() override { return Out() ? Down() : Status(); }
  Result<GateSet> ReadGates() override {
    std::lock_guard<std::mutex> hold(mutex_);
    if (Out()) return Down();
    return DecodeGates(gates_, clock_.NowMs());
  }
  Result<bool> ExchangeGates(const std::string& expected, const std::vector<Gate>& next) override {
    std::lock_guard<std::mutex> hold(mutex_);
    if (Out()) return Down();
    if (GateTag(gates_) != expected) return false;
    gates_ = EncodeGates(next);
    return true;
  }

  size_t Books() {
    std::lock_guard<std::mutex> hold(mutex_);
    return books_.size();
  }
  // As a lock service that lost its memory.
  void ForgetEverything() {
    std::lock_guard<std::mutex> hold(mutex_);
    books_.clear();
    lost_ = true;
  }

 private:
  LockView ViewOf(const LockKey& key) const {
    auto at = books_.find(key.id.hex());
    return at == books_.end() ? LockView{} : stateward::ViewOf(at->second);
  }
  LockBook& Made(const LockKey& key) {
    auto [at, made] = books_.try_emplace(key.id.hex());
    if (made) at->second.burn = lost_;
    return at->second;
  }
  bool Out() const { return down || service_id.empty(); }
  static Status Down() { return Status::Unavailable("the lock service is down"); }

  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, LockBook> books_;
  std::string gates_;
  bool lost_ = false;  // it may have forgotten locks: the first grant of each state burns
};

}  // namespace stateward

#endif  // STATEWARD_TESTS_DOUBLES_MEM_LOCKER_H_
