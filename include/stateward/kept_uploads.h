// Refused uploads, kept for the administrator, since nobody else may have a copy. Their bytes are
// opaque here. Which are kept, and how many, is decided above (history/upload_keeper.h).
//
// Thread rule and errors: stateward/storage.h.
#ifndef STATEWARD_KEPT_UPLOADS_H_
#define STATEWARD_KEPT_UPLOADS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "stateward/bytes.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

struct KeptUpload {
  std::string principal_tag;  // 32 hex digits; who sent it
  std::string content_tag;    // 32 hex digits; the same tag again is the same upload
  StateId id;
  int64_t time_ms = 0;
  uint64_t size = 0;
};

class KeptUploads {
 public:
  virtual ~KeptUploads() = default;
  // Keeps a refused upload; one that is there already stays. Durable when it returns OK. Of the
  // same principal and content one with another time may be kept as well, or the later one alone.
  virtual Status PutUpload(const KeptUpload& upload, ByteView sealed) = 0;
  // Makes sure that an upload that a list showed is durable, as Records::Settle. kNotFound: no such
  // upload.
  virtual Status SettleUpload(const KeptUpload& upload) = 0;
  // All of them; of one principal the oldest first.
  virtual Result<std::vector<KeptUpload>> ListUploads() = 0;
  virtual Result<std::vector<KeptUpload>> ListUploadsOf(const std::string& principal_tag) = 0;
  // kNotFound: no such upload.
  virtual Result<Bytes> GetUpload(const KeptUpload& upload) = 0;
  // At least the first min(limit, size) bytes of it: for reading what is sealed in front.
  virtual Result<Bytes> GetUploadPrefix(const KeptUpload& upload, size_t limit) = 0;
  // Exchanges the bytes of an upload for others that hold the same document; for re-keying only.
  // Its size becomes theirs. At every moment one of the two is there. kNotFound: no such upload.
  virtual Status ReplaceUpload(const KeptUpload& upload, ByteView sealed) = 0;
  // OK when it is gone already. One of another time stays.
  virtual Status RemoveUpload(const KeptUpload& upload) = 0;
};

}  // namespace stateward

#endif  // STATEWARD_KEPT_UPLOADS_H_
