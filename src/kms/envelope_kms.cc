#include "kms/envelope_kms.h"

#include <utility>
#include <vector>

#include "base/hex.h"
#include "kms/combined_keys.h"
#include "kms/envelope.h"
#include "kms/header.h"
#include "kms/legacy_document.h"

namespace stateward {

std::unique_ptr<EnvelopeKms> EnvelopeKms::With(const EnvelopeKms& opens) const {
  std::vector<std::shared_ptr<KeySource>> sources = {keys_, opens.keys_};
  return std::make_unique<EnvelopeKms>(
      name_, suite_, std::make_shared<CombinedKeys>(std::move(sources), size_t{0}), random_);
}

Result<Bytes> EnvelopeKms::Seal(const SealContext& where, const SealedInfo& info,
                                ByteView document) {
  Result<MessageKey> key = keys_->NewMessageKey(where);
  if (!key.ok()) return key.status();
  MessageId message;
  random_(message.data(), message.size());
  return SealEnvelope(*suite_, *key, message, where, info, document);
}

Result<Opened> EnvelopeKms::Open(const SealContext& where, ByteView record) {
  Result<Header> header = ParseHeader(record);
  if (!header.ok()) return header.status();
  Result<SecretBytes> key = keys_->ResolveKey(header->key_id, header->wrapped, where);
  if (!key.ok()) return key.status();
  return OpenEnvelope(*suite_, *key, *header, where, record);
}

Result<SealedInfo> EnvelopeKms::OpenInfo(const SealContext& where, ByteView prefix) {
  Result<Header> header = ParseHeader(prefix);
  if (!header.ok()) return header.status();
  Result<SecretBytes> key = keys_->ResolveKey(header->key_id, header->wrapped, where);
  if (!key.ok()) return key.status();
  return OpenEnvelopeInfo(*suite_, *key, *header, where, prefix);
}

Result<std::vector<std::string>> EnvelopeKms::KeyIds() {
  Result<std::vector<KnownKey>> keys = keys_->Keys();
  if (!keys.ok()) return std::move(keys).status();
  std::vector<std::string> ids;
  for (const KnownKey& key : *keys) ids.push_back(HexEncode(key.id));
  return ids;
}

Result<SecretBytes> EnvelopeKms::OpenLegacy(ByteView blob) {
  Result<LegacyPlain> opened = OpenLegacyWithKey(blob);
  if (!opened.ok()) return std::move(opened).status();
  return std::move(opened->bytes);
}

Result<LegacyPlain> EnvelopeKms::OpenLegacyWithKey(ByteView blob) {
  Result<LegacyPlain> opened = keys_->OpenLegacy(blob);
  if (!opened.ok()) return opened;
  STATEWARD_RETURN_IF_ERROR(CheckLegacyDocument(opened->bytes));
  return opened;
}

}  // namespace stateward
