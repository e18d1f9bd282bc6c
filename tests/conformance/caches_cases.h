// Cases of storage_cases.h: cache entries.
#ifndef STATEWARD_TESTS_CONFORMANCE_CACHES_CASES_H_
#define STATEWARD_TESTS_CONFORMANCE_CACHES_CASES_H_

#include <memory>
#include <string>
#include <vector>

#include "conformance/storage_fixture.h"

namespace stateward {
namespace storage_cases {

inline void CacheEntriesAreTheLastOfEach(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  Is(Code::kNotFound, s->ReadCache("list-a"));
  CHECK(Must(s->CacheNames()).empty());
  Is(Code::kOk, s->RemoveCache("list-a"));
  Is(Code::kOk, s->WriteCache("list-b", std::string("one")));
  Is(Code::kOk, s->WriteCache("list-a", std::string("two")));
  Is(Code::kOk, s->WriteCache("list-b", std::string("three")));
  std::shared_ptr<Storage> other = f.Open();
  CHECK(ByteView(Must(other->ReadCache("list-a"))) == ByteView(std::string("two")));
  CHECK(ByteView(Must(other->ReadCache("list-b"))) == ByteView(std::string("three")));
  CHECK((Must(other->CacheNames()) == std::vector<std::string>{"list-a", "list-b"}));
  Is(Code::kOk, other->RemoveCache("list-b"));
  Is(Code::kNotFound, s->ReadCache("list-b"));
  LONGS_EQUAL(0, Must(s->Count()));  // no state
}

}  // namespace storage_cases
}  // namespace stateward

#endif  // STATEWARD_TESTS_CONFORMANCE_CACHES_CASES_H_
