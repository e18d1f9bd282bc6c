#include "audit/audit_line.h"

#include <random>

#include "unit/audit/trail_fixture.h"

namespace stateward {

namespace {

// What a client, a token or a web server may send, and what cannot come in today as well.
class AnyText {
 public:
  explicit AnyText(unsigned seed) : random_(seed) {}
  size_t Below(size_t n) { return random_() % n; }
  std::string Next() {
    static const std::string kPieces[] = {std::string(1, '\0'),
                                          "\x01",
                                          "\n",
                                          "\"",
                                          "\\",
                                          "\\u0000",
                                          "\x7f",
                                          "\xc2\x9b",
                                          "\xff",
                                          "\xc3",
                                          "\xed\xa0\x80",
                                          "\xf4\x90\x80\x80",
                                          "\xe2\x84\xaa",
                                          "K",
                                          "k",
                                          "plain",
                                          "\xf0\x9f\x98\x80"};
    std::string text;
    const size_t pieces = size_t{1} << Below(10);
    const bool one = Below(2) == 0;
    const size_t first = Below(std::size(kPieces));
    for (size_t i = Below(4); i < pieces; ++i) {
      text += kPieces[one ? first : Below(std::size(kPieces))];
      if (Below(8) == 0) text.push_back(static_cast<char>(Below(256)));
    }
    return text;
  }

 private:
  std::mt19937 random_;
};

AuditEvent AnyEvent(AnyText* any) {
  AuditEvent event;
  event.time_ms = static_cast<int64_t>(any->Below(size_t{1} << 50));
  for (std::string* text :
       {&event.request_id, &event.traceparent, &event.principal, &event.identity.way,
        &event.identity.issuer, &event.identity.rule, &event.address, &event.action, &event.project,
        &event.name, &event.tenant, &event.lock_id, &event.upload, &event.reason}) {
    if (any->Below(3) > 0) *text = any->Next();
  }
  for (size_t i = any->Below(40); i > 0; --i) {
    event.identity.claims.emplace_back(any->Next(), any->Next());
  }
  event.facts.before = AuditVersion{any->Below(9), UINT64_MAX};
  event.left_out = any->Below(2);
  event.status = static_cast<int>(any->Below(600));
  return event;
}

}  // namespace

TEST_GROUP(AuditLine) { TrailFixture trail; };

TEST(AuditLine, SaysWhatTheEventHas) {
  AuditEvent event = TrailFixture::Event("write");
  event.request_id = "r1";
  event.identity = {"token", "https://ci.example", {{"ref", "refs/heads/main"}}, "deploy"};
  event.facts.before = AuditVersion{4, 41};
  event.facts.after = AuditVersion{5, 42};
  event.facts.resources = 7;
  event.status = 200;
  event.intent = 9;
  event.tenant = std::string(64, 'e');
  AuditHead head{"0123456789abcdef", 9, {}};
  const std::string line = ChainLine(trail.key, AuditFields(kAuditDone, event), &head);
  STRCMP_CONTAINS(R"("seq":10,"prev":"0000)", line.c_str());
  STRCMP_CONTAINS(
      R"("time":"2025-11-24T16:00:00.123Z","event":"done","intent":9,"request_id":"r1",)"
      R"("principal":"user:alice","way":"token","issuer":"https://ci.example",)"
      R"("claims":{"ref":"refs/heads/main"},"rule":"deploy","action":"write","state":"net/prod",)"
      R"("namespace":"eeeeeeeeeeeeeeee",)"
      R"("version_before":4,"serial_before":41,"version_after":5,"serial_after":42,)"
      R"("resources":7,"status":200,"result":"done","mac":")",
      line.c_str());
  const AuditLine read = trail.Parse(line.substr(0, line.size() - 1));
  UNSIGNED_LONGS_EQUAL(10, read.head.sequence);
  CHECK(read.head.mac == head.mac);
}

TEST(AuditLine, TextOfOthersCannotLeaveItsPlace) {
  AuditEvent event = TrailFixture::Event("read");
  event.principal = "user:\"}\n{\"v\":1";
  event.reason = std::string(5000, 'x');
  AuditHead head{"0123456789abcdef", 0, {}};
  std::string line = ChainLine(trail.key, AuditFields(kAuditDone, event), &head);
  LONGS_EQUAL(line.size() - 1, line.find('\n'));
  CHECK(line.size() < 1500);
  line.pop_back();
  STRCMP_EQUAL(event.principal.c_str(), trail.Parse(line).json.String("principal")->c_str());
}

