// The lines of a trail whose files are renamed while nobody takes them.
#include "hooks/trail_cursor.h"

#include <CppUTest/TestHarness.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "audit/audit_line.h"

namespace stateward {

TEST_GROUP(TrailCursor) {
  std::string dir;
  std::string trail;
  SecretBytes key = AuditKey(std::string("a secret of the store"));
  AuditHead written{"0123456789abcdef", 0, {}};
  std::string taken;
  bool refuse = false;

  void setup() override {
    char name[] = "/tmp/stateward-cursor-XXXXXX";
    CHECK(mkdtemp(name) != nullptr);
    dir = name;
    trail = dir + "/audit.log";
    Append(1);
  }
  void teardown() override { CHECK(system(("rm -rf " + dir).c_str()) == 0); }
  void AppendText(const std::string& text) {
    FILE* file = fopen(trail.c_str(), "a");
    CHECK(file != nullptr && fputs(text.c_str(), file) >= 0 && fclose(file) == 0);
  }
  static std::string NextLine(ByteView with, AuditHead * head) {
    AuditEvent event;
    event.action = "read";
    return ChainLine(with, AuditFields(kAuditDone, event), head);
  }
  void Append(int lines) {
    for (; lines > 0; --lines) AppendText(NextLine(key, &written));
  }
  bool Load(TrailCursor * cursor) {
    cursor->SetKey(key);
    return cursor->Load().ok();
  }
  // As logrotate names them: the oldest has the largest number.
  void Rotate() {
    for (int n = 8; n >= 1; --n) {
      const std::string from = n == 1 ? trail : trail + "." + std::to_string(n - 1);
      (void)rename(from.c_str(), (trail + "." + std::to_string(n)).c_str());
    }
  }
  // The numbers of the lines that were taken, with what was missing before each in brackets.
  std::string Advance(TrailCursor * cursor, size_t most = 100) {
    taken.clear();
    bool more = false;
    const Status status = cursor->Advance(
        most,
        [this](const AuditLine& line, uint64_t missing) {
          if (refuse) return Status::Unavailable("the receiver is down");
          if (missing > 0) taken += "(" + std::to_string(missing) + ")";
          taken += std::to_string(line.head.sequence) + " ";
          return Status();
        },
        &more);
    CHECK(status.ok() == !refuse);
    CHECK(cursor->Save().ok());
    return taken;
  }
};

TEST(TrailCursor, NoLineIsLostByRotations) {
  TrailCursor cursor(PosixDisk(), trail);
  CHECK(Load(&cursor));
  Append(1);
  STRCMP_EQUAL("2 ", Advance(&cursor).c_str());
  Append(1);
  refuse = true;
  for (int i = 0; i < 4; ++i) {
    Advance(&cursor);
    Rotate();
    Append(2);
  }
  refuse = false;
  TrailCursor next(PosixDisk(), trail);  // of a process that begins
  CHECK(Load(&next));
  STRCMP_EQUAL("3 4 5 6 ", Advance(&next, 4).c_str());
  Rotate();
  Append(1);
  STRCMP_EQUAL("7 8 9 10 11 12 ", Advance(&next).c_str());
  STRCMP_EQUAL("", Advance(&next).c_str());
}

TEST(TrailCursor, WhatWasDeletedIsCounted) {
  TrailCursor cursor(PosixDisk(), trail);
  CHECK(Load(&cursor));
  Append(1);
  STRCMP_EQUAL("2 ", Advance(&cursor).c_str());
  Append(3);
  for (int i = 0; i < 2; ++i) {
    Rotate();
    Append(2);
  }
  CHECK(unlink((trail + ".2").c_str()) == 0);
  STRCMP_EQUAL("(3)6 7 8 9 ", Advance(&cursor).c_str());
}

// Somebody may write to the file who has no key.
TEST(TrailCursor, ALineThatNoServerWroteMovesNothing) {
  TrailCursor cursor(PosixDisk(), trail);
  CHECK(Load(&cursor));
  Append(1);
  STRCMP_EQUAL("2 ", Advance(&cursor).c_str());
  const uint64_t at = std::filesystem::file_size(trail);
  AuditHead forged = written;
  forged.sequence = uint64_t{1} << 60;
  std::string line = NextLine(key, &forged);
  line.replace(line.size() - 67, 64, std::string(64, '0'));
  AppendText(line);
  AppendText(NextLine(AuditKey(std::string("another")), &forged));
  AppendText("{\"chain\":\"0123456789abcdef\",\"seq\":3,\"event\":\"done\"}\n\n");
  AppendText(std::string(3 * kMaxAuditLine, 'x') + "\n");
  STRCMP_EQUAL("", Advance(&cursor).c_str());
  Append(2);
  STRCMP_EQUAL("3 4 ", Advance(&cursor).c_str());
  const TrailCursor::Passed passed = cursor.TakePassed();
  UNSIGNED_LONGS_EQUAL(5, passed.lines);
  STRCMP_EQUAL("audit.log", passed.file.c_str());
  UNSIGNED_LONGS_EQUAL(at, passed.at);
  UNSIGNED_LONGS_EQUAL(0, cursor.TakePassed().lines);
  STRCMP_EQUAL("", Advance(&cursor).c_str());
  TrailCursor next(PosixDisk(), trail);
  CHECK(Load(&next));
  Append(1);
  STRCMP_EQUAL("5 ", Advance(&next).c_str());
}

// A line that was changed is one that is not there any more.
TEST(TrailCursor, WhatWasChangedIsCounted) {
  TrailCursor cursor(PosixDisk(), trail);
  CHECK(Load(&cursor));
  std::string line = NextLine(key, &written);
  line.replace(line.find("read"), 4, "lock");
  AppendText(line);
  Append(1);
  STRCMP_EQUAL("3 ", Advance(&cursor).c_str());  // nothing is known of what was before
  line = NextLine(key, &written);
  line.replace(line.find("read"), 4, "lock");
  AppendText(line);
  Append(1);
  STRCMP_EQUAL("(1)5 ", Advance(&cursor).c_str());
}

// A process was killed in the middle of a line, and the cursor stood in front of it.
TEST(TrailCursor, HalfALineHoldsNobodyUp) {
  TrailCursor cursor(PosixDisk(), trail);
  CHECK(Load(&cursor));
  Append(9);
  STRCMP_EQUAL("2 3 4 5 6 7 8 9 10 ", Advance(&cursor).c_str());
  AppendText("{\"v\":1,\"chain\":");
  STRCMP_EQUAL("", Advance(&cursor).c_str());
  AppendText("\n");
  Append(2);
  std::string all;
  for (int i = 0; i < 20; ++i) all += Advance(&cursor, 4);
  STRCMP_EQUAL("11 12 ", all.c_str());
}

// The same behind a gap: the file is read once more from its front, in as many calls as it takes.
TEST(TrailCursor, AGapHoldsNobodyUp) {
  TrailCursor cursor(PosixDisk(), trail);
  CHECK(Load(&cursor));
  Append(9);
  STRCMP_EQUAL("2 3 4 5 6 7 8 9 10 ", Advance(&cursor).c_str());
  (void)NextLine(key, &written);
  Append(2);
  std::string all;
  for (int i = 0; i < 20; ++i) all += Advance(&cursor, 4);
  STRCMP_EQUAL("(1)12 13 ", all.c_str());
}

TEST(TrailCursor, AFileThatBeginsWithHalfALineIsFound) {
  TrailCursor cursor(PosixDisk(), trail);
  CHECK(Load(&cursor));
  Append(1);
  STRCMP_EQUAL("2 ", Advance(&cursor).c_str());
  for (int i = 0; i < 2; ++i) {
    Rotate();
    AppendText("{\"v\":1,\"chain\":\n");
    Append(2);
  }
  CHECK(unlink((trail + ".2").c_str()) == 0);  // the one that the cursor stood in
  STRCMP_EQUAL("3 4 5 6 ", Advance(&cursor).c_str());
}

}  // namespace stateward
