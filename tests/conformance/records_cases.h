// Cases of storage_cases.h: versions of states.
#ifndef STATEWARD_TESTS_CONFORMANCE_RECORDS_CASES_H_
#define STATEWARD_TESTS_CONFORMANCE_RECORDS_CASES_H_

#include <algorithm>
#include <atomic>
#include <set>

#include "base/sha256.h"
#include "conformance/storage_fixture.h"

namespace stateward {
namespace storage_cases {

inline void AbsenceIsSaid(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  Put(*s, IdOf("another"), 0, std::string("x"));
  LONGS_EQUAL(0, Must(s->Head(Id())));
  const Records::Newest newest = Must(s->GetNewest(Id()));
  LONGS_EQUAL(0, newest.n);
  CHECK(newest.bytes.empty());
  Is(Code::kNotFound, s->Get(Id(), 1));
  Is(Code::kNotFound, s->GetPrefix(Id(), 1, 10));
  Is(Code::kNotFound, s->Settle(Id(), 1));
  CHECK(Must(s->Versions(Id())).empty());
  Put(*s, Id(), 0, std::string("x"));
  Is(Code::kNotFound, s->Get(Id(), 0));
  Is(Code::kNotFound, s->Get(Id(), 2));
  Is(Code::kNotFound, s->Settle(Id(), 2));
}

inline void RecordsComeBackByteForByte(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  std::string all;
  for (int i = 0; i < 1024; ++i) all += static_cast<char>(i);
  std::vector<std::string> records = {std::string(1, '\0'), all,          "'\\\"\r\n",
                                      Noise(4096),          Noise(70001), Noise(size_t{9} << 20)};
  for (size_t i = 0; i < records.size(); ++i) Put(*s, Id(), i, records[i]);
  for (const std::shared_ptr<Storage>& reader : {s, f.Open()}) {
    LONGS_EQUAL(records.size(), Must(reader->Head(Id())));
    for (size_t i = 0; i < records.size(); ++i) {
      CHECK(ByteView(Must(reader->Get(Id(), i + 1))) == ByteView(records[i]));
      Good(reader->Settle(Id(), i + 1));
    }
    const Records::Newest newest = Must(reader->GetNewest(Id()));
    LONGS_EQUAL(records.size(), newest.n);
    CHECK(ByteView(newest.bytes) == ByteView(records.back()));
  }
}

inline void FrontsAreThoseOfTheNewest(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  const std::vector<std::string> names = {"one", "two", "three"};
  const std::string large = Noise(50000);
  std::vector<Records::End> ends = {{IdOf("absent"), 0, 0, ""}};
  for (size_t i = 0; i < names.size(); ++i) {
    const StateId id = IdOf(names[i]);
    for (uint64_t n = 0; n < i; ++n) Put(*s, id, n, Noise(100));
    Put(*s, id, i, i == 2 ? large : names[i]);
    // Of one the number is known already.
    ends.push_back(i == 2 ? Records::End{id, 3, 3, ""} : Records::End{id, 0, 0, ""});
  }
  CHECK(Must(s->Fronts({}, 10)).empty());
  size_t found = 0;
  for (const Records::Front& front : Must(s->Fronts(ends, size_t{16} * 1024))) {
    if (front.records == 0) continue;
    ++found;
    const size_t i = front.records - 1;
    CHECK(front.id == ends[i + 1].id);
    CHECK_FALSE(front.damaged);
    LONGS_EQUAL(i + 1, front.newest.n);
    const std::string& record = i == 2 ? large : names[i];
    CHECK(front.newest.bytes.size() >= std::min(record.size(), size_t{16} * 1024));
    CHECK(ByteView(front.newest.bytes) == ByteView(record).Sub(0, front.newest.bytes.size()));
  }
  LONGS_EQUAL(names.size(), found);
}

inline void EndsAreThoseOfAPrefix(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  CHECK(Must(s->Ends("")).ends.empty());
  for (int i = 0; i < 40; ++i) Put(*s, IdOf("s" + std::to_string(i)), 0, std::string("x"));
  Put(*s, IdOf("s7"), 1, std::string("y"));
  const Records::EndPage all = Must(s->Ends(""));
  CHECK(all.whole);
  LONGS_EQUAL(40, all.ends.size());
  size_t in_parts = 0;
  for (char digit : std::string("0123456789abcdef")) {
    for (const Records::End& end : Must(s->Ends(std::string(1, digit))).ends) {
      CHECK(end.id == all.ends[in_parts].id && end.stamp == all.ends[in_parts].stamp);
      LONGS_EQUAL(end.id == IdOf("s7") ? 2 : 1, end.n);
      LONGS_EQUAL(end.n, end.records);
      LONGS_EQUAL(end.n, end.bytes.value_or(end.n));  // a record is a byte here
      ++in_parts;
    }
  }
  LONGS_EQUAL(40, in_parts);
  // What is exchanged under its number has another stamp.
  const std::string id = IdOf("s7").hex();
  const Records::EndPage before = Must(s->Ends(id));
  Good(s->Replace(IdOf("s7"), 2, Sha256(std::string("y")), std::string("z")));
  const Records::EndPage after = Must(s->Ends(id));
  LONGS_EQUAL(1, after.ends.size());
  CHECK(before.ends[0].stamp != after.ends[0].stamp && !after.ends[0].stamp.empty());
  CHECK(Must(s->Ends(id.substr(0, 3))).ends.size() >= 1);
}

inline void PrefixIsTheStart(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  const std::string record = Noise(50000);
  Put(*s, Id(), 0, record);
  for (size_t limit : {size_t{1}, size_t{16} * 1024, size_t{49999}, size_t{50000}, size_t{90000}}) {
    const Bytes prefix = Must(s->GetPrefix(Id(), 1, limit));
    CHECK(prefix.size() >= std::min(limit, record.size()) && prefix.size() <= record.size());
    CHECK(ByteView(prefix) == ByteView(record).Sub(0, prefix.size()));
  }
}

inline void AppendComparesTheHead(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  Put(*s, Id(), 0, std::string("one"));
  Put(*s, Id(), 1, std::string("two"));
  for (uint64_t old : {0, 1}) {
    const AppendOutcome outcome = Must(s->Append(Id(), old, std::string("late")));
    CHECK_FALSE(outcome.appended);
    CHECK(outcome.n == 0 || outcome.n > old);
  }
  // A head that never was: there may be no gap.
  Result<AppendOutcome> gap = s->Append(Id(), 5, std::string("early"));
  CHECK(!gap.ok() || !gap->appended);
  LONGS_EQUAL(2, Must(f.Open()->Head(Id())));
  CHECK(ByteView(Must(s->Get(Id(), 1))) == ByteView(std::string("one")));
  CHECK(ByteView(Must(s->Get(Id(), 2))) == ByteView(std::string("two")));
  Is(Code::kNotFound, s->Get(Id(), 6));
}

// Of a thread: `bytes` are no other's, and so show whether a try that was refused was done.
inline Result<AppendOutcome> AppendOwn(Storage& s, const StateId& id, uint64_t head,
                                       const std::string& bytes) {
  bool refused = false;
  Result<AppendOutcome> outcome = AskAgain([&] {
    Result<AppendOutcome> once = s.Append(id, head, bytes);
    refused = refused || !once.ok();
    return once;
  });
  if (!refused || !outcome.ok() || outcome->appended) return outcome;
  Result<Bytes> there = AskAgain([&] { return s.Get(id, head + 1); });
  if (!there.ok()) return std::move(there).status();
  return ByteView(*there) == ByteView(bytes) ? AppendOutcome{true, head + 1} : *outcome;
}

inline void OneOfManyAppends(StorageFixture& f) {
  const std::shared_ptr<Storage> instances[] = {Fresh(f), f.Open()};
  constexpr size_t kThreads = 16;
  for (uint64_t head = 0; head < 5; ++head) {
    std::atomic<size_t> winners{0};
    std::atomic<size_t> losers{0};
    std::atomic<size_t> winner{0};
    InThreads(kThreads, [&](size_t t) {
      const Result<AppendOutcome> outcome =
          AppendOwn(*instances[t % 2], Id(), head, "by " + std::to_string(t));
      if (!outcome.ok()) return;
      if (outcome->appended) winner = t;
      ++(outcome->appended ? winners : losers);
    });
    LONGS_EQUAL(1, winners.load());
    LONGS_EQUAL(kThreads - 1, losers.load());
    for (const std::shared_ptr<Storage>& s : instances) {
      LONGS_EQUAL(head + 1, Must(s->Head(Id())));
      CHECK(ByteView(Must(s->Get(Id(), head + 1))) ==
            ByteView("by " + std::to_string(winner.load())));
    }
  }
}

// Each thread appends at the head that it reads, until it was let in five times.
inline void NumbersHaveNoGaps(StorageFixture& f) {
  const std::shared_ptr<Storage> instances[] = {Fresh(f), f.Open()};
  std::atomic<bool> bad{false};
  InThreads(4, [&](size_t t) {
    Storage& s = *instances[t % 2];
    int mine = 0;
    for (int i = 0; i < 200 && mine < 5; ++i) {
      const Result<uint64_t> head = AskAgain([&] { return s.Head(Id()); });
      if (!head.ok()) return;
      const std::string own = std::to_string(*head + 1) + " by " + std::to_string(t);
      const Result<AppendOutcome> outcome = AppendOwn(s, Id(), *head, own);
      if (!outcome.ok()) return;
      if (outcome->appended && outcome->n != *head + 1) bad = true;
      if (outcome->appended) ++mine;
    }
  });
  CHECK_FALSE(bad);
  LONGS_EQUAL(20, Must(f.Open()->Head(Id())));
  for (uint64_t n = 1; n <= 20; ++n) {
    const Bytes record = Must(instances[0]->Get(Id(), n));
    CHECK(ByteView(record).AsString().rfind(std::to_string(n) + " by ", 0) == 0);
  }
}

// Whatever an instance remembers of the head must not outlive what another one does.
inline void HeadIsNeverStale(StorageFixture& f) {
  std::shared_ptr<Storage> a = Fresh(f);
  std::shared_ptr<Storage> b = f.Open();
  Put(*a, Id(), 0, std::string("1"));
  LONGS_EQUAL(1, Must(b->Head(Id())));
  for (uint64_t n = 1; n < 100; ++n) Put(*a, Id(), n, std::to_string(n + 1));
  LONGS_EQUAL(100, Must(b->Head(Id())));
  Put(*a, Id(), 100, std::string("101"));
  LONGS_EQUAL(101, Must(b->GetNewest(Id())).n);
  for (uint64_t n = 1; n <= 100; ++n) Good(a->Prune(Id(), n));
  LONGS_EQUAL(101, Must(b->Head(Id())));
  CHECK_FALSE(Must(b->Append(Id(), 50, std::string("late"))).appended);
  CHECK_FALSE(Must(f.Open()->Append(Id(), 0, std::string("late"))).appended);
  Put(*b, Id(), 101, std::string("102"));
  CHECK(ByteView(Must(a->GetNewest(Id())).bytes) == ByteView(std::string("102")));
}

inline void StatesDoNotMix(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  std::atomic<int> good{0};
  InThreads(8, [&](size_t t) {
    const StateId id = IdOf(std::to_string(t));
    for (uint64_t n = 0; n < 5; ++n) {
      const Result<AppendOutcome> outcome = AppendOwn(*s, id, n, std::to_string(t * 10 + n));
      if (!outcome.ok() || !outcome->appended) return;
      const Result<Records::Newest> newest = AskAgain([&] { return s->GetNewest(id); });
      if (!newest.ok() || newest->n != n + 1) return;
      if (ByteView(newest->bytes) == ByteView(std::to_string(t * 10 + n))) ++good;
    }
  });
  LONGS_EQUAL(40, good.load());
}

inline void ReplaceComparesTheBytes(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  const std::string old = Noise(3000);
  const std::string other = Noise(3100);
  Put(*s, Id(), 0, old);
  Put(*s, Id(), 1, old);
  Is(Code::kConflict, s->Replace(Id(), 1, Sha256(other), other));
  CHECK(ByteView(Must(s->Get(Id(), 1))) == ByteView(old));
  Good(s->Replace(Id(), 1, Sha256(old), other));
  CHECK(ByteView(Must(f.Open()->Get(Id(), 1))) == ByteView(other));
  CHECK(ByteView(Must(s->Get(Id(), 2))) == ByteView(old));
  Is(Code::kConflict, s->Replace(Id(), 1, Sha256(old), old));  // the same once more
  const Status absent = s->Replace(Id(), 7, Sha256(old), other);
  CHECK(absent.code() == Code::kNotFound || absent.code() == Code::kConflict);
  Is(Code::kNotFound, s->Get(Id(), 7));
  LONGS_EQUAL(2, Must(s->Head(Id())));
}

inline void PruneNeverTakesTheNewest(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  for (uint64_t n = 0; n < 5; ++n) Put(*s, Id(), n, std::to_string(n + 1));
  CHECK(Must(s->Versions(Id())) == std::vector<uint64_t>({5, 4, 3, 2, 1}));
  Is(Code::kInvalidArgument, s->Prune(Id(), 5));
  Is(Code::kInvalidArgument, f.Open()->Prune(Id(), 5));
  Is(Code::kInvalidArgument, s->Prune(Id(), 6));
  for (uint64_t n : {1, 3, 4}) Good(s->Prune(Id(), n));
  Good(s->Prune(Id(), 3));  // gone already
  CHECK(Must(f.Open()->Versions(Id())) == std::vector<uint64_t>({5, 2}));
  Is(Code::kNotFound, s->Get(Id(), 3));
  LONGS_EQUAL(5, Must(f.Open()->Head(Id())));
  Put(*s, Id(), 5, std::string("6"));
  CHECK(ByteView(Must(s->GetNewest(Id())).bytes) == ByteView(std::string("6")));
}

inline void ListIsInOrderOfId(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  LONGS_EQUAL(0, Must(s->Count()));
  std::set<std::string> expected;
  for (int i = 0; i < 20; ++i) {
    const StateId id = IdOf("s" + std::to_string(i));
    Put(*s, id, 0, std::string("x"));
    if (i % 3 == 0) Put(*s, id, 1, std::string("y"));  // counts once
    expected.insert(id.hex());
  }
  std::vector<std::string> seen;
  Good(f.Open()->List([&](const StateId& id) {
    seen.push_back(id.hex());
    return true;
  }));
  CHECK(seen == std::vector<std::string>(expected.begin(), expected.end()));
  LONGS_EQUAL(20, Must(s->Count()));
  size_t calls = 0;
  Good(s->List([&](const StateId&) { return ++calls < 3; }));
  LONGS_EQUAL(3, calls);
  // From each of them on, and from one that is not there.
  for (size_t i = 0; i < seen.size(); ++i) {
    StateId after;
    CHECK(StateId::Parse(seen[i], &after));
    std::vector<std::string> rest;
    Good(s->ListAfter(after, [&](const StateId& id) {
      rest.push_back(id.hex());
      return true;
    }));
    CHECK(rest == std::vector<std::string>(seen.begin() + static_cast<long>(i) + 1, seen.end()));
  }
  StateId above;
  CHECK(StateId::Parse(std::string(64, 'f'), &above));
  calls = 0;
  Good(s->ListAfter(above, [&](const StateId&) { return ++calls < 3; }));
  LONGS_EQUAL(0, calls);
}

}  // namespace storage_cases
}  // namespace stateward

#endif  // STATEWARD_TESTS_CONFORMANCE_RECORDS_CASES_H_
