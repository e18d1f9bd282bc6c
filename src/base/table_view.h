// The rows of a constant table, without its size in the type. A value; the array must outlive it.
#ifndef STATEWARD_BASE_TABLE_VIEW_H_
#define STATEWARD_BASE_TABLE_VIEW_H_

#include <cstddef>

namespace stateward {

template <typename Row>
class TableView {
 public:
  constexpr TableView() = default;
  template <size_t N>
  constexpr TableView(const Row (&rows)[N]) : rows_(rows), size_(N) {}  // NOLINT: as its array

  constexpr const Row* begin() const { return rows_; }
  constexpr const Row* end() const { return rows_ + size_; }
  constexpr size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr const Row& operator[](size_t i) const { return rows_[i]; }

 private:
  const Row* rows_ = nullptr;
  size_t size_ = 0;
};

}  // namespace stateward

#endif  // STATEWARD_BASE_TABLE_VIEW_H_
