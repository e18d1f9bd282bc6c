// Immutable, numbered, opaque records by state id. Knows nothing of HTTP, locks or encryption.
//
// Records of a state are numbered 1, 2, 3, … without gaps at the top; nothing is ever overwritten
// (Replace, for re-keying, exchanges the bytes of a record for others that hold the same
// document). Pruning removes old numbers, never the newest, so numbers never start again.
//
// Thread rule and errors: stateward/storage.h.
#ifndef STATEWARD_RECORDS_H_
#define STATEWARD_RECORDS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stateward/bytes.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

// States whose ends one step gives: one page of a listing (S3 gives 1000 keys).
inline constexpr size_t kEndsPage = 1000;

// The highest number of a record: what 64 bits with a sign hold (Postgres' bigint). A larger one
// names no record, wherever it comes from.
inline constexpr uint64_t kLastRecord = INT64_MAX;

struct AppendOutcome {
  bool appended = false;  // false: another record took the number first
  uint64_t n = 0;         // the new record's number; when not appended, a newer head's if known
};

class Records {
 public:
  virtual ~Records() = default;
  // True when an Append that failed, or whose worker is gone, may still take effect later (a
  // request on its way to a server); false when it cannot (a system call on this host).
  virtual bool WritesMayArriveLate() const = 0;

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

  // Where a state's history ends.
  struct End {
    StateId id;
    uint64_t records = 0;  // how many there are
    uint64_t n = 0;        // number of the newest; 0: not looked for yet
    // Another one whenever the bytes of record n are exchanged for others; "" = not known.
    std::string stamp;
    // What its records take together, where a list says so; else ask StoredBytes.
    std::optional<uint64_t> bytes = std::nullopt;
  };
  struct EndPage {
    std::vector<End> ends;  // in order of id
    bool whole = true;      // false: too many for one step; `ends` says nothing
  };
  // Of all states whose id begins with `prefix` (up to 64 lower-case hex digits), without reading a
  // record. With a whole id it always is whole.
  virtual Result<EndPage> Ends(const std::string& prefix) = 0;
  // Whether each front that is read costs a round trip of its own, so that it pays to keep what
  // they say.
  virtual bool FrontsAreRoundTrips() const { return false; }

  // The newest records of many states, for lists.
  struct Front {
    StateId id;
    uint64_t records = 0;  // how many there are; 0: the state has none
    Newest newest;         // at least the first min(limit, size) bytes of it
    bool damaged = false;  // the store knows that these bytes are damaged
    bool shut = false;     // the store works, and this one state's files may not be opened
  };
  // One for each of `ends`, in any order; a state without records may be left out. A backend that
  // can answer for all of them in one round trip does better.
  virtual Result<std::vector<Front>> Fronts(const std::vector<End>& ends, size_t limit) {
    std::vector<Front> fronts;
    for (const End& end : ends) {
      Result<Front> front = FrontOf(end, limit);
      if (!front.ok()) return std::move(front).status();
      fronts.push_back(*std::move(front));
    }
    return fronts;
  }

  // How many bytes the records of a state take together; nullopt: the backend does not know without
  // reading all of them.
  virtual Result<std::optional<uint64_t>> StoredBytes(const StateId& /*id*/) {
    return std::optional<uint64_t>();
  }

  // Makes record expected_head + 1, create-exclusive: this is the compare-and-swap.
  // Durable when it returns OK with appended. kUnavailable: the outcome may be unknown, or there is
  // no number left (kLastRecord).
  virtual Result<AppendOutcome> Append(const StateId& id, uint64_t expected_head,
                                       ByteView sealed) = 0;
  // Makes sure that record n, which a reader can see, is durable: a worker may have died between
  // making it visible and making it last. Called before a repeated write is answered with OK.
  // kNotFound: no such record.
  virtual Status Settle(const StateId& id, uint64_t n) = 0;
  // Exchanges the bytes of record n if their SHA-256 still is `expected`: of rekey, purge, mv, pin.
  // kConflict: they are others by now.
  virtual Status Replace(const StateId& id, uint64_t n, const Sha256Digest& expected,
                         ByteView sealed) = 0;

  // The numbers that exist, newest first.
  virtual Result<std::vector<uint64_t>> Versions(const StateId& id) = 0;
  // Calls `each` for every state that has records and whose id is above `after` (the empty id:
  // all), in order of id, until it returns false.
  virtual Status ListAfter(const StateId& after,
                           const std::function<bool(const StateId&)>& each) = 0;
  Status List(const std::function<bool(const StateId&)>& each) {
    return ListAfter(StateId(), each);
  }
  // How many states have records. Cheap enough for one call a minute.
  virtual Result<uint64_t> Count() = 0;
  // Removes record n; the newest is refused (kInvalidArgument). OK when it is gone already.
  virtual Status Prune(const StateId& id, uint64_t n) = 0;

 private:
  Result<Front> FrontOf(const End& end, size_t limit) {
    const StateId& id = end.id;
    const uint64_t seen = SeenHead(id);
    for (int tries = 0; tries < 3; ++tries) {
      Front front;
      front.id = id;
      front.records = end.records;
      front.newest.n = end.n;
      if (tries > 0 || end.n == 0) {
        Result<std::vector<uint64_t>> numbers = Versions(id);
        if (!numbers.ok()) return std::move(numbers).status();
        front.records = numbers->size();
        front.newest.n = numbers->empty() ? 0 : numbers->front();
        if (front.newest.n < seen) break;
      }
      if (front.newest.n == 0) return front;
      Result<Bytes> bytes = GetPrefix(id, front.newest.n, limit);
      // It was the newest no more, and pruned.
      if (!bytes.ok() && bytes.status().code() == Code::kNotFound) continue;
      front.damaged = !bytes.ok() && bytes.status().code() == Code::kCorruption;
      if (!bytes.ok() && !front.damaged) return std::move(bytes).status();
      if (bytes.ok()) front.newest.bytes = *std::move(bytes);
      return front;
    }
    return Status::Unavailable("the newest record of state " + id.hex() + " is not where it was");
  }
};

}  // namespace stateward

#endif  // STATEWARD_RECORDS_H_
