// The files of a trail, of which the first line may be half a line.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "admin/audit_files.h"
#include "audit/audit_line.h"
#include "audit/trail_names.h"
#include "unit/admin/admin_fixture.h"

namespace stateward {

TEST_GROUP_BASE(TrailFiles, AdminFixture) {
  std::string dir;
  std::string file;
  SecretBytes key;
  AuditHead head{"0123456789abcdef", 0, {}};

  void setup() override {
    AdminFixture::setup();
    char name[] = "/tmp/stateward-trail-XXXXXX";
    CHECK(mkdtemp(name) != nullptr);
    dir = name;
    file = dir + "/audit.log";
    admin = std::make_unique<AdminService>(
        AdminParts{storage, locker, *kms, gate, *service, clock, rules, UploadRules(), file});
    key = *TrailKey(*admin);
  }
  void teardown() override {
    CHECK(system(("rm -rf " + dir).c_str()) == 0);
    AdminFixture::teardown();
  }
  std::string Line(const std::string& action) {
    AuditEvent event;
    event.time_ms = 1764000000000 + static_cast<int64_t>(head.sequence);
    event.principal = "user:ann";
    event.action = action;
    event.project = "net";
    event.name = "prod";
    event.lock_id = action == "read" ? "" : "a";
    return ChainLine(key, AuditFields(kAuditDone, event), &head);
  }
  static void Write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::trunc) << text;
  }
  // A process was killed in its first write after a rotation, and the next one went on.
  void BeginTorn(const std::string& path, const std::string& action) {
    std::string text = "{\"v\":1,\"chain\":\"0123\n";
    text +=
        ChainLine(key, AuditFields(kAuditTorn, 1764000000000, "no line of the chain", 7), &head);
    text += Line(action);
    Write(path, text);
  }
  std::string Tailed() {
    std::string text;
    for (const Row& row : RowsOf("audit tail", root, {})) {
      text += TextIn("audit tail", row, "seq") + " ";
    }
    return text;
  }
  std::string Faults(Verdict want = Verdict::kDone) {
    std::string text;
    for (const Row& row : RowsOf("audit verify", root, {}, want)) {
      text +=
          TextIn("audit verify", row, "file") + ": " + TextIn("audit verify", row, "what") + "\n";
    }
    return text;
  }
};

TEST(TrailFiles, AFileThatBeginsWithHalfALineIsRead) {
  std::string text = Line("read");
  text += Line("lock");
  Write(file + "-1", text);
  BeginTorn(file + "-2", "force unlock");
  BeginTorn(file, "read");
  STRCMP_EQUAL("1 2 3 4 5 6 ", Tailed().c_str());
  STRCMP_EQUAL("", Faults().c_str());
  Result<Reply> all = Run("audit export", root, {{"format", "json"}});
  CHECK(all.ok());
  const std::string exported(ByteView(all->document).AsString());
  STRCMP_CONTAINS("force unlock", exported.c_str());
  Is(Code::kOk, Put(Doc(1)));
  const std::vector<Row> sessions = RowsOf("lock-history", root, {{"state", "net/prod"}});
  UNSIGNED_LONGS_EQUAL(1, sessions.size());
  STRCMP_EQUAL("forced", TextIn("lock-history", sessions[0], "end").c_str());
}

// The oldest begins with the lowest number that can be read, whatever its name is.
TEST(TrailFiles, TheirOrderIsThatOfTheirLines) {
  BeginTorn(file + ".2", "read");
  BeginTorn(file + ".10", "read");
  BeginTorn(file, "read");
  const std::vector<std::string> want = {file + ".2", file + ".10", file};
  CHECK(want == *TrailFiles(*admin, key, {}));
}

TEST(TrailFiles, AFileWithoutALineIsNamed) {
  Write(file + "-1", "all of it is gone\n");
  Write(file, Line("read"));
  STRCMP_EQUAL((file + "-1: no line of an audit trail\n").c_str(),
               Faults(Verdict::kFoundWrong).c_str());
  STRCMP_EQUAL("1 ", Tailed().c_str());
}

TEST(TrailFiles, WhatLiesNextToThemIsNone) {
  Write(file, Line("read"));
  for (const char* other : {".head", ".hooks", "-1.gz", ".1.xz", "x", "-old.zst"}) {
    Write(file + other, "no line\n");
  }
  CHECK(mkdir((file + ".d").c_str(), 0700) == 0);
  CHECK(std::vector<std::string>{file} == *TrailFiles(*admin, key, {}));
  CHECK(IsTrailName("audit.log", "audit.log-20261126"));
  CHECK(IsTrailName("audit.log", "audit.log.1"));
  CHECK_FALSE(IsTrailName("audit.log", "audit.lo"));
}

}  // namespace stateward
