// Gives one state of the original's basic auth to identified users, with its history.
//
// Done under the locks of both names, so that nobody writes meanwhile. Nobody ever sees a half: the
// newest version is made in one step, in front of places that are kept free for the older ones and
// look like nothing (no-op records); these are filled in afterwards, and only then the old name is
// told. What a run that was killed has done already is found and gone on from; its locks are taken
// over.
//
// Thread-safe for different states. What it is given must outlive it.
#ifndef STATEWARD_CLI_ADOPTER_H_
#define STATEWARD_CLI_ADOPTER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/app.h"
#include "state/legacy.h"
#include "state/state_service.h"
#include "state/tenant_index.h"

namespace stateward {

inline constexpr char kAdoptPrincipal[] = "statewardctl adopt";

struct Adopted {
  uint64_t versions = 0;
  uint64_t damaged = 0;  // older ones that cannot be read, and stay behind
  VersionInfo newest;    // of a blob of the original: what its document says
};

class Adopter {
 public:
  Adopter(Backends& backends, std::string store_id, StateService& states, const Clock& clock);

  // `from`: of the namespace with the original's ids; or, without a tenant, of a blob that lies
  // under its name alone, which becomes an ordinary state.
  // kNotFound: nothing is there (deleted, adopted already). kConflict: with the reason. Others: as
  // the backends.
  Result<Adopted> Adopt(const Grant& from);
  // What Adopt would find, without a change.
  Result<Adopted> Look(const Grant& from);
  // Frees the locks that a killed run left on a state that was adopted to the end.
  Status FreeLeftLocks(const Grant& from);

 private:
  struct Version {
    uint64_t n = 0;
    VersionInfo info;
  };
  // What lies under the old name.
  struct Old {
    std::vector<Version> versions;        // real ones, newest first
    std::optional<LegacyState> document;  // when there are none: the original's
    uint64_t damaged = 0;
    uint64_t count() const { return document ? 1 : versions.size(); }
  };
  // What stands at the top under the new name.
  struct Top {
    uint64_t head = 0;
    uint64_t places = 0;  // at the top, kept free by an earlier run
    std::optional<Version> real;
  };
  class Locks;

  Result<Old> LoadOld(const Grant& from);
  Result<Top> LoadTop(const StateId& id);
  Result<Adopted> Describe(const Old& old) const;
  Status Move(const Grant& from, const Old& old);
  Status TakePlain(const Grant& from, const Old& old);
  Result<uint64_t> PlaceNewest(const Grant& from, const Old& old, const StateKey& to);
  Status FillIn(const Grant& from, const Old& old, const StateKey& to, uint64_t newest);
  History HistoryOf() const;
  static Status Taken(const Result<AppendOutcome>& appended);
  // Version `which` of the old ones, 0 = newest, sealed as record n of `to`.
  Result<Bytes> Seal(const Grant& from, const Old& old, size_t which, const StateKey& to,
                     uint64_t n);
  Status AppendAt(const StateId& id, uint64_t head, ByteView sealed);
  Status Free(const Grant& grant);
  Status FreeHalfTaken(const Grant& grant);

  Backends& b_;
  const std::string store_id_;
  StateService& states_;
  const Clock& clock_;
  TenantIndex index_;
  const std::string lock_id_;
};

}  // namespace stateward

#endif  // STATEWARD_CLI_ADOPTER_H_
