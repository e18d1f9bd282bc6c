// What the cases of locker_cases.h run on, and what they share.
#ifndef STATEWARD_TESTS_CONFORMANCE_LOCKER_FIXTURE_H_
#define STATEWARD_TESTS_CONFORMANCE_LOCKER_FIXTURE_H_

#include <CppUTest/TestHarness.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "conformance/ask_again.h"
#include "stateward/locker.h"

namespace stateward {

// A lock service of its own for one test: nothing is locked, and it has no id yet.
class LockerFixture {
 public:
  virtual ~LockerFixture() = default;
  // One more instance on the service, as another process would make it.
  virtual std::shared_ptr<Locker> Open() = 0;
  // How many things the service keeps for states: files, rows, keys, objects.
  virtual size_t Kept() = 0;
  // Turns the backend's clock, or makes what it remembers of locker_cases::Id() older by as much.
  virtual void Advance(int64_t /*ms*/) { FAIL("this fixture has no clock"); }
};

namespace locker_cases {

inline StateId IdOf(const std::string& name) { return StateId::Of({"", "p", name}); }
inline StateId Id() { return IdOf("n"); }

inline LockRecord Want(const std::string& id, const std::string& principal = "alice") {
  LockRecord record;
  record.id = id;
  record.info = "{\"ID\":\"" + id + "\",\"Who\":\"" + principal + "\"}";
  record.principal = principal;
  record.operation = "OperationTypeApply";
  return record;
}
// A release by its ID of a lock whose run may be gone with a write on its way.
inline ReleaseRequest Forced(const std::string& id, const std::string& principal = "alice",
                             bool any_principal = false) {
  ReleaseRequest request{id, principal, any_principal};
  request.forced = true;
  return request;
}
inline Result<uint64_t> Base7(const BaseAsk&) { return uint64_t{7}; }

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) FAIL(result.status().detail().c_str());
  return *std::move(result);
}
template <typename T>
void IsUnavailable(const Result<T>& result) {
  CHECK_FALSE(result.ok());
  CHECK(result.status().code() == Code::kUnavailable);
}

// An instance on a service that has its id.
inline std::shared_ptr<Locker> Fresh(LockerFixture& f) {
  Must(f.Open()->InitService(false));
  return f.Open();
}

template <typename T, typename Outcome>
T MustBe(Result<Outcome> outcome) {
  Outcome value = Must(std::move(outcome));
  if (!std::holds_alternative<T>(value)) {
    FAIL(("outcome number " + std::to_string(value.index())).c_str());
  }
  return std::get<T>(std::move(value));
}
inline void Take(Locker& l, const LockRecord& want, const StateId& id = Id()) {
  CHECK_FALSE(MustBe<Granted>(l.Acquire(id, want, Base7)).repeated);
}
inline void Free(Locker& l, const std::string& lock_id, const std::string& principal = "alice") {
  STRCMP_EQUAL(lock_id.c_str(),
               MustBe<Released>(l.Release(Id(), {lock_id, principal, false})).record.id.c_str());
}
// The holder's lock ID; "" when it is free.
inline std::string Holder(Locker& l, const StateId& id = Id()) {
  LockView view = Must(l.Look(id));
  return view.holder ? view.holder->id : "";
}

inline void SameRecord(const LockRecord& want, uint64_t base, const LockRecord& got) {
  STRCMP_EQUAL(want.id.c_str(), got.id.c_str());
  CHECK(want.info == got.info);
  STRCMP_EQUAL(want.principal.c_str(), got.principal.c_str());
  STRCMP_EQUAL(want.operation.c_str(), got.operation.c_str());
  STRCMP_EQUAL(want.token_sha256.c_str(), got.token_sha256.c_str());
  CHECK(got.plan_only == want.plan_only);
  CHECK(got.base == base);
  CHECK(got.time_ms > 1600000000000);  // milliseconds since 1970, of this century
}

// The answer to who releases his own lock, and may have had to ask again.
inline bool IsReleased(const Result<ReleaseOutcome>& outcome) {
  return outcome.ok() && (std::holds_alternative<Released>(*outcome) ||
                          std::holds_alternative<WasReleased>(*outcome));
}

// `run` must use no macro of the tests: one that fails in a thread ends the program. It notes what
// went wrong, and the test looks when all threads have ended.
inline void InThreads(size_t count, const std::function<void(size_t)>& run) {
  std::vector<std::thread> threads;
  for (size_t t = 0; t < count; ++t) threads.emplace_back([&run, t] { run(t); });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace locker_cases
}  // namespace stateward

#endif  // STATEWARD_TESTS_CONFORMANCE_LOCKER_FIXTURE_H_
