// Every Storage must pass every case. A test group supplies `fixture`, made again for each test:
//   TEST_GROUP(FsConforms) { MyStorageFixture fixture; };
//   STORAGE_CONFORMS(FsConforms)
//   STORAGE_CONFORMS_CLOCK(FsConforms)   where the age of what is in quarantine is the fixture's
#ifndef STATEWARD_TESTS_CONFORMANCE_STORAGE_CASES_H_
#define STATEWARD_TESTS_CONFORMANCE_STORAGE_CASES_H_

#include "conformance/storage_aside_cases.h"
#include "conformance/storage_record_cases.h"

#define STORAGE_CASES(X, G)               \
  X(G, WithoutMarkerNothingIsSaid)        \
  X(G, MarkerComesBack)                   \
  X(G, MarkerIsMadeOnce)                  \
  X(G, MarkerIsMadeByOneOfMany)           \
  X(G, RelockExchangesTheLockServiceOnly) \
  X(G, SecretIsExchangedUnderWork)        \
  X(G, MarkerIsRefusedAmongRecords)       \
  X(G, MarkerIsRefusedAmongStrangers)     \
  X(G, AbsenceIsSaid)                     \
  X(G, RecordsComeBackByteForByte)        \
  X(G, PrefixIsTheStart)                  \
  X(G, AppendComparesTheHead)             \
  X(G, OneOfManyAppends)                  \
  X(G, NumbersHaveNoGaps)                 \
  X(G, HeadIsNeverStale)                  \
  X(G, StatesDoNotMix)                    \
  X(G, ReplaceComparesTheBytes)           \
  X(G, PruneNeverTakesTheNewest)          \
  X(G, ListIsInOrderOfId)                 \
  X(G, QuarantineKeepsEachUploadOnce)     \
  X(G, QuarantineEntriesAreExchanged)     \
  X(G, QuarantineIsBoundedPerPrincipal)   \
  X(G, NoticesAreTheLastOfEach)           \
  X(G, LegacyBlobsAreRead)                \
  X(G, LegacyBlobsAreListed)              \
  X(G, LegacyIdsAreClaimedOnce)
#define STORAGE_TEST_(G, name) \
  TEST(G, name) { ::stateward::storage_cases::name(fixture); }
#define STORAGE_CONFORMS(G) STORAGE_CASES(STORAGE_TEST_, G)
#define STORAGE_CONFORMS_CLOCK(G) STORAGE_TEST_(G, QuarantineEvictsNothingYoung)

#endif  // STATEWARD_TESTS_CONFORMANCE_STORAGE_CASES_H_
