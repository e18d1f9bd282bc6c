// Byte sequences: a view, an owned plain one, and an owned one that is wiped when freed.
#ifndef STATEWARD_BYTES_H_
#define STATEWARD_BYTES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stateward {

// Overwrites n bytes in a way the compiler may not remove.
void WipeMemory(void* p, size_t n);

// Asks for huge pages for a large block that was just allocated. Filling 100 MB then costs 5 ms of
// page faults and not 35 (measured on a virtual machine).
void AdviseHugePages(void* p, size_t n);
constexpr size_t kHugeBlock = size_t{4} << 20;  // surely holds one aligned page of 2 MiB

// Leaves new elements uninitialised (resize() of 256 MiB must not touch the pages twice) and, when
// kWipe, overwrites the memory before it is given back.
template <typename T, bool kWipe>
class RawAllocator : public std::allocator<T> {
 public:
  template <typename U>
  struct rebind {
    using other = RawAllocator<U, kWipe>;
  };
  RawAllocator() = default;
  template <typename U>
  RawAllocator(const RawAllocator<U, kWipe>&) {}  // NOLINT: allocators convert implicitly

  template <typename U>
  void construct(U* p) {
    ::new (static_cast<void*>(p)) U;
  }
  template <typename U, typename... Args>
  void construct(U* p, Args&&... args) {
    ::new (static_cast<void*>(p)) U(std::forward<Args>(args)...);
  }
  T* allocate(size_t n) {
    T* p = std::allocator<T>::allocate(n);
    if (n * sizeof(T) >= kHugeBlock) AdviseHugePages(p, n * sizeof(T));
    return p;
  }
  void deallocate(T* p, size_t n) {
    if (kWipe) WipeMemory(p, n * sizeof(T));
    std::allocator<T>::deallocate(p, n);
  }
};

using Bytes = std::vector<uint8_t, RawAllocator<uint8_t, false>>;
// For state bodies, keys and tokens: wiped on every way out.
using SecretBytes = std::vector<uint8_t, RawAllocator<uint8_t, true>>;

// Does not own. The bytes must outlive the view.
class ByteView {
 public:
  ByteView() = default;
  ByteView(const void* data, size_t size) : data_(static_cast<const uint8_t*>(data)), size_(size) {}
  ByteView(const Bytes& b) : ByteView(b.data(), b.size()) {}        // NOLINT: a view
  ByteView(const SecretBytes& b) : ByteView(b.data(), b.size()) {}  // NOLINT: a view
  ByteView(std::string_view s) : ByteView(s.data(), s.size()) {}    // NOLINT: a view
  ByteView(const std::string& s) : ByteView(s.data(), s.size()) {}  // NOLINT: a view
  template <size_t N>
  ByteView(const std::array<uint8_t, N>& a) : ByteView(a.data(), N) {}  // NOLINT: a view

  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const uint8_t* begin() const { return data_; }
  const uint8_t* end() const { return data_ + size_; }
  uint8_t operator[](size_t i) const { return data_[i]; }
  // REQUIRES: from + n <= size()
  ByteView Sub(size_t from, size_t n) const { return {data_ + from, n}; }
  std::string_view AsString() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

inline bool operator==(ByteView a, ByteView b) { return a.AsString() == b.AsString(); }
inline bool operator!=(ByteView a, ByteView b) { return !(a == b); }

}  // namespace stateward

#endif  // STATEWARD_BYTES_H_
