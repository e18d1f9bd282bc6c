// /ready's look at what is stored: not ready only when most requests would fail.
#include "app/store_sample.h"

#include <CppUTest/TestHarness.h>

#include <set>
#include <string>

#include "doubles/fake_clock.h"
#include "doubles/mem_storage.h"

namespace stateward {
namespace {

// Some states cannot be read, and from some the list does not go on.
class HalfReadable : public MemStorage {
 public:
  Result<Newest> GetNewestFront(const StateId& id, size_t limit) override {
    ++looks;
    if (damaged.count(id.hex()) > 0) return Status::Corruption("damaged");
    if (unreadable.count(id.hex()) > 0) return Status(Code::kPermissionDenied, "EACCES");
    return MemStorage::GetNewestFront(id, limit);
  }
  Status ListAfter(const StateId& after, const std::function<bool(const StateId&)>& each) override {
    ++lists;
    Status failed;
    STATEWARD_RETURN_IF_ERROR(MemStorage::ListAfter(after, [&](const StateId& id) {
      if (unlisted.count(id.hex()) > 0) failed = Status(Code::kPermissionDenied, "EACCES");
      return failed.ok() && each(id);
    }));
    return failed;
  }
  std::set<std::string> unreadable;
  std::set<std::string> damaged;
  std::set<std::string> unlisted;
  int looks = 0;
  int lists = 0;
};

}  // namespace

TEST_GROUP(StoreSample) {
  FakeClock clock;
  HalfReadable store;
  StoreSample sample{clock};
  std::vector<std::string> ids;  // in order

  void setup() override {
    StoreIdentity identity;
    identity.store_id = std::string(32, 'a');
    CHECK(store.WriteIdentity(identity, nullptr).ok());
  }
  void Fill(int states) {
    for (int i = 0; i < states; ++i) {
      const StateId id = StateId::Of({"", "p", std::to_string(i)});
      CHECK(store.Append(id, 0, std::string("x"))->appended);
    }
    CHECK(store
              .MemStorage::ListAfter(StateId(),
                                     [this](const StateId& id) {
                                       ids.push_back(id.hex());
                                       return true;
                                     })
              .ok());
  }
  // How many of so many looks say that it is not ready.
  int NotReady(int looks) {
    int count = 0;
    for (int i = 0; i < looks; ++i) count += sample.Look(store).ok() ? 0 : 1;
    return count;
  }
};

TEST(StoreSample, OneUnreadableOrDamagedStateAmongManyIsNoReason) {
  Fill(40);
  for (size_t bad = 0; bad < 16; ++bad) {
    store.unreadable = {ids[bad]};
    LONGS_EQUAL(0, NotReady(50));
    store.unreadable = {ids[bad], ids[(bad + 1) % 16]};
    LONGS_EQUAL(0, NotReady(50));
  }
  store.unreadable.clear();
  store.damaged = {ids.begin(), ids.end()};
  LONGS_EQUAL(0, NotReady(50));
}

TEST(StoreSample, WhenNoneCanBeReadItSaysSo) {
  Fill(40);
  LONGS_EQUAL(0, NotReady(1));
  store.unreadable = {ids.begin(), ids.end()};
  LONGS_EQUAL(1, NotReady(1));
  STRCMP_CONTAINS("what is stored cannot be read: state ", sample.Look(store).detail().c_str());
  store.unreadable.clear();
  LONGS_EQUAL(0, NotReady(1));
}

// Whoever asks often must not have asked too early.
TEST(StoreSample, StatesThatComeAfterTheFirstLookAreLookedAt) {
  LONGS_EQUAL(0, NotReady(3));
  Fill(2);
  store.unreadable = {ids.begin(), ids.end()};
  LONGS_EQUAL(1, NotReady(1));
}

TEST(StoreSample, OneFolderThatCannotBeListedHidesNoOthers) {
  Fill(40);
  store.unlisted = {ids.front()};
  LONGS_EQUAL(0, NotReady(50));
  CHECK(store.looks > 0);
  store.unreadable = {ids.begin(), ids.end()};
  CHECK(NotReady(1) == 1);
}

TEST(StoreSample, WhenNoneCanBeListedItSaysSo) {
  Fill(40);
  store.unlisted = {ids.begin(), ids.end()};
  LONGS_EQUAL(1, NotReady(1));
  STRCMP_CONTAINS("cannot be listed", sample.Look(store).detail().c_str());
  store.unlisted.clear();
  LONGS_EQUAL(0, NotReady(1));
  // What is known goes on.
  store.unlisted = {ids.begin(), ids.end()};
  clock.Advance(120 * 1000);
  LONGS_EQUAL(0, NotReady(5));
}

TEST(StoreSample, ALookIsOneReadAndAListComesOnceAMinute) {
  Fill(40);
  LONGS_EQUAL(0, NotReady(100));
  LONGS_EQUAL(100, store.looks);
  LONGS_EQUAL(1, store.lists);
  clock.Advance(60 * 1000);
  LONGS_EQUAL(0, NotReady(100));
  LONGS_EQUAL(2, store.lists);
}

}  // namespace stateward
