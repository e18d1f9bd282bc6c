// Immutable, numbered, opaque records by state id. Knows nothing of HTTP, locks or encryption.
//
// Versions of a state are numbered 1, 2, 3, … without gaps at the top; nothing is ever overwritten
// (Replace, for re-keying, exchanges the bytes of a version for others that hold the same
// document). Pruning removes old numbers, never the newest, so numbers never start again.
//
// A store carries a marker (store id, format, the lock service that guards it). Without a readable
// marker every call answers kUnavailable: an unmounted disk is not an empty store.
//
// Thread-safe. Every call ends within the time limit of the backend's configuration.
// Errors: kNotFound only when the store SAID that the thing is absent; kUnavailable when that could
// not be found out; kCorruption when the store itself knows that bytes are damaged.
#ifndef STATEWARD_STORAGE_H_
#define STATEWARD_STORAGE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stateward/bytes.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

// What the identity file of a store says. Made once by `statewardctl init` or with
// STORAGE_INIT=true.
struct StoreMarker {
  std::string store_id;   // 32 hex digits, random; part of what each record is sealed with
  uint32_t format = 1;    // of the store's layout
  std::string lock_kind;  // "local", "redis", "postgres", "s3"
  std::string lock_id;    // the lock service's own id, 32 hex digits
  Bytes sealed_secret;    // the store's secret (state/store_secret.h), as a record; never empty
};
inline bool operator==(const StoreMarker& a, const StoreMarker& b) {
  return a.store_id == b.store_id && a.format == b.format && a.lock_kind == b.lock_kind &&
         a.lock_id == b.lock_id && a.sealed_secret == b.sealed_secret;
}
// Whether both name one store under one lock service. The sealed secret may change at any time.
inline bool SameStore(const StoreMarker& a, const StoreMarker& b) {
  return a.store_id == b.store_id && a.lock_kind == b.lock_kind && a.lock_id == b.lock_id;
}

struct AppendOutcome {
  bool appended = false;  // false: another record took the number first
  uint64_t n = 0;         // the new record's number; when not appended, a newer head's if known
};

// A refused upload, kept for the operator. `sealed` is opaque here.
struct QuarantineEntry {
  std::string principal_tag;  // 32 hex digits; bytes are bounded per tag
  std::string content_tag;    // 32 hex digits; the same tag again is the same upload
  StateId id;
  int64_t time_ms = 0;
  uint64_t size = 0;
};

class Storage {
 public:
  virtual ~Storage() = default;
  // "fs", "s3", "postgres": part of the settings and of metrics.
  virtual std::string_view Name() const = 0;
  // True when an Append that failed, or whose worker is gone, may still take effect later (a
  // request on its way to a server); false when it cannot (a system call on this host).
  virtual bool WritesMayArriveLate() const = 0;

  // The marker, read again. kNotFound: the place can be read and has none.
  virtual Result<StoreMarker> ReadMarker() = 0;
  // From now on only this store is served; another one in its place is kUnavailable as long as it
  // is there. Told once, by whoever proved that store and locks belong together.
  virtual void Expect(const StoreMarker& /*marker*/) {}
  // Makes the marker in a place that is empty or holds nothing but the original's data; or, with
  // `replaces`, exchanges the one that is there if it still is that one. kConflict: refused, with
  // the reason.
  virtual Status WriteMarker(const StoreMarker& marker, const StoreMarker* replaces) = 0;

  // The number of the newest record; 0 when the state has none. The newest is never removed: less
  // than this process has seen before means that records are gone, and is kUnavailable here and in
  // each call that finds the newest.
  virtual Result<uint64_t> Head(const StateId& id) = 0;
  // The highest number that this process remembers to have seen; 0: none. Asks nobody.
  virtual uint64_t SeenHead(const StateId& /*id*/) { return 0; }
  // The bytes of record n. kNotFound: no such record.
  virtual Result<Bytes> Get(const StateId& id, uint64_t n) = 0;
  // The newest record in one step. n is 0 and bytes are empty when the state has none.
  struct Newest {
    uint64_t n = 0;
    Bytes bytes;
  };
  virtual Result<Newest> GetNewest(const StateId& id) = 0;
  // The same with at least the first min(limit, size) bytes of it. A backend that needs a round
  // trip for each of Head and GetPrefix does better.
  virtual Result<Newest> GetNewestFront(const StateId& id, size_t limit) {
    Result<uint64_t> head = Head(id);
    if (!head.ok()) return std::move(head).status();
    if (*head == 0) return Newest{};
    Result<Bytes> bytes = GetPrefix(id, *head, limit);
    if (!bytes.ok()) return std::move(bytes).status();
    return Newest{*head, std::move(*bytes)};
  }
  // At least the first min(limit, size) bytes of record n: for reading what is sealed in front.
  virtual Result<Bytes> GetPrefix(const StateId& id, uint64_t n, size_t limit) = 0;

