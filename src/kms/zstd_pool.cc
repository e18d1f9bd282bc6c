// The allocator hooks stand in zstd's "static only" part; the shared library exports them.
#define ZSTD_STATIC_LINKING_ONLY
#include "kms/zstd_pool.h"

#include <zstd.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace stateward {
namespace {

void* AllocateIn(void* memory, size_t n) { return static_cast<ZstdMemory*>(memory)->Allocate(n); }
void FreeIn(void* memory, void* p) { static_cast<ZstdMemory*>(memory)->Free(p); }

// A run of a context's bytes as it was made: where it begins, how long it is, then the bytes.
struct Run {
  size_t at;
  size_t n;
};
// Of the tests for zeros.
constexpr size_t kGrain = 64;

bool IsZero(const uint8_t* p, size_t n) {
  return std::all_of(p, p + n, [](uint8_t byte) { return byte == 0; });
}

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
    // The context itself is zeros but for what zstd sets: Remember() relies on it.
    const bool context = &block == &blocks_[0];
    block = {context ? std::calloc(1, n) : std::malloc(n), n};
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

// Nearly all of a context is room for tables and text, so only what is not zero is kept.
void ZstdMemory::Remember() {
  assert(blocks_[0].p != nullptr && blocks_[1].p == nullptr);
  const auto* bytes = static_cast<const uint8_t*>(blocks_[0].p);
  made_.clear();
  for (size_t at = 0; at < blocks_[0].n; at += kGrain) {
    const Run run = {at, std::min(kGrain, blocks_[0].n - at)};
    if (IsZero(bytes + at, run.n)) continue;
    const auto* head = reinterpret_cast<const uint8_t*>(&run);
    made_.insert(made_.end(), head, head + sizeof run);
    made_.insert(made_.end(), bytes + at, bytes + at + run.n);
  }
}

void ZstdMemory::Restore() {
  for (size_t i = 1; i < blocks_.size(); ++i) Free(blocks_[i].p);
  auto* bytes = static_cast<uint8_t*>(blocks_[0].p);
  WipeMemory(bytes, blocks_[0].n);
  for (size_t at = 0; at < made_.size();) {
    Run run;
    std::memcpy(&run, made_.data() + at, sizeof run);
    std::memcpy(bytes + run.at, made_.data() + at + sizeof run, run.n);
    at += sizeof run + run.n;
  }
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
