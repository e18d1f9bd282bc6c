// Where keys come from: a keyring in memory, or a service. The sealed format is the same for all;
// what the header says of the key (id, wrapped key) is all that a source needs to find it again.
#ifndef STATEWARD_KMS_KEY_SOURCE_H_
#define STATEWARD_KMS_KEY_SOURCE_H_

#include <string>
#include <vector>

#include "kms/suite.h"
#include "stateward/bytes.h"
#include "stateward/kms.h"
#include "stateward/result.h"

namespace stateward {

// What a new record is sealed with. `key` is input to HKDF, never a cipher key itself.
struct MessageKey {
  KeyId id{};
  SecretBytes key;  // kKeyBytes
  Bytes wrapped;    // stands in the header; at most kMaxWrapped bytes, empty for keys of a ring
};

// What a blob of the original held, and the key that it opened with.
struct LegacyPlain {
  KeyId id{};
  SecretBytes bytes;
};

// A key's id, and where the key is from: "vault: version 3 of kv/data/terraform-backend".
struct KnownKey {
  KeyId id{};
  std::string label;
};

// Thread-safe. kUnavailable: a service did not answer.
class KeySource {
 public:
  virtual ~KeySource() = default;
  // With the primary key. A wrapped key is bound to the state and store of `where`.
  virtual Result<MessageKey> NewMessageKey(const SealContext& where) = 0;
  // kUnknownKey: "key <hex id> unknown", or no key here opens the wrapped one. kCorruption: the
  // wrapped key is bound to another place than `where`.
  virtual Result<SecretBytes> ResolveKey(const KeyId& id, ByteView wrapped,
                                         const SealContext& where) = 0;
  // As Kms::OpenLegacy, but whatever the blob holds: only EnvelopeKms looks at that.
  virtual Result<LegacyPlain> OpenLegacy(ByteView blob) = 0;
  // The keys that it has, for people; the primary one first.
  virtual Result<std::vector<KnownKey>> Keys() = 0;
  // As Kms has them.
  virtual Status Check() = 0;
  virtual std::string Warning() { return ""; }
  virtual int64_t CredentialEndsMs() { return 0; }
};

// The one text for a key that is not there.
Status UnknownKey(const KeyId& id);

}  // namespace stateward

#endif  // STATEWARD_KMS_KEY_SOURCE_H_