  // Makes record expected_head + 1, create-exclusive: this is the compare-and-swap.
  // Durable when it returns OK with appended. kUnavailable: the outcome may be unknown.
  virtual Result<AppendOutcome> Append(const StateId& id, uint64_t expected_head,
                                       ByteView sealed) = 0;
  // Makes sure that record n, which a reader can see, is durable: a worker may have died between
  // making it visible and making it last. Called before a repeated write is answered with OK.
  // kNotFound: no such record.
  virtual Status Settle(const StateId& id, uint64_t n) = 0;
  // Exchanges the bytes of record n if their SHA-256 still is `expected`; for re-keying only.
  // kConflict: they are others by now.
  virtual Status Replace(const StateId& id, uint64_t n, const Sha256Digest& expected,
                         ByteView sealed) = 0;

  // The numbers that exist, newest first.
  virtual Result<std::vector<uint64_t>> Versions(const StateId& id) = 0;
  // Calls `each` for every state that has records, in order of id, until it returns false.
  virtual Status List(const std::function<bool(const StateId&)>& each) = 0;
  // How many states have records. Cheap enough for one call a minute.
  virtual Result<uint64_t> Count() = 0;
  // Removes record n; the newest is refused (kInvalidArgument). OK when it is gone already.
  virtual Status Prune(const StateId& id, uint64_t n) = 0;

  // Keeps a refused upload. Deduplicated by content_tag; when the principal's entries would pass
  // the byte limit, entries older than the age limit go first, and if that is not enough the call
  // is kUnavailable. Durable when it returns OK.
  virtual Status Quarantine(const QuarantineEntry& entry, ByteView sealed) = 0;
  virtual Result<std::vector<QuarantineEntry>> ListQuarantine() = 0;
  virtual Result<Bytes> GetQuarantined(const QuarantineEntry& entry) = 0;
  // Exchanges the bytes of an entry for others that hold the same document; for re-keying only. Its
  // size becomes theirs. At every moment one of the two is there. kNotFound: no such entry.
  virtual Status ReplaceQuarantined(const QuarantineEntry& entry, ByteView sealed) = 0;
  // OK when it is gone already.
  virtual Status RemoveQuarantined(const QuarantineEntry& entry) = 0;

  // The original's blob under its legacy id (64 hex digits). kNotFound: none.
  virtual Result<Bytes> GetLegacy(const std::string& legacy_id) = 0;
  // Calls `each` for every blob of the original, in no order, until it returns false. A blob that
  // nobody has claimed is untouched: only the original ever wrote this state. kUnavailable: the
  // place cannot be listed; the detail names the right that may be missing.
  struct LegacyBlob {
    std::string legacy_id;
    bool claimed = false;
  };
  virtual Status ListLegacy(const std::function<bool(const LegacyBlob&)>& each) = 0;
  // Who claimed a legacy id by a first write: nullopt when nobody. ClaimLegacy makes the claim,
  // create-exclusive, and returns the claimant (perhaps another than `id`). Durable.
  virtual Result<std::optional<StateId>> LegacyClaim(const std::string& legacy_id) = 0;
  virtual Result<StateId> ClaimLegacy(const std::string& legacy_id, const StateId& id) = 0;

  // What a running server says of itself, in clear, for tools that change the store: the last text
  // of each. server_id: 32 hex digits. Publish makes or exchanges it; Withdraw is OK when there is
  // none.
  struct Notice {
    std::string server_id;
    Bytes text;
  };
  virtual Status Publish(const std::string& server_id, ByteView text) = 0;
  virtual Result<std::vector<Notice>> Published() = 0;
  virtual Status Withdraw(const std::string& server_id) = 0;

  // OK when a write would have a chance now; otherwise what is wrong, for /ready.
  virtual Status Check() = 0;
};

}  // namespace stateward

#endif  // STATEWARD_STORAGE_H_
