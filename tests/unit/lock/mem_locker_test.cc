// The double must keep the contract too, or what is proved with it proves nothing.
#include "doubles/mem_locker.h"

#include <CppUTest/TestHarness.h>

#include <memory>

#include "conformance/locker_cases.h"
#include "doubles/fake_clock.h"

namespace stateward {
namespace {

class MemFixture : public LockerFixture {
 public:
  MemFixture() { locker_->service_id.clear(); }
  std::shared_ptr<Locker> Open() override { return locker_; }
  size_t Kept() override { return locker_->Books(); }
  void Advance(int64_t ms) override { clock_.Advance(ms); }

 private:
  FakeClock clock_;
  std::shared_ptr<MemLocker> locker_ = std::make_shared<MemLocker>(clock_);
};

}  // namespace

TEST_GROUP(MemLockerConforms) { MemFixture fixture; };

LOCKER_CONFORMS(MemLockerConforms)
LOCKER_CONFORMS_CLOCK(MemLockerConforms)

}  // namespace stateward
