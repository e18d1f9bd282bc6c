// zstd contexts for reuse, without a trace of what went through them.
//
// Making a context asks the processor for its features, which takes 8 us on a virtual machine: as
// long as opening a small state. But a used context holds pieces of the text. So each one lies in
// memory of its own, which is brought back, byte for byte, to what it was when it was made.
#ifndef STATEWARD_KMS_ZSTD_POOL_H_
#define STATEWARD_KMS_ZSTD_POOL_H_

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "stateward/bytes.h"

using ZSTD_CCtx = struct ZSTD_CCtx_s;
using ZSTD_DCtx = struct ZSTD_DCtx_s;

namespace stateward {

// All memory of one context. Not synchronised.
class ZstdMemory {
 public:
  ZstdMemory() = default;
  ~ZstdMemory();
  ZstdMemory(const ZstdMemory&) = delete;
  ZstdMemory& operator=(const ZstdMemory&) = delete;

  void* Allocate(size_t n);  // nullptr: no memory
  void Free(void* p);        // wipes it

  // REQUIRES: the context was just made, in one piece
  void Remember();
  // Wipes and frees what was allocated since, and brings the context back.
  void Restore();

 private:
  struct Block {
    void* p = nullptr;
    size_t n = 0;
  };
  std::array<Block, 8> blocks_;  // the first is the context; zstd adds up to three
  SecretBytes made_;
};

template <typename Context>
struct ZstdLease {
  ZstdMemory memory;
  Context* context = nullptr;  // lies in `memory`, so nobody needs to free it
};

// Thread-safe. Must outlive what it lends.
template <typename Context>
class ZstdPool {
 public:
  using Lease = std::shared_ptr<ZstdLease<Context>>;
  // nullptr: no memory. When the last copy goes, the context comes back.
  Lease Get();

 private:
  using Owned = std::unique_ptr<ZstdLease<Context>>;
  void TakeBack(Owned lease);

  // A worker has 8 threads unless told otherwise; each context keeps 5 to 200 KB.
  static constexpr size_t kMaxIdle = 8;
  std::mutex mutex_;
  std::vector<Owned> idle_;
};

}  // namespace stateward

#endif  // STATEWARD_KMS_ZSTD_POOL_H_
