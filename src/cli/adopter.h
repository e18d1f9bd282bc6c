// Gives one state of the original's basic auth to identified users, with its history.
//
// Done under the locks of both names, so that nobody writes meanwhile. Nobody ever sees a half
// (moving/placed_versions.h), and only when all versions and kept uploads are there, a forwarding
// record ends the old name, whose copies go then. What a run that was killed has done already is
// found and gone on from, also where one of the two was written to since; its locks are taken over.
//
// Thread-safe for different states. What it is given must outlive it.
#ifndef STATEWARD_CLI_ADOPTER_H_
#define STATEWARD_CLI_ADOPTER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "admin/admin_service.h"
#include "base/sha256.h"
#include "moving/placed_versions.h"
#include "moving/tool_lock.h"
#include "state/legacy.h"
#include "stateward/authenticator.h"

namespace stateward {

inline constexpr char kAdoptPrincipal[] = "statewardctl adopt";

struct Adopted {
  uint64_t versions = 0;
  uint64_t damaged = 0;  // older ones that cannot be read, and stay behind
  VersionInfo newest;    // of a blob of the original: what its document says
};

class Adopter {
 public:
  // `who` runs it, for the trail.
  Adopter(const AdminService& service, std::string store_id, std::string who);

  // `from`: of the namespace with the original's ids; or, without a tenant, of a blob that lies
  // under its name alone, which becomes an ordinary state; legacy_ambiguous: nobody said that it is
  // this name's, and it is not given.
  // kNotFound: nothing is there (deleted, adopted already). kConflict: with the reason. Others: as
  // the backends.
  Result<Adopted> Adopt(const Grant& from);
  // What Adopt would find, without a change.
  Result<Adopted> Look(const Grant& from);
  // Of a state that was adopted to the end: frees the locks that a killed run left, takes along
  // what was uploaded and kept since, and removes the copies that are left under the old name.
  Status Finish(const Grant& from);

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
    size_t count() const { return document ? 1 : versions.size(); }
    Sha256Digest Sha256Of(size_t which) const {
      return document ? Sha256(document->document) : versions[which].info.sha256;
    }
  };

  Result<Old> LoadOld(const Grant& from);
  Result<Adopted> Describe(const Old& old) const;
  Status Change(Grant from, const Old& old);
  Status Move(const Grant& from, const Old& old);
  Status EndOld(const StateKey& from) const;
  Status TakePlain(const Grant& from, const Old& old);
  // One of the old versions, where identified users have it: version `which` is their `n`.
  struct There {
    uint64_t n = 0;
    size_t which = 0;
  };

  // The newest one is there at the end; where the others are, or are to come, as far as it is
  // known.
  Result<std::vector<There>> PlaceNewest(const Grant& from, const Old& old, const StateKey& to,
                                         const PlacedVersions& placed);
  static Status TheyHaveAnother(const StateKey& key, const VersionInfo& theirs, const Old& old);
  Result<std::vector<There>> FindThere(const Old& old, const StateKey& to) const;
  Status CheckNoBlob(const StateKey& to) const;
  History HistoryOf() const;
  PlacedVersions PlacedOf(const History& history, const StateKey& to) const;
  ToolLock LockOf() const;
  // Version `which` of the old ones, 0 = newest, as it is under its new name.
  Result<Opened> Open(const Grant& from, const Old& old, size_t which) const;

  const AdminService& service_;
  const std::string store_id_;
  const std::string who_;
  const std::string lock_id_;
};

}  // namespace stateward

#endif  // STATEWARD_CLI_ADOPTER_H_
