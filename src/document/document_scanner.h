// What the server has to know of a state document, taken from its bytes without building a tree.
#ifndef STATEWARD_DOCUMENT_DOCUMENT_SCANNER_H_
#define STATEWARD_DOCUMENT_DOCUMENT_SCANNER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "stateward/bytes.h"
#include "stateward/result.h"

namespace stateward {

// In UTF-8. A lineage is a UUID of 36 bytes; made-up ones are allowed, but each is kept with every
// version for ever, so they are bounded.
inline constexpr size_t kLineageMaxBytes = 256;
// "1.13.0-alpha20250708" and the like. For display only, so a longer one is ignored.
inline constexpr size_t kTerraformVersionMaxBytes = 64;

struct DocumentInfo {
  uint64_t serial = 0;
  size_t serial_at = 0;      // where its digits stand, in bytes
  size_t serial_digits = 0;  // and how many they are
  std::string lineage;       // may be "": states older than lineages are written back like that
  std::string terraform_version;  // "" when absent, too long, with a control character, no string
  std::optional<uint64_t>
      resources;           // how many elements the list `resources` has; nullopt: no list
  bool encrypted = false;  // by OpenTofu: `encryption_version` is a string that is not empty
};

// Checks that `doc` is exactly one JSON object (as strictly as base/json_walker.h: UTF-8, at most
// 512 deep) and takes the members above from its top level. `serial` has to be an integer without
// sign, fraction and exponent, at most 2^64-1; `lineage` a string without control characters. Each
// has to stand there once, spelt exactly so: a key that Go's encoding/json would take for one of
// them (other case, escapes, a second one) is refused, as a client would read another value than
// this server.
//
// One pass, constant memory. Thread-safe.
// kInvalidArgument: says what is wrong and at which byte. The text holds no byte of the document,
// so it may be shown to the client that sent it.
Result<DocumentInfo> ScanDocument(ByteView doc);

}  // namespace stateward

#endif  // STATEWARD_DOCUMENT_DOCUMENT_SCANNER_H_
