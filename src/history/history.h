// What a store holds, opened: the one place that joins a store and its keys.
//
// Of one opened store. A value, cheap to make; thread-safe; storage and keys must outlive it.
// Errors: as Storage and Kms; kUnavailable also when the newest version is not where a no-op record
// says (pruned behind the server's back).
#ifndef STATEWARD_HISTORY_HISTORY_H_
#define STATEWARD_HISTORY_HISTORY_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "history/legacy.h"
#include "stateward/bytes.h"
#include "stateward/kms.h"
#include "stateward/result.h"
#include "stateward/state.h"
#include "stateward/storage.h"

namespace stateward {

// The newest record that is a state or a tombstone.
struct NewestVersion {
  VersionInfo info;
  bool legacy = false;  // the original's blob: it has no number, and must be written again
};

// What stands at the end of a state's history.
struct NewestRecord {
  uint64_t head = 0;      // number of the newest record of any kind; 0: none
  VersionInfo head_info;  // of record `head`, unless that one cannot be read or there is none
  // Why what stands at the end cannot be read: kCorruption, or kUnknownKey. Then only a host that
  // has the key can tell what may follow, and this one appends nothing.
  Status unreadable;
  // The newest record that is no no-op record, or the original's state; nullopt: none, or it cannot
  // be read.
  std::optional<NewestVersion> version;
  // Its number, or that of the unreadable record that hides it: what a no-op record on top of
  // `head` is to name. 0: the store never had a version of the state.
  uint64_t real = 0;
  std::string legacy_id;  // of the original's blob, when there is no record
};

// One record, as a walk over a state's history meets it.
struct VersionEntry {
  uint64_t n = 0;
  Status status;    // not OK: why it cannot be read (kCorruption, kUnknownKey); `info` says nothing
  SealedInfo info;  // what it says of itself
};

class History {
 public:
  History(Storage& storage, Kms& kms, std::string store_id)
      : storage_(storage), kms_(kms), store_id_(std::move(store_id)) {}

  // No-op records on top cost one step, however many there are. Damage or an unknown key is no
  // error: `unreadable` says so.
  // Where the store never had a version of the state, the original's is looked for under `names`:
  // errors as ReadLegacy, but what cannot be read is `unreadable`.
  Result<NewestRecord> Look(const StateId& id, const LegacyNames& names = {}) const;
  // Opens the newest version; nullopt: the store never had one of the state.
  Result<std::optional<Opened>> OpenNewest(const StateId& id) const;

  // What record n says of itself, without its document. kNotFound: no such record.
  Result<SealedInfo> Info(const StateId& id, uint64_t n) const;
  // The same of a record whose front was read already.
  Result<SealedInfo> OpenFront(const StateId& id, const Records::Newest& front) const {
    return kms_.OpenInfo({store_id_, id, front.n}, front.bytes);
  }
  // Calls `each` for every record of the state, no-op records too, newest first, until it returns
  // false: one small read for each. Only for numbers less than `below`, to go on where another walk
  // ended. What is pruned meanwhile is left out.
  Status Each(const StateId& id, const std::function<bool(const VersionEntry&)>& each,
              uint64_t below = UINT64_MAX) const;
  // Record n to its end. kNotFound: no such record.
  Result<Opened> Open(const StateId& id, uint64_t n) const;

  // Seals and appends as record head + 1. *sealed has the sealed bytes as soon as there are any:
  // with an error they are there when it is the append's own, whose outcome may be unknown.
  Result<AppendOutcome> Append(const StateId& id, uint64_t head, const SealedInfo& info,
                               ByteView document, Bytes* sealed) const;

  // Seals and exchanges record n, if the SHA-256 of its sealed bytes still is `expected`; as
  // Records::Replace.
  Status Replace(const StateId& id, uint64_t n, const Sha256Digest& expected,
                 const SealedInfo& info, ByteView document) const;

  // A refused upload, sealed for its place among the kept ones.
  Result<Bytes> SealUpload(const SealedInfo& info, ByteView document) const;
  // What it says of itself: one small read. kNotFound: no such upload.
  Result<SealedInfo> UploadInfo(const KeptUpload& upload) const;
  Result<Opened> OpenUpload(const KeptUpload& upload) const;

  // What is kept in the cache under a name (stateward/caches.h), sealed for this store and name.
  // kNotFound: nothing that opens; it has to be made again.
  Result<SecretBytes> ReadCache(const std::string& name) const;
  Status WriteCache(const std::string& name, ByteView text) const;

  Records& records() const { return storage_; }
  Caches& caches() const { return storage_; }
  NameClaims& claims() const { return storage_; }
  KeptUploads& uploads() const { return storage_; }
  Kms& kms() const { return kms_; }

 private:
  enum class Walk : uint8_t { kDone, kVanished };
  Status AddLegacy(const StateId& id, const LegacyNames& names, NewestRecord* out) const;
  Result<NewestRecord> LookAtRecords(const StateId& id) const;
  Result<Walk> WalkDown(const StateId& id, Result<Bytes> front, NewestRecord* out) const;
  // Says of a large record of this state whether its document can be so long.
  Storage::FrontCheck ChecksSize(const StateId& id) const;
  Result<std::optional<Opened>> OpenOnce(const StateId& id, bool* vanished) const;

  Storage& storage_;
  Kms& kms_;
  const std::string store_id_;
};

}  // namespace stateward

#endif  // STATEWARD_HISTORY_HISTORY_H_
