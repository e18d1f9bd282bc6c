// Takes one state over from elsewhere: lineage and serial stay, and all versions that the source
// has come along, in order and with their times.
//
// Done under the state's lock here and, where there is one, its lock there. Nobody ever reads a
// part (moving/placed_versions.h). On a name that is in use only what continues it is put. What a
// run that was killed has done already is found and gone on from.
//
// Thread-safe for different states. What it is given must outlive it.
#ifndef STATEWARD_MOVING_IMPORTER_H_
#define STATEWARD_MOVING_IMPORTER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "document/document_parts.h"
#include "history/history.h"
#include "moving/placed_versions.h"
#include "moving/source.h"
#include "state/state_service.h"
#include "stateward/audit.h"

namespace stateward {

struct ImportParts {
  Storage& storage;
  Locker& locker;
  Kms& kms;
  StateService& states;
  const Clock& clock;
  std::string store_id;
  std::string who;              // who runs it, for the trail and the versions' notes
  AuditTrail* trail = nullptr;  // nullptr: there is no trail
};

// What is, or would be, imported.
struct Imported {
  VersionInfo newest;       // serial, lineage, size, SHA-256 of the source's newest version
  DocumentCounts counts;    // of its document
  uint64_t versions = 0;    // that the source has
  uint64_t added = 0;       // that came, or would come; 0: they are there already
  uint64_t unreadable = 0;  // older ones that are no states, and stay behind
  SourceLock source_lock = SourceLock::kNone;
};

class Importer {
 public:
  explicit Importer(ImportParts parts);

  // What Import would do, without a change. kConflict: it would refuse, and why.
  Result<Imported> Look(Source& source, const SourceState& state, const StateKey& to) const;
  // kLocked: at the source. kConflict: as Look; locked here; somebody wrote meanwhile.
  Result<Imported> Import(Source& source, const SourceState& state, const StateKey& to) const;

 private:
  class Run;

  const ImportParts parts_;
  const std::string lock_id_;
};

}  // namespace stateward

#endif  // STATEWARD_MOVING_IMPORTER_H_
