// The allocator hooks stand in zstd's "static only" part; the shared library exports them.
#define ZSTD_STATIC_LINKING_ONLY
#include "kms/zstd_pool.h"

#include <zstd.h>

#include <cassert>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace stateward {
namespace {

void* AllocateIn(void* memory, size_t n) { return static_cast<ZstdMemory*>(memory)->Allocate(n); }
void FreeIn(void* memory, void* p) { static_cast<ZstdMemory*>(memory)->Free(p); }

void Make(ZstdMemory* memory, ZSTD_CCtx** context) {
  *context = ZSTD_createCCtx_advanced({AllocateIn, FreeIn, memory});
}
void Make(ZstdMemory* memory, ZSTD_DCtx** context) {
  *context = ZSTD_createDCtx_advanced({AllocateIn, FreeIn, memory});
}

}  // namespace

ZstdMemory::~ZstdMemory() {
  for (const Block& block : blocks_) Free(block.p);
}

void* ZstdMemory::Allocate(size_t n) {
  for (Block& block : blocks_) {
    if (block.p != nullptr) continue;
    block = {std::malloc(n), n};
    return block.p;
  }
  return nullptr;
}

void ZstdMemory::Free(void* p) {
  if (p == nullptr) return;
  for (Block& block : blocks_) {
    if (block.p != p) continue;
    WipeMemory(p, block.n);
    std::free(p);
    block = Block();
  }
}

void ZstdMemory::Remember() {
  assert(blocks_[0].p != nullptr && blocks_[1].p == nullptr);
  const auto* bytes = static_cast<const uint8_t*>(blocks_[0].p);
  made_.assign(bytes, bytes + blocks_[0].n);
}

void ZstdMemory::Restore() {
  for (size_t i = 1; i < blocks_.size(); ++i) Free(blocks_[i].p);
  std::memcpy(blocks_[0].p, made_.data(), made_.size());
}

template <typename Context>
typename ZstdPool<Context>::Lease ZstdPool<Context>::Get() {
  Owned lease;
  {
    std::lock_guard<std::mutex> hold(mutex_);
    if (!idle_.empty()) {
      lease = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (lease == nullptr) {
    lease = std::make_unique<ZstdLease<Context>>();
    Make(&lease->memory, &lease->context);
    if (lease->context == nullptr) return nullptr;
    lease->memory.Remember();
  }
  return Lease(lease.release(), [this](ZstdLease<Context>* p) { TakeBack(Owned(p)); });
}

template <typename Context>
void ZstdPool<Context>::TakeBack(Owned lease) {
  lease->memory.Restore();
  std::lock_guard<std::mutex> hold(mutex_);
  if (idle_.size() < kMaxIdle) idle_.push_back(std::move(lease));
}

template class ZstdPool<ZSTD_CCtx>;
template class ZstdPool<ZSTD_DCtx>;

}  // namespace stateward
