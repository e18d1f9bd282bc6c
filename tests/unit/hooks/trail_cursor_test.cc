// The lines of a trail whose files are renamed while nobody takes them.
#include "hooks/trail_cursor.h"

#include <CppUTest/TestHarness.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace stateward {

TEST_GROUP(TrailCursor) {
  std::string dir;
  std::string trail;
  uint64_t written = 0;
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
  void Append(int lines) {
    FILE* file = fopen(trail.c_str(), "a");
    CHECK(file != nullptr);
    for (; lines > 0; --lines) {
      fprintf(file, "{\"chain\":\"c\",\"seq\":%d}\n", static_cast<int>(++written));
    }
    CHECK(fclose(file) == 0);
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
        [this](const JsonObject& line, uint64_t missing) {
          if (refuse) return Status::Unavailable("the receiver is down");
          if (missing > 0) taken += "(" + std::to_string(missing) + ")";
          taken += std::to_string(*line.Uint("seq")) + " ";
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
  CHECK(cursor.Load().ok());
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
  CHECK(next.Load().ok());
  STRCMP_EQUAL("3 4 5 6 ", Advance(&next, 4).c_str());
  Rotate();
  Append(1);
  STRCMP_EQUAL("7 8 9 10 11 12 ", Advance(&next).c_str());
  STRCMP_EQUAL("", Advance(&next).c_str());
}

TEST(TrailCursor, WhatWasDeletedIsCounted) {
  TrailCursor cursor(PosixDisk(), trail);
  CHECK(cursor.Load().ok());
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

}  // namespace stateward
