// Cases of storage_cases.h: what a copy of a store needs.
#ifndef STATEWARD_TESTS_CONFORMANCE_STORE_COPY_CASES_H_
#define STATEWARD_TESTS_CONFORMANCE_STORE_COPY_CASES_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "conformance/storage_fixture.h"
#include "stateward/closed_store.h"
#include "stateward/store_copy.h"

namespace stateward {
namespace storage_cases {

inline StoreCopy& CopyOf(Storage& s) {
  auto* copy = dynamic_cast<StoreCopy*>(&s);
  CHECK_TEXT(copy != nullptr, "no StoreCopy");
  return *copy;
}

// An instance on a store that was made just now, closed.
inline std::shared_ptr<Storage> FreshClosed(StorageFixture& f) {
  Good(f.Open()->WriteIdentity(ClosedStore(Marker(), "being copied"), nullptr));
  return f.Open();
}

inline void IntoAnOpenStoreNothingIsPut(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  Put(*s, Id(), 0, std::string("one"));
  Is(Code::kInternal, CopyOf(*s).PutRecord(Id(), 1, std::string("two")));
  Is(Code::kInternal, CopyOf(*s).PutRecord(Id(), 2, std::string("two")));
  Is(Code::kInternal, CopyOf(*s).PutLegacy(LegacyId(), std::string("blob")));
  CHECK(ByteView(Must(f.Open()->Get(Id(), 1))) == ByteView(std::string("one")));
  LONGS_EQUAL(1, Must(f.Open()->Head(Id())));
  Is(Code::kNotFound, f.Open()->GetLegacy(LegacyId()));
}

// Whatever the newest is, and again: what is there is exchanged.
inline void AClosedStoreTakesRecordsOfAnyNumber(StorageFixture& f) {
  std::shared_ptr<Storage> s = FreshClosed(f);
  const std::string big = Noise(300000), small = "small";
  Good(CopyOf(*s).PutRecord(Id(), 7, big));
  Good(CopyOf(*s).PutRecord(Id(), 3, small));
  Good(CopyOf(*s).PutRecord(IdOf("other"), 1, small));
  std::shared_ptr<Storage> another = f.Open();
  LONGS_EQUAL(7, Must(another->Head(Id())));
  LONGS_EQUAL(2, Must(another->Versions(Id())).size());
  CHECK(ByteView(Must(another->Get(Id(), 7))) == ByteView(big));
  CHECK(ByteView(Must(another->Get(Id(), 3))) == ByteView(small));
  Good(CopyOf(*s).PutRecord(Id(), 7, small));
  Good(CopyOf(*s).PutRecord(Id(), 7, small));
  CHECK(ByteView(Must(f.Open()->Get(Id(), 7))) == ByteView(small));
  LONGS_EQUAL(2, Must(f.Open()->Count()));
}

// A number that wrapped would be one that nobody reads.
inline void NothingFollowsTheLastNumber(StorageFixture& f) {
  std::shared_ptr<Storage> s = FreshClosed(f);
  for (uint64_t n : {uint64_t{0}, kLastRecord + 1, UINT64_MAX - 1, UINT64_MAX}) {
    Is(Code::kInvalidArgument, CopyOf(*s).PutRecord(Id(), n, std::string("no record")));
  }
  LONGS_EQUAL(0, Must(f.Open()->Head(Id())));
  Good(CopyOf(*s).PutRecord(Id(), kLastRecord, std::string("last")));
  std::shared_ptr<Storage> another = f.Open();
  for (uint64_t head : {kLastRecord, kLastRecord + 1, UINT64_MAX - 1, UINT64_MAX}) {
    Is(Code::kUnavailable, another->Append(Id(), head, std::string("next")));
    Is(Code::kUnavailable, f.Open()->Append(Id(), head, std::string("next")));
  }
  CHECK(Must(f.Open()->Head(Id())) == kLastRecord);
  CHECK(Must(f.Open()->Versions(Id())) == std::vector<uint64_t>{kLastRecord});
  CHECK(ByteView(Must(f.Open()->GetNewest(Id())).bytes) == ByteView(std::string("last")));
}

inline void AClosedStoreTakesBlobs(StorageFixture& f) {
  std::shared_ptr<Storage> s = FreshClosed(f);
  const std::string blob = Noise(5000), newer = Noise(70);
  Good(CopyOf(*s).PutLegacy(LegacyId(), blob));
  CHECK(ByteView(Must(f.Open()->GetLegacy(LegacyId()))) == ByteView(blob));
  Good(CopyOf(*s).PutLegacy(LegacyId(), blob));  // again
  // Somebody's data: it is not for a copy to exchange it.
  Is(Code::kConflict, CopyOf(*s).PutLegacy(LegacyId(), newer));
  CHECK(ByteView(Must(f.Open()->GetLegacy(LegacyId()))) == ByteView(blob));
}

inline void EachClaimIsTold(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  const std::map<std::string, StateId> want = {{LegacyId(), Id()},
                                               {std::string(64, 'c'), IdOf("other")}};
  for (const auto& [name, id] : want) Must(s->ClaimLegacy(name, id));
  std::map<std::string, StateId> told;
  Good(CopyOf(*f.Open()).EachClaim([&told](const std::string& name, const StateId& id) {
    return told.emplace(name, id).second;
  }));
  CHECK(told == want);
  int seen = 0;
  Good(CopyOf(*s).EachClaim([&seen](const std::string&, const StateId&) { return ++seen < 1; }));
  LONGS_EQUAL(1, seen);
}

}  // namespace storage_cases
}  // namespace stateward

#endif  // STATEWARD_TESTS_CONFORMANCE_STORE_COPY_CASES_H_
