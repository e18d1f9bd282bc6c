#include "fcgi/body_buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

namespace stateward {

bool BodyBuffer::GrowPages(size_t need) {
  if (need <= mapped_) return true;
  size_t bigger = std::max(need, std::max(2 * kMapped, 2 * mapped_));
  bigger = (bigger + kMapped - 1) / kMapped * kMapped;
  void* p = pages_ == nullptr ? mmap(nullptr, bigger, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                              : mremap(pages_, mapped_, bigger, MREMAP_MAYMOVE);
  if (p == MAP_FAILED) return false;
  pages_ = static_cast<uint8_t*>(p);
  // Beyond what has arrived: a huge page that is begun counts in full.
  if (bigger >= 2 * kHugeBlock) AdviseHugePages(pages_, bigger);
  mapped_ = bigger;
  return true;
}

bool BodyBuffer::Append(ByteView bytes) {
  if (pages_ == nullptr && small_.size() + bytes.size() < kMapped) {
    small_.insert(small_.end(), bytes.begin(), bytes.end());
    return true;
  }
  bool first = pages_ == nullptr;
  if (!GrowPages(size() + bytes.size())) return false;
  if (first) {
    size_ = small_.size();
    if (size_ > 0) std::memcpy(pages_, small_.data(), size_);
    SecretBytes().swap(small_);
  }
  std::memcpy(pages_ + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
  return true;
}

void BodyBuffer::Clear() {
  if (pages_ != nullptr) {
    WipeMemory(pages_, size_);
    munmap(pages_, mapped_);
  }
  pages_ = nullptr;
  mapped_ = 0;
  size_ = 0;
  SecretBytes().swap(small_);
}

}  // namespace stateward
