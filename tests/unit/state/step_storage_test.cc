#include "state/step_storage.h"

#include <CppUTest/TestHarness.h>

#include "unit/state/service_fixture.h"

namespace stateward {
namespace {

class NamelessTransaction : public Transaction {};

// Two storages of one store: what is asked inside a step, and what is asked elsewhere.
class SharedStorage : public MemStorage {
 public:
  std::unique_ptr<Storage> Within(Transaction& /*transaction*/) override {
    ++parts;
    auto inside = std::make_unique<MemStorage>();
    CHECK(inside->WriteIdentity(marker, nullptr).ok());
    return inside;
  }
  StoreIdentity marker;
  int parts = 0;
};

// While a step runs, nothing outside of it answers: with one connection that would wait for itself.
class SharedLocker : public MemLocker {
 public:
  SharedLocker(const Clock& clock, SharedStorage& storage) : MemLocker(clock), storage_(storage) {}
  Status WithLock(const LockKey& key, const WriteFn& write) override {
    return MemLocker::WithLock(key, [&](LockView& view) {
      view.transaction = &transaction_;
      storage_.down = true;
      write(view);
      storage_.down = false;
    });
  }
  Result<AcquireOutcome> Acquire(const LockKey& key, const LockRecord& want,
                                 const LockTerms& terms) override {
    const auto base = [&](const BaseAsk& ask) {
      storage_.down = true;
      Result<uint64_t> head = terms.base({ask.burn, ask.mark, &transaction_});
      storage_.down = false;
      return head;
    };
    return MemLocker::Acquire(key, want, LockTerms(base, terms.gates));
  }

 private:
  SharedStorage& storage_;
  NamelessTransaction transaction_;
};

}  // namespace

TEST_GROUP_BASE(StepStorage, ServiceFixture) {
  SharedStorage outside;
  SharedLocker steps{clock, outside};
  StoreGate outside_gate{outside, steps};

  void Open() {
    CHECK(outside_gate.Init(false, *kms).ok());
    outside.marker = *outside.ReadIdentity();
    service = std::make_unique<StateService>(outside, steps, *kms, outside_gate, clock, observer,
                                             log, rules);
  }
};

// With the names of its namespace, the look for the original's blob, and the record.
TEST(StepStorage, AWriteAsksNothingOutsideOfItsTransaction) {
  Open();
  Is(Code::kOk, Put(Doc(1)));
  LONGS_EQUAL(1, outside.parts);
  LONGS_EQUAL(0, *outside.Head(Id()));
}

TEST(StepStorage, ALockReadsItsBaseInsideOfItsTransaction) {
  Open();
  Is(Code::kOk, Lock("a"));
  LONGS_EQUAL(1, outside.parts);
  Is(Code::kOk, Unlock(""));
  Is(Code::kOk, Lock("b"));  // takes a number away
  LONGS_EQUAL(2, outside.parts);
}

TEST(StepStorage, WithoutATransactionItIsTheStorageItself) {
  const StepStorage step(storage, nullptr);
  CHECK(&*step == &storage);
}

}  // namespace stateward
