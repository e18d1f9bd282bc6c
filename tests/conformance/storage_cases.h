// Every Storage must pass every case of its parts. A test group supplies `fixture`, made again for
// each test:
//   TEST_GROUP(FsConforms) { MyStorageFixture fixture; };
//   STORAGE_CONFORMS(FsConforms)
#ifndef STATEWARD_TESTS_CONFORMANCE_STORAGE_CASES_H_
#define STATEWARD_TESTS_CONFORMANCE_STORAGE_CASES_H_

#include "conformance/caches_cases.h"
#include "conformance/identity_file_cases.h"
#include "conformance/kept_uploads_cases.h"
#include "conformance/leases_cases.h"
#include "conformance/name_claims_cases.h"
#include "conformance/records_cases.h"
#include "conformance/store_copy_cases.h"

#define IDENTITY_FILE_CASES(X, G)         \
  X(G, WithoutIdentityNothingIsSaid)      \
  X(G, IdentityComesBack)                 \
  X(G, IdentityIsMadeOnce)                \
  X(G, IdentityIsMadeByOneOfMany)         \
  X(G, RelockExchangesTheLockServiceOnly) \
  X(G, AFormatThatIsNotKnownIsAnOutage)   \
  X(G, SecretIsExchangedUnderWork)        \
  X(G, IdentityIsRefusedAmongRecords)     \
  X(G, IdentityIsRefusedAmongStrangers)   \
  X(G, NoticesAreTheLastOfEach)
#define RECORDS_CASES(X, G)        \
  X(G, AbsenceIsSaid)              \
  X(G, RecordsComeBackByteForByte) \
  X(G, PrefixIsTheStart)           \
  X(G, FrontsAreThoseOfTheNewest)  \
  X(G, EndsAreThoseOfAPrefix)      \
  X(G, AppendComparesTheHead)      \
  X(G, OneOfManyAppends)           \
  X(G, NumbersHaveNoGaps)          \
  X(G, HeadIsNeverStale)           \
  X(G, StatesDoNotMix)             \
  X(G, ReplaceComparesTheBytes)    \
  X(G, PruneNeverTakesTheNewest)   \
  X(G, ListIsInOrderOfId)
#define KEPT_UPLOADS_CASES(X, G)                  \
  X(G, UploadsAreKeptOnce)                        \
  X(G, UploadsOfOnePrincipalAreListedOldestFirst) \
  X(G, UploadsAreKeptByManyAtOnce)                \
  X(G, UploadsAreExchanged)                       \
  X(G, ALaterUploadOfTheSameContentStays)         \
  X(G, UploadsAreRemoved)
#define NAME_CLAIMS_CASES(X, G) \
  X(G, LegacyBlobsAreRead)      \
  X(G, LegacyBlobsAreListed)    \
  X(G, LegacyIdsAreClaimedOnce)

#define LEASES_CASES(X, G)            \
  X(G, LeasesAreComparedAndExchanged) \
  X(G, ALeaseIsExchangedByOneOfMany)

#define CACHES_CASES(X, G) X(G, CacheEntriesAreTheLastOfEach)

#define STORE_COPY_CASES(X, G)              \
  X(G, IntoAnOpenStoreNothingIsPut)         \
  X(G, AClosedStoreTakesRecordsOfAnyNumber) \
  X(G, NothingFollowsTheLastNumber)         \
  X(G, AClosedStoreTakesBlobs)              \
  X(G, EachClaimIsTold)

#define STORAGE_TEST_(G, name) \
  TEST(G, name) { ::stateward::storage_cases::name(fixture); }
#define STORAGE_CONFORMS(G)             \
  IDENTITY_FILE_CASES(STORAGE_TEST_, G) \
  RECORDS_CASES(STORAGE_TEST_, G)       \
  KEPT_UPLOADS_CASES(STORAGE_TEST_, G)  \
  NAME_CLAIMS_CASES(STORAGE_TEST_, G)   \
  LEASES_CASES(STORAGE_TEST_, G)        \
  CACHES_CASES(STORAGE_TEST_, G)        \
  STORE_COPY_CASES(STORAGE_TEST_, G)

#endif  // STATEWARD_TESTS_CONFORMANCE_STORAGE_CASES_H_
