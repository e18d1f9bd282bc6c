// Several keys in memory: one seals, all open. Immutable, so readers need no lock; a source whose
// keys change makes a new one.
#ifndef STATEWARD_KMS_KEYRING_H_
#define STATEWARD_KMS_KEYRING_H_

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "kms/key_source.h"
#include "kms/suite.h"
#include "stateward/bytes.h"
#include "stateward/result.h"

namespace stateward {

// A blob of the original is tried with each key, so their number bounds that work. Who rotates
// every week keeps a year.
constexpr size_t kMaxKeys = 64;

class Keyring {
 public:
  struct Entry {
    KeyId id{};
    SecretBytes key;
  };

  // The first key is the primary one; a key that comes twice counts once. kInvalidArgument: none,
  // too many, or one that has not kKeyBytes.
  static Result<Keyring> Of(std::shared_ptr<const Suite> suite, std::vector<SecretBytes> keys);

  const Entry& primary() const { return entries_.front(); }
  const std::vector<Entry>& entries() const { return entries_; }
  // nullptr: no such key.
  const Entry* Find(const KeyId& id) const;

  // What KeySource promises, from these keys alone.
  MessageKey NewMessageKey() const;
  Result<SecretBytes> ResolveKey(const KeyId& id, ByteView wrapped) const;
  Result<LegacyPlain> OpenLegacy(ByteView blob) const;

 private:
  explicit Keyring(std::shared_ptr<const Suite> suite) : suite_(std::move(suite)) {}

  std::shared_ptr<const Suite> suite_;
  std::vector<Entry> entries_;  // never empty
};

}  // namespace stateward

#endif  // STATEWARD_KMS_KEYRING_H_
