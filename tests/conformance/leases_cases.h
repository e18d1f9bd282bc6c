// Cases of storage_cases.h: leases.
#ifndef STATEWARD_TESTS_CONFORMANCE_LEASES_CASES_H_
#define STATEWARD_TESTS_CONFORMANCE_LEASES_CASES_H_

#include <atomic>
#include <memory>
#include <string>

#include "conformance/storage_fixture.h"

namespace stateward {
namespace storage_cases {

inline void LeasesAreComparedAndExchanged(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  const std::string one = "one\n", two = "two\n";
  Is(Code::kNotFound, s->ReadLease("jobs"));
  CHECK_FALSE(Must(s->ExchangeLease("jobs", one, two)));  // there is none
  Is(Code::kNotFound, s->ReadLease("jobs"));
  CHECK(Must(s->ExchangeLease("jobs", {}, one)));
  CHECK_FALSE(Must(f.Open()->ExchangeLease("jobs", {}, two)));  // there is one
  CHECK_FALSE(Must(s->ExchangeLease("jobs", two, two)));
  CHECK(ByteView(Must(f.Open()->ReadLease("jobs"))) == ByteView(one));
  CHECK(Must(f.Open()->ExchangeLease("jobs", one, two)));
  CHECK(ByteView(Must(s->ReadLease("jobs"))) == ByteView(two));
  Is(Code::kNotFound, s->ReadLease("other"));
  LONGS_EQUAL(0, Must(s->Count()));  // no state
}

inline void ALeaseIsExchangedByOneOfMany(StorageFixture& f) {
  const std::shared_ptr<Storage> instances[] = {Fresh(f), f.Open()};
  for (const std::string& expected : {std::string(), std::string("start")}) {
    if (!expected.empty()) {
      const Bytes now = Must(instances[0]->ReadLease("jobs"));
      CHECK(Must(instances[0]->ExchangeLease("jobs", now, expected)));
    }
    std::atomic<int> won{0};
    std::atomic<int> lost{0};
    InThreads(8, [&](size_t t) {
      const std::string mine = "t" + std::to_string(t);
      const Result<bool> exchanged =
          AskAgain([&] { return instances[t % 2]->ExchangeLease("jobs", expected, mine); });
      if (!exchanged.ok()) return;
      // An exchange that was refused at first may have been done.
      const Result<Bytes> now = AskAgain([&] { return instances[t % 2]->ReadLease("jobs"); });
      const bool is_mine = now.ok() && ByteView(*now) == ByteView(mine);
      ++(*exchanged || is_mine ? won : lost);
    });
    LONGS_EQUAL(1, won);
    LONGS_EQUAL(7, lost);
  }
}

}  // namespace storage_cases
}  // namespace stateward

#endif  // STATEWARD_TESTS_CONFORMANCE_LEASES_CASES_H_
