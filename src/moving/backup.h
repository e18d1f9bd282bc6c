// A backup: one tar file with everything of a store, as it lies there. Sealed records stay sealed;
// who has the file needs the keys.
//
// Its names are those of the fs storage (docs/formats.md, "Store layout"); `backup` comes first and
// names it, `identity` is the identity file under another name, so that nobody unpacks a live store
// by mistake, and `manifest` comes last: a line for each file, as sha256sum writes it. One that
// ends before it, or has a name twice, is no backup.
//
// Each state is as it was at one moment while the backup was made. What is given must outlive the
// calls.
#ifndef STATEWARD_MOVING_BACKUP_H_
#define STATEWARD_MOVING_BACKUP_H_

#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>

#include "stateward/clock.h"
#include "stateward/kms.h"
#include "stateward/result.h"
#include "stateward/storage.h"

namespace stateward {

struct BackupCounts {
  uint64_t states = 0;
  uint64_t records = 0;
  uint64_t uploads = 0;
  uint64_t claims = 0;
  uint64_t blobs = 0;  // of terraform-backend
  uint64_t bad = 0;    // that do not open
};

using BackupProgress = std::function<void(uint64_t done, uint64_t total)>;

// kConflict: a state was moved meanwhile, and its new address was read too early. `kms` opens
// the fronts of small newest records, any of which may be a forwarding record.
Result<BackupCounts> WriteBackup(Storage& from, Kms& kms, const Clock& clock, FILE* to,
                                 const BackupProgress& progress);

// Reads all of it: digests, and opens everything with `kms`; nothing is left anywhere. `bad`: told
// of each that does not open. kCorruption: it is not whole.
Result<BackupCounts> VerifyBackup(FILE* from, Kms& kms,
                                  const std::function<void(const std::string&)>& bad);

enum class RestoreAs : uint8_t {
  kOldIdentity,  // records as they are. The old store must never be served again
  kNewIdentity,  // another store with the same states: everything is sealed again
};
// Makes a closed store of it in a place that is empty, or in which a restore of the same backup was
// killed; `from` can be read twice. The first reading proves that it is whole. Every record is
// opened, also where it keeps its seal. A record that `kms` does not open is put there as it is,
// and `bad` is told of it: it is damaged there as it was in the store. kConflict: the place holds
// something else.
Result<BackupCounts> RestoreBackup(FILE* from, Kms& kms, Storage& to, RestoreAs as,
                                   const std::function<void(const std::string&)>& bad);

}  // namespace stateward

#endif  // STATEWARD_MOVING_BACKUP_H_
