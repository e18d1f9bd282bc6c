// What is refused, what is not, and what the answer says of it.
#include "state/refusal.h"

#include <string>
#include <thread>
#include <vector>

#include "auth/roles.h"
#include "state/lock_info.h"
#include "unit/state/service_fixture.h"

namespace stateward {

TEST_GROUP_BASE(Refusal, ServiceFixture){// The same state in the hands of somebody else.
                                         Grant Other(){Grant other = grant;
other.principal = "other";
other.rights = kRoleWrite;
return other;
}  // namespace stateward
StateAnswer Answer(const SecretBytes& doc, const std::string& lock = "") {
  return service->Put(grant, lock, doc);
}
void Has(const std::string& text, const std::string& part) {
  if (text.find(part) == std::string::npos) FAIL((text + ": no \"" + part + "\"").c_str());
}
}
;

TEST(Refusal, EachHasItsTexts) {
  for (int i = 1; i < kRefusals; ++i) {
    const auto refusal = static_cast<enum Refusal>(i);
    const RefusalText& text = TextOf(refusal);
    CHECK(text.refusal == refusal);
    CHECK(text.code != Code::kOk);
    for (const std::string_view each : {text.why, text.action}) {
      CHECK(each.size() > 5);
      CHECK(each.size() < 200);
      CHECK(each.find('\n') == std::string_view::npos);
      CHECK(each.back() != '.');
    }
  }
}

// ---- Two or twenty identical writes ----

TEST(Refusal, IdenticalWritesAtTheSameTimeAreOne) {
  locker.still = false;
  for (size_t writers : {20, 200}) {
    const SecretBytes doc = Doc(writers);
    std::vector<Code> codes(writers, Code::kInternal);
    std::vector<std::thread> threads;
    threads.reserve(writers);
    for (size_t i = 0; i < writers; ++i) {
      threads.emplace_back([&, i] { codes[i] = Put(doc); });
    }
    for (std::thread& thread : threads) thread.join();
    for (Code code : codes) Is(Code::kOk, code);
    Holds(doc);
  }
  LONGS_EQUAL(2, HeadOf());
  LONGS_EQUAL(0, Kept());
}

TEST(Refusal, WhoLosesTheNumberLooksAgain) {
  locker.still = false;
  storage.before_append = [this] { Is(Code::kOk, Put(Doc(1))); };
  Is(Code::kOk, Put(Doc(1)));
  LONGS_EQUAL(1, HeadOf());
  // Also when the next write stands on it already.
  storage.before_append = [this] {
    Is(Code::kOk, Put(Doc(2)));
    Is(Code::kOk, Put(Doc(3)));
  };
  Is(Code::kOk, Put(Doc(2)));
  storage.before_append = [this] { Is(Code::kOk, Put(Doc(4, "L", "other"))); };
  Is(Code::kConflict, Put(Doc(4)));
  LONGS_EQUAL(1, Kept());
  LONGS_EQUAL(4, HeadOf());
}

TEST(Refusal, TheRepeatOfAWriteThatIsStillOnItsWay) {
  locker.still = false;
  storage.late = true;
  Is(Code::kOk, Lock("a"));
  storage.before_append = [this] { Is(Code::kOk, Put(Doc(1), "a")); };
  Is(Code::kOk, Put(Doc(1), "a"));
  // The first try's answer is lost as well.
  storage.before_append = [this] {
    Is(Code::kOk, Put(Doc(2), "a"));
    storage.next_append = MemStorage::NextAppend::kFails;
  };
  Is(Code::kOk, Put(Doc(2), "a"));
  Is(Code::kOk, Put(Doc(3), "a"));
  Holds(Doc(3));
  LONGS_EQUAL(0, Kept());
}

TEST(Refusal, ANoOpRecordInTheWayIsNoWrite) {
  locker.still = false;
  Is(Code::kOk, Lock("a"));
  storage.before_append = [this] {
    VersionInfo late;
    const std::string store_id = storage.ReadIdentity()->store_id;
    CHECK(TakeNextNumber(History(storage, *kms, store_id), grant.key, Id(), late).ok());
  };
  Is(Code::kOk, Put(Doc(1), "a"));
  LONGS_EQUAL(2, HeadOf());
  // It may be the next session's: then the lock says so.
  storage.before_append = [this] {
    CHECK(locker.BurnNext(Id()).ok());
    Is(Code::kOk, Unlock(""));
    Is(Code::kOk, Lock("b"));
  };
  storage.late = true;
  Is(Code::kConflict, Put(Doc(2), "a"));
  Holds(Doc(1));
  LONGS_EQUAL(1, Kept());
}

// ---- Replacing what is there ----

TEST(Refusal, RestoringADeletedState) {
  Is(Code::kOk, Put(Doc(5)));
  Is(Code::kOk, Delete());
  StateAnswer refused = Answer(Doc(5));
  Is(Code::kConflict, refused.status.code());
  Has(refused.hint, "deleted");
  Has(refused.action, "tofu state push");
  Is(Code::kOk, Lock("a", "state-push"));
  Is(Code::kOk, Put(Doc(5), "a"));
  Is(Code::kOk, Unlock("a"));
  Holds(Doc(5));
  Is(Code::kOk, Delete());
  rules.write.strict = false;
  Restart();
  Is(Code::kOk, Put(Doc(5)));
  Holds(Doc(5));
}

TEST(Refusal, AForcedPushWithoutALockSaysWhatToDo) {
  Is(Code::kOk, Put(Doc(7, "stored")));
  StateAnswer refused = Answer(Doc(2, "sent"));
  Is(Code::kConflict, refused.status.code());
  Has(refused.hint, "serial 7, lineage stored");
  Has(refused.hint, "serial 2, lineage sent");
  STRCMP_EQUAL(storage.ListUploads()->front().content_tag.c_str(), refused.upload.c_str());
  Has(refused.action, "`statewardctl uploads restore " + refused.upload + "`");
}

TEST(Refusal, WhoHoldsTheLockIsSaid) {
  Is(Code::kOk, Lock("a"));
  StateAnswer refused = Answer(Doc(1));
  Has(refused.hint, "held by " + grant.principal + " since " + FormatTime(clock.NowMs()));
  Has(refused.hint, "the lock ID a");
}

TEST(Refusal, AnothersLockKeepsTheUpload) {
  Is(Code::kOk, Lock("a"));
  StateAnswer refused = service->Put(Other(), "a", Doc(1));
  Is(Code::kPermissionDenied, refused.status.code());
  LONGS_EQUAL(1, Kept());
  CHECK_FALSE(refused.upload.empty());
}

TEST(Refusal, AnUploadThatCannotBeKeptIsAnOutage) {
  Is(Code::kOk, Put(Doc(7)));
  rules.uploads.max_bytes = 10;
  Restart();
  StateAnswer refused = Answer(Doc(2));
  Is(Code::kUnavailable, refused.status.code());
  Has(refused.hint, "could not be kept");
  CHECK(refused.upload.empty());
}

// ---- What cannot be read ----

TEST(Refusal, DamageBehindTheFrontIsDamage) {
  Is(Code::kOk, Put(Doc(1)));
  storage.Damage(Id(), 1);
  Is(Code::kCorruption, Put(Doc(2)));
  Is(Code::kCorruption, Put(Doc(1)));  // the same bytes, but they are not there any more
  Is(Code::kCorruption, Delete());
  Is(Code::kOk, Lock("a"));
  Is(Code::kOk, Put(Doc(1), "a"));  // the holder puts them right
  Holds(Doc(1));
  LONGS_EQUAL(2, HeadOf());
}

}  // namespace stateward