// A line that cannot be read is a line that is missing, for ever.
TEST(AuditLine, WhatIsWrittenCanBeRead) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    AnyText any(seed);
    const AuditEvent event = AnyEvent(&any);
    const std::string about = any.Next();
    AuditHead head{"0123456789abcdef", UINT64_MAX - 5, {}};
    for (const std::string& fields :
         {AuditFields(kAuditDone, event), AuditFields(kAuditIntends, event),
          AuditFields(kAuditFlood, event), AuditFields(kAuditTorn, event.time_ms, about, 3)}) {
      std::string line = ChainLine(trail.key, fields, &head);
      line.pop_back();
      LONGS_EQUAL(line.npos, line.find('\n'));
      CHECK_TEXT(ReadAuditLine(trail.key, line).ok(), line.c_str());
    }
  }
}

TEST(AuditLine, ANulOfSomebodyIsShownAsNoCharacter) {
  AuditEvent event = TrailFixture::Event("list");
  event.reason = std::string("there is no parameter \"a\0b\" here", 32);
  AuditHead head{"0123456789abcdef", 0, {}};
  std::string line = ChainLine(trail.key, AuditFields(kAuditDone, event), &head);
  line.pop_back();
  STRCMP_EQUAL(
      "there is no parameter \"a\xEF\xBF\xBD"
      "b\" here",
      trail.Parse(line).json.String("reason")->c_str());
}

// Two claims whose names differ in case alone are one to a reader that ignores it.
TEST(AuditLine, OfClaimsThatAreOneTheFirstIsWritten) {
  AuditEvent event = TrailFixture::Event("read");
  const std::string name(200, 'n');
  event.identity.claims = {{"sub", "a"}, {"Sub", "b"}, {name + "1", "c"}, {name + "2", "d"}};
  AuditHead head{"0123456789abcdef", 0, {}};
  std::string line = ChainLine(trail.key, AuditFields(kAuditDone, event), &head);
  line.pop_back();
  const std::optional<JsonObject> claims = trail.Parse(line).json.Object("claims");
  STRCMP_EQUAL("a", claims->String("sub")->c_str());
  STRCMP_EQUAL("c", claims->String(name.substr(0, 128))->c_str());
  UNSIGNED_LONGS_EQUAL(2, claims->Names().size());
}

// A control character is six bytes of JSON.
TEST(AuditLine, ALineIsNeverTooLongToBeRead) {
  AuditEvent event = TrailFixture::Event("write");
  for (const std::string& text : {std::string(2000, '\x01'), std::string(2000, 'x')}) {
    event.principal = event.request_id = event.traceparent = event.address = event.reason = text;
    event.identity = {"token", text, {}, text};
    for (int i = 0; i < 40; ++i) event.identity.claims.emplace_back(std::to_string(i) + text, text);
    for (const std::string_view kind : {kAuditIntends, kAuditDone}) {
      AuditHead head{"0123456789abcdef", UINT64_MAX - 1, {}};
      std::string line = ChainLine(trail.key, AuditFields(kind, event), &head);
      CHECK_TEXT(line.size() <= kMaxAuditLine, std::to_string(line.size()).c_str());
      line.pop_back();
      const AuditLine read = trail.Parse(line);
      STRCMP_EQUAL((event.project + "/" + event.name).c_str(), read.json.String("state")->c_str());
      CHECK(read.json.String("principal")->size() >= 32);
    }
  }
}

TEST(AuditLine, EveryByteCounts) {
  AuditHead head{"0123456789abcdef", 0, {}};
  std::string line =
      ChainLine(trail.key, AuditFields(kAuditDone, TrailFixture::Event("read")), &head);
  line.pop_back();
  for (size_t i = 0; i < line.size(); ++i) {
    std::string changed = line;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK_FALSE(ReadAuditLine(trail.key, changed).ok());
  }
  CHECK_FALSE(ReadAuditLine(AuditKey(std::string("another")), line).ok());
}

}  // namespace stateward
