#include "kms/exported_keys.h"

#include <optional>

#include "base/base64.h"
#include "kms/bound_key.h"
#include "kms/key_text.h"
#include "kms/transit_keys.h"

namespace stateward {

Result<Bytes> DecodeTransitText(ByteView text) {
  if (TransitVersion(text) == 0) return Status::Corruption("not a text of Transit");
  const std::string_view all = text.AsString();
  // Behind the second colon; the first is in "vault:".
  const size_t colon = all.find(':', all.find(':') + 1);
  const std::optional<SecretBytes> bytes = Base64Decode(all.substr(colon + 1));
  if (!bytes) return Status::Corruption("a text of Transit that is not base64");
  return Bytes(bytes->begin(), bytes->end());
}

Result<std::unique_ptr<KeySource>> ExportedKeys::New(std::shared_ptr<const Suite> suite,
                                                     const SecretString& keys) {
  Result<std::vector<SecretBytes>> parsed = ParseKeys(keys.Reveal());
  if (!parsed.ok()) return std::move(parsed).status().At("KMS_TRANSIT_EXPORTED");
  Result<Keyring> ring = Keyring::Of(std::move(suite), *std::move(parsed));
  if (!ring.ok()) return std::move(ring).status().At("KMS_TRANSIT_EXPORTED");
  return std::unique_ptr<KeySource>(new ExportedKeys(*std::move(ring)));
}

Result<MessageKey> ExportedKeys::NewMessageKey(const SealContext&) {
  return Status::InvalidArgument("exported keys only open");
}

Result<SecretBytes> ExportedKeys::ResolveKey(const KeyId& id, ByteView wrapped,
                                             const SealContext& where) {
  if (wrapped.empty()) return UnknownKey(id);
  Result<LegacyPlain> bound = OpenLegacy(wrapped);
  if (!bound.ok()) return UnknownKey(id);
  return UnbindKey(bound->bytes, where);
}

Result<LegacyPlain> ExportedKeys::OpenLegacy(ByteView blob) {
  Result<Bytes> sealed = DecodeTransitText(blob);
  // Another source may have the key of another form.
  if (!sealed.ok()) return Status::UnknownKey("legacy blob: " + sealed.status().detail());
  return ring_.OpenLegacy(*sealed);
}

}  // namespace stateward
