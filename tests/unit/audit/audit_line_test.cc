#include "audit/audit_line.h"

#include "unit/audit/trail_fixture.h"

namespace stateward {

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
