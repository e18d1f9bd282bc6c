#include "kms/envelope_kms.h"

#include "kms/envelope.h"
#include "kms/header.h"
#include "kms/legacy_document.h"

namespace stateward {

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

Result<SecretBytes> EnvelopeKms::OpenLegacy(ByteView blob) {
  Result<SecretBytes> document = keys_->OpenLegacy(blob);
  if (!document.ok()) return document;
  STATEWARD_RETURN_IF_ERROR(CheckLegacyDocument(*document));
  return document;
}

}  // namespace stateward
