#include "audit/trail_verifier.h"

#include <algorithm>

#include "unit/audit/trail_fixture.h"

namespace stateward {

TEST_GROUP(TrailVerifier) {
  TrailFixture trail;
  std::vector<std::string> lines;
  AuditHead head{"0123456789abcdef", 0, {}};

  void Add(const std::string& fields) {
    lines.push_back(ChainLine(trail.key, fields, &head));
    lines.back().pop_back();
  }
  AuditHead Intend() {
    Add(AuditFields(kAuditIntends, TrailFixture::Event("write")));
    return head;
  }
  void setup() override {
    for (int i = 0; i < 1000; ++i) Add(AuditFields(kAuditDone, TrailFixture::Event("read")));
  }
  // The lines around one, as a file of a rotated trail has them: the whole trail for each line
  // would take minutes under a sanitizer. `index` becomes the line's place in it.
  std::vector<std::string> Around(size_t * index) {
    const size_t from = *index < 20 ? 0 : *index - 20;
    const size_t to = std::min(*index + 20, lines.size());
    *index -= from;
    return {lines.begin() + static_cast<long>(from), lines.begin() + static_cast<long>(to)};
  }
  // Two lines change places: the first of them, or the one after it, is named.
  void Moved(std::vector<std::string> of, size_t a, size_t b) {
    std::swap(of[a], of[b]);
    const TrailReport report = trail.Verify(of);
    CHECK(report.fault_count > 0);
    CHECK(report.faults[0].line <= std::min(a, b) + 2);
  }
  void OneFault(const std::vector<std::string>& of, size_t index, const char* what) {
    const TrailReport report = trail.Verify(of);
    UNSIGNED_LONGS_EQUAL(1, report.fault_count);
    UNSIGNED_LONGS_EQUAL(index + 1, report.faults[0].line);
    STRCMP_CONTAINS(what, report.faults[0].what.c_str());
  }
};

TEST(TrailVerifier, AWholeTrailHasNoFault) {
  const TrailReport report = trail.Verify(lines);
  UNSIGNED_LONGS_EQUAL(0, report.fault_count);
  UNSIGNED_LONGS_EQUAL(1000, report.chains.at("0123456789abcdef").lines);
}

TEST(TrailVerifier, EachEditedLineIsNamed) {
  for (size_t i = 0; i < lines.size(); ++i) {
    size_t at = i;
    std::vector<std::string> changed = Around(&at);
    changed[at].replace(changed[at].find("alice"), 5, "malic");
    OneFault(changed, at, "changed");
  }
}

TEST(TrailVerifier, EachRemovedLineIsNamed) {
  for (size_t i = 1; i + 1 < lines.size(); ++i) {
    size_t at = i;
    std::vector<std::string> changed = Around(&at);
    changed.erase(changed.begin() + static_cast<long>(at));
    OneFault(changed, at, ("line " + std::to_string(i + 1) + " of the chain is missing").c_str());
  }
}

TEST(TrailVerifier, EachMovedLineIsFound) {
  for (size_t i = 0; i + 1 < lines.size(); ++i) {
    size_t at = i;
    const std::vector<std::string> around = Around(&at);
    Moved(around, at, at == 0 ? around.size() - 1 : 0);
    Moved(around, at, at + 1 < around.size() ? at + 1 : at - 1);
  }
  for (size_t i = 0; i < lines.size(); i += 50) Moved(lines, i, (i + 500) % lines.size());
}

TEST(TrailVerifier, ACutEndIsFoundUpToAHeadThatIsKnown) {
  const std::string text = lines[899];
  const AuditHead known = trail.Parse(text).head;
  for (size_t kept : {size_t{1}, size_t{500}, size_t{899}}) {
    std::vector<std::string> cut(lines.begin(), lines.begin() + static_cast<long>(kept));
    const TrailReport report = trail.Verify(cut, {{known, true, "record 3 of net/prod", ""}});
    UNSIGNED_LONGS_EQUAL(1, report.fault_count);
    STRCMP_CONTAINS("the end is cut off: record 3 of net/prod", report.faults[0].what.c_str());
  }
  lines.resize(900);
  UNSIGNED_LONGS_EQUAL(0, trail.Verify(lines, {{known, true, "r", ""}}).fault_count);
}

TEST(TrailVerifier, AnEndThatWasWrittenAgainIsFound) {
  const AuditHead known = trail.Parse(lines[999]).head;
  lines.resize(999);
  head = trail.Parse(lines[998]).head;
  Add(AuditFields(kAuditDone, TrailFixture::Event("delete")));
  const TrailReport report = trail.Verify(lines, {{known, true, "record 3 of net/prod", ""}});
  UNSIGNED_LONGS_EQUAL(1, report.fault_count);
  STRCMP_CONTAINS("another line than", report.faults[0].what.c_str());
}

TEST(TrailVerifier, IntentsWithoutAnEndArePairedWithTheStore) {
  const AuditHead done = Intend();
  AuditEvent event = TrailFixture::Event("write");
  event.intent = done.sequence;
  Add(AuditFields(kAuditDone, event));
  const AuditHead killed = Intend();
  const AuditHead nothing = Intend();
  const TrailReport report = trail.Verify(
      lines, {{done, true, "record 1", "net/prod"}, {killed, true, "record 2", "net/prod"}});
  UNSIGNED_LONGS_EQUAL(0, report.fault_count);
  UNSIGNED_LONGS_EQUAL(2, report.open.size());
  STRCMP_EQUAL("record 2", report.open[0].took_effect.c_str());
  UNSIGNED_LONGS_EQUAL(nothing.sequence, report.open[1].head.sequence);
  STRCMP_EQUAL("", report.open[1].took_effect.c_str());
  UNSIGNED_LONGS_EQUAL(2, report.known_checked);
}

TEST(TrailVerifier, ARecordOfAnotherStateIsNotWhatWasIntended) {
  const AuditHead intent = Intend();
  const TrailReport report =
      trail.Verify(lines, {{intent, true, "record 1 of net/dev", "net/dev"}});
  UNSIGNED_LONGS_EQUAL(0, report.fault_count);
  STRCMP_EQUAL("", report.open[0].took_effect.c_str());
}

TEST(TrailVerifier, WhatIsNoLineIsExcusedWhenTheNextOneTellsOfIt) {
  lines.push_back("half a li");
  UNSIGNED_LONGS_EQUAL(1, trail.Verify(lines).fault_count);
  Add(AuditFields(kAuditTorn, 0, "torn", 9));
  UNSIGNED_LONGS_EQUAL(0, trail.Verify(lines).fault_count);
}

}  // namespace stateward
