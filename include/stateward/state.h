// The identity of a state, and what is known of one of its versions. Plain values.
#ifndef STATEWARD_STATE_H_
#define STATEWARD_STATE_H_

#include <array>
#include <cstdint>
#include <string>
#include <utility>

namespace stateward {

using Sha256Digest = std::array<uint8_t, 32>;

// What a client names. project and name: 1 to 128 bytes of A-Za-z0-9._~-, not "." or "..".
// tenant is empty for identified users; with terraform-backend's basic auth it is derived from the
// secret (64 hex digits), so that each secret is a namespace of its own.
struct StateKey {
  std::string tenant;
  std::string project;
  std::string name;
};
inline bool operator==(const StateKey& a, const StateKey& b) {
  return a.tenant == b.tenant && a.project == b.project && a.name == b.name;
}
// Enough of a namespace's name to tell them apart: 16 hex digits; "" for identified users.
inline std::string ShortNamespace(const std::string& tenant) { return tenant.substr(0, 16); }

// 64 lower-case hex digits, so it is safe as a file name, an object key or an SQL key.
// Injective: each part of the key goes into the digest with its length in front
// (docs/formats.md, "State id"). Only StateId::Of and StateId::Parse can make one.
class StateId {
 public:
  static StateId Of(const StateKey& key);
  // Reads what hex() gave. Returns false and leaves *out alone when text is anything else.
  static bool Parse(const std::string& text, StateId* out);
  StateId() = default;  // the empty id, which names nothing

  const std::string& hex() const { return hex_; }

 private:
  explicit StateId(std::string hex) : hex_(std::move(hex)) {}
  std::string hex_;
};
inline bool operator==(const StateId& a, const StateId& b) { return a.hex() == b.hex(); }

enum class RecordKind : uint8_t {
  kState = 1,      // a state document
  kTombstone = 2,  // the state was deleted; keeps lineage and serial
  kNoOp = 3,       // an empty record that takes a number away from a write that may still arrive
  kPurged = 4,     // a document that was removed for good; says who did it and why
  kMoved = 5,      // the newest of a state that lies somewhere else now
};

// A line of the audit trail (docs/formats.md, "Audit trail"): who knows it can tell that it was
// there, and so that the trail was cut.
struct AuditHead {
  std::string chain;  // 16 hex digits; "" = no line
  uint64_t sequence = 0;
  Sha256Digest mac{};
};

// What is sealed together with the bytes of a version.
struct VersionInfo {
  RecordKind kind = RecordKind::kState;
  uint64_t serial = 0;
  std::string lineage;
  std::string terraform_version;  // "" when the document does not say
  uint64_t size = 0;              // bytes of the document
  Sha256Digest sha256{};          // of the document
  std::string writer;             // principal
  std::string operation;          // as the lock said: "OperationTypeApply", …; "" without a lock
  std::string lock_id;            // "" when written without a lock
  uint64_t lock_base = 0;         // the lock session's base; 0 when written without a lock
  int64_t time_ms = 0;            // wall clock, since 1970 UTC
  // Of a no-op record: the number of the newest version below it that is none, so that a reader
  // needs one step however many there are; or of a record below it that could not be read. 0: there
  // never was one.
  uint64_t newest_real = 0;
  // The audit trail's line that said that this record would be written; or, where changes do not
  // wait for theirs, a line that was there at most some seconds before.
  AuditHead audit;
  bool pinned = false;   // never pruned
  std::string moved_to;  // of kMoved: "project/name" (history/forwarding.h)
  std::string note;      // why an operation of an administrator wrote it; "" = nobody said
  // When it came here, if `time_ms` is from elsewhere; 0: it was written here. Its age, for
  // pruning, counts from the later of the two.
  int64_t imported_ms = 0;
};

}  // namespace stateward

#endif  // STATEWARD_STATE_H_
