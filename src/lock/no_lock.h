// The lock of a standby (READ_ONLY): there is none, and no service is asked.
//
// No lock is ever held here, and none is given: who asks for one is refused before (state/), so
// every change is kUnavailable.
#ifndef STATEWARD_LOCK_NO_LOCK_H_
#define STATEWARD_LOCK_NO_LOCK_H_

#include <string>
#include <utility>

#include "stateward/locker.h"

namespace stateward {

class NoLock : public Locker {
 public:
  // `name`: of the lock that the settings choose.
  explicit NoLock(std::string name) : name_(std::move(name)) {}

  std::string_view Name() const override { return name_; }
  Result<std::string> ServiceId() override { return Refuse(); }
  Result<std::string> InitService(bool) override { return Refuse(); }
  Result<AcquireOutcome> Acquire(const LockKey&, const LockRecord&, const LockTerms&) override {
    return Refuse();
  }
  Result<ReleaseOutcome> Release(const LockKey&, const ReleaseRequest&) override {
    return Refuse();
  }
  Result<LockView> Look(const LockKey&) override { return LockView(); }
  Status BurnNext(const LockKey&) override { return Refuse(); }
  Result<bool> TokenReleased(const StateId&, const std::string&) override { return false; }
  Status WithLock(const LockKey&, const WriteFn&) override { return Refuse(); }
  bool HoldsStill() const override { return false; }
  Status EachHeldAfter(const StateId&, const EachHeldFn&) override { return Status(); }
  Result<HeldCount> CountHeld() override { return HeldCount(); }
  Status Check() override { return Status(); }
  Result<GateSet> ReadGates() override { return GateSet(); }
  Result<bool> ExchangeGates(const std::string&, const std::vector<Gate>&) override {
    return Refuse();
  }

 private:
  static Status Refuse() {
    return Status::Unavailable("this server is a read-only standby (READ_ONLY)");
  }
  const std::string name_;
};

}  // namespace stateward

#endif  // STATEWARD_LOCK_NO_LOCK_H_
