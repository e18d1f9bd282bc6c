// What each key of a store opens: all of it must be gone before the key may go.
#ifndef STATEWARD_CLI_KEY_COUNTS_H_
#define STATEWARD_CLI_KEY_COUNTS_H_

#include <cstdint>
#include <map>
#include <string>

#include "kms/envelope_kms.h"
#include "kms/key_tag.h"
#include "stateward/result.h"
#include "stateward/storage.h"

namespace stateward {

// Numbers of things that need one key.
struct KeyNeed {
  uint64_t versions = 0;
  uint64_t states = 0;  // that these versions belong to
  uint64_t uploads = 0;
  uint64_t originals = 0;  // blobs of the original that nobody has taken over
  uint64_t secrets = 0;    // the store's own, in its identity file: 0 or 1

  uint64_t all() const { return versions + uploads + originals + secrets; }
};

struct KeyCounts {
  std::map<KeyTag, KeyNeed> by_key;
  uint64_t unreadable = 0;  // damaged: no key is named
  uint64_t unopened = 0;    // the original's: they name no key, and none of those here opens them
};

// `originals`: count the original's blobs too, which means opening each; a store that does not read
// them (LEGACY_READ=false) has none. kUnavailable: the store cannot be listed. An outage of the key
// service is none: what it would have to open is `unopened`.
Result<KeyCounts> CountKeys(Storage& storage, EnvelopeKms& kms, bool originals);

// "3 versions, 1 upload, …" for people; "" = nothing.
std::string Describe(const KeyNeed& need);

}  // namespace stateward

#endif  // STATEWARD_CLI_KEY_COUNTS_H_
