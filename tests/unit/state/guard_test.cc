#include "state/guard.h"

#include <CppUTest/TestHarness.h>

#include <string>

namespace stateward {
namespace {

constexpr GuardVerdict kA = GuardVerdict::kAppend;
constexpr GuardVerdict kS = GuardVerdict::kSame;
constexpr GuardVerdict kR = GuardVerdict::kRefuse;

Sha256Digest Digest(uint8_t fill) {
  Sha256Digest d;
  d.fill(fill);
  return d;
}

}  // namespace

TEST_GROUP(Guard){};

// newest: kind, serial 5, lineage "L", digest 1. The write: serial, lineage, digest, operation.
TEST(Guard, Table) {
  const struct {
    const char* name;
    RecordKind newest;
    uint64_t serial;
    const char* lineage;
    uint8_t digest;
    const char* operation;
    bool strict;
    GuardVerdict want;
  } rows[] = {
      {"larger serial", RecordKind::kState, 6, "L", 2, "", true, kA},
      {"gap in serials", RecordKind::kState, 9, "L", 2, "", true, kA},
      {"same bytes", RecordKind::kState, 5, "L", 1, "", true, kS},
      {"same serial, other bytes", RecordKind::kState, 5, "L", 2, "", true, kR},
      {"smaller serial", RecordKind::kState, 4, "L", 2, "", true, kR},
      {"other lineage", RecordKind::kState, 6, "M", 2, "", true, kR},
      {"push may go back", RecordKind::kState, 1, "M", 2, "state-push", true, kA},
      {"migration may replace", RecordKind::kState, 1, "M", 2, "migration destination state", true,
       kA},
      {"apply may not", RecordKind::kState, 1, "M", 2, "OperationTypeApply", true, kR},
      {"guard off: smaller serial", RecordKind::kState, 4, "L", 2, "", false, kA},
      {"guard off: other lineage", RecordKind::kState, 4, "M", 2, "", false, kA},
      {"deleted: other lineage", RecordKind::kTombstone, 1, "M", 2, "", true, kA},
      {"deleted: larger serial", RecordKind::kTombstone, 6, "L", 2, "", true, kA},
      {"deleted: same serial", RecordKind::kTombstone, 5, "L", 2, "", true, kR},
      {"deleted: same serial, guard off", RecordKind::kTombstone, 5, "L", 2, "", false, kA},
      {"deleted: push brings it back", RecordKind::kTombstone, 5, "L", 1, "state-push", true, kA},
      {"deleted: apply does not", RecordKind::kTombstone, 5, "L", 1, "OperationTypeApply", true,
       kR},
  };
  for (const auto& row : rows) {
    GuardInput in;
    in.serial = row.serial;
    in.lineage = row.lineage;
    in.sha256 = Digest(row.digest);
    in.operation = row.operation;
    in.strict = row.strict;
    NewestVersion newest;
    newest.info.kind = row.newest;
    newest.info.serial = 5;
    newest.info.lineage = "L";
    newest.info.sha256 = Digest(row.newest == RecordKind::kState ? 1 : 0);
    in.newest = newest;
    CHECK_TEXT(DecideWrite(in).verdict == row.want, row.name);
  }
}

// Whatever else may go back: a write of a lock does not go behind what the same lock wrote.
TEST(Guard, UnderOneLockSerialsRise) {
  GuardInput in;
  in.lineage = "L";
  in.sha256 = Digest(2);
  NewestVersion newest;
  newest.info.kind = RecordKind::kState;
  newest.info.serial = 5;
  newest.info.lineage = "L";
  newest.info.sha256 = Digest(1);
  newest.info.lock_id = "a";
  in.newest = newest;
  for (const bool strict : {true, false}) {
    in.strict = strict;
    in.operation = strict ? "state-push" : "OperationTypeApply";
    in.lock_id = "a";
    in.serial = 4;
    CHECK(DecideWrite(in).refusal == Refusal::kSerialNotLarger);
    in.serial = 5;
    CHECK(DecideWrite(in).verdict == kA);
    in.serial = 4;
    in.lock_id = "b";
    CHECK(DecideWrite(in).verdict == kA);
    in.lineage = "M";
    in.lock_id = "a";
    CHECK(DecideWrite(in).verdict == kA);
    in.lineage = "L";
  }
}

TEST(Guard, FirstVersionIsFree) {
  GuardInput in;
  in.lineage = "x";
  CHECK(DecideWrite(in).verdict == kA);
}

TEST(Guard, TheOriginalsBytesAreWrittenAnew) {
  GuardInput in;
  in.serial = 5;
  in.lineage = "L";
  in.sha256 = Digest(1);
  NewestVersion newest;
  newest.legacy = true;
  newest.info.serial = 5;
  newest.info.lineage = "L";
  newest.info.sha256 = Digest(1);
  in.newest = newest;
  CHECK(DecideWrite(in).verdict == kA);
  in.sha256 = Digest(2);
  CHECK(DecideWrite(in).verdict == kR);
}

}  // namespace stateward
