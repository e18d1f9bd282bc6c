// A request's body in one piece, which grows as bytes arrive.
//
// A small one lies in ordinary memory. From kMapped on it has pages of its own: they grow without
// being copied, cost nothing before they are touched, and only what was touched is wiped.
//
// Not synchronised.
#ifndef STATEWARD_FCGI_BODY_BUFFER_H_
#define STATEWARD_FCGI_BODY_BUFFER_H_

#include <cstddef>
#include <cstdint>

#include "stateward/bytes.h"

namespace stateward {

class BodyBuffer {
 public:
  // Where glibc, too, maps pages in place of cutting a block from its heap.
  static constexpr size_t kMapped = size_t{256} * 1024;

  BodyBuffer() = default;
  ~BodyBuffer() { Clear(); }
  BodyBuffer(const BodyBuffer&) = delete;
  BodyBuffer& operator=(const BodyBuffer&) = delete;

  // False: the system has no memory; what was there stays.
  bool Append(ByteView bytes);
  // Wipes what was touched, and gives it back.
  void Clear();
  size_t size() const { return pages_ != nullptr ? size_ : small_.size(); }
  // Valid until the next Append or Clear.
  ByteView view() const { return pages_ != nullptr ? ByteView(pages_, size_) : ByteView(small_); }

 private:
  bool GrowPages(size_t need);

  SecretBytes small_;
  uint8_t* pages_ = nullptr;
  size_t mapped_ = 0;
  size_t size_ = 0;  // of what is in pages_
};

}  // namespace stateward

#endif  // STATEWARD_FCGI_BODY_BUFFER_H_
