// Authenticated encryption of one version of one state. The format: docs/formats.md, "Envelope".
//
// Any record written by a released version can be opened by every later one.
// Thread-safe. Keys never leave it, and are never printed.
#ifndef STATEWARD_KMS_H_
#define STATEWARD_KMS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "stateward/bytes.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

// Where a record belongs. It is authenticated data: a record that was moved does not open.
struct SealContext {
  std::string store_id;  // 32 hex digits
  StateId id;
  uint64_t n = 0;       // the version's number; 0 for a kept upload
  uint32_t format = 1;  // of the store (IdentityFile::Format); a record that is opened says its own
};

// What lies sealed in front of the document.
struct SealedInfo {
  StateKey key;
  VersionInfo version;
};

struct Opened {
  SealedInfo info;
  SecretBytes document;
  uint64_t n = 0;  // of the record, where History opened it
};

class Kms {
 public:
  virtual ~Kms() = default;
  // "local", "vault", "transit": part of the settings and of metrics.
  virtual std::string_view Name() const = 0;

  // kUnavailable: the key service did not answer.
  virtual Result<Bytes> Seal(const SealContext& where, const SealedInfo& info,
                             ByteView document) = 0;
  // kCorruption: truncated, tampered with, or moved. kUnknownKey: made with a key that is not known
  // here ("key <id> unknown"), or what says with which one is damaged: nothing more can be told
  // then. Never a part of the document. kUnavailable: the key service did not answer.
  virtual Result<Opened> Open(const SealContext& where, ByteView record) = 0;
  // Opens what lies in front, from the first kInfoPrefix bytes of a record or more.
  virtual Result<SealedInfo> OpenInfo(const SealContext& where, ByteView prefix) = 0;
  // Opens a blob of terraform-backend: nonce(12), ciphertext, tag, without associated data; or a
  // text of Transit. kUnknownKey: no key here opens it, so it is damaged or made with another key.
  // kCorruption: it is too short, or what it holds is not a JSON document with a version, but for
  // example a key that Transit wrapped. Such content is never returned.
  virtual Result<SecretBytes> OpenLegacy(ByteView blob) = 0;

  // OK when something could be sealed and opened now; otherwise what is wrong, for the log and
  // /ready. Makes no data key, remembers none, and asks a service at most once in two seconds.
  virtual Status Check() = 0;
  // What a key service grants less or more than it should, in words that may be shown to anybody;
  // "" when there is nothing to say. As cheap as Check.
  virtual std::string Warning() { return ""; }
  // When the credentials with which a key service is asked end, unless they are renewed; 0: never,
  // or not known. As cheap as Check.
  virtual int64_t CredentialEndsMs() { return 0; }
  // The ids of the keys that open records, 32 hex digits each; the one that seals first. Empty: not
  // known. kUnavailable: the key service did not answer.
  virtual Result<std::vector<std::string>> KeyIds() { return std::vector<std::string>(); }

  // Header, wrapped key and sealed info together never are longer.
  static constexpr size_t kInfoPrefix = size_t{16} * 1024;
};

}  // namespace stateward

#endif  // STATEWARD_KMS_H_
