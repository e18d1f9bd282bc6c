// Where states are imported from: a place that lists states with their versions and gives the
// documents.
//
// Thread-safe for different states. Errors: kInvalidArgument: the place is not what it was said to
// be, or the settings are wrong; kPermissionDenied, kUnavailable; kNotFound: the version is gone by
// now; kLocked: somebody holds the state's lock there, with who it is.
#ifndef STATEWARD_MOVING_SOURCE_H_
#define STATEWARD_MOVING_SOURCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "stateward/bytes.h"
#include "stateward/result.h"

namespace stateward {

struct SourceState {
  std::string workspace;  // what people call it there; unique in its source
  std::string place;      // where it lies, for messages; and for the source itself
};

struct SourceVersion {
  std::string id;       // of the source's own kind
  int64_t time_ms = 0;  // when it was written; 0: the source does not know
};

// Whether nobody can write to the state there meanwhile.
enum class SourceLock : uint8_t {
  kHeld,
  kNone,  // the source has no lock, or this one may not take it
};

class Source {
 public:
  virtual ~Source() = default;
  virtual Result<std::vector<SourceState>> List() = 0;
  // Newest first, at least one.
  virtual Result<std::vector<SourceVersion>> Versions(const SourceState& state) = 0;
  virtual Result<SecretBytes> Read(const SourceState& state, const SourceVersion& version) = 0;
  // Locks the state for this run. What a killed run left is taken over.
  virtual Result<SourceLock> Lock(const SourceState& state) = 0;
  virtual Status Unlock(const SourceState& state) = 0;
};

// No source is read beyond it: the largest MAX_STATE_BYTES.
inline constexpr uint64_t kMaxSourceDocument = uint64_t{1} << 30;

}  // namespace stateward

#endif  // STATEWARD_MOVING_SOURCE_H_
