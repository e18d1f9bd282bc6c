// A T, or the Status that explains its absence. Never holds an OK Status.
#ifndef STATEWARD_RESULT_H_
#define STATEWARD_RESULT_H_

#include <cassert>
#include <utility>
#include <variant>

#include "stateward/status.h"

namespace stateward {

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : v_(std::in_place_index<1>, std::move(value)) {}  // NOLINT: implicit by design
  Result(Status status) : v_(std::in_place_index<0>, std::move(status)) {  // NOLINT: as above
    assert(!std::get<0>(v_).ok());
  }

  bool ok() const { return v_.index() == 1; }
  // REQUIRES: !ok()
  const Status& status() const& { return std::get<0>(v_); }
  Status&& status() && { return std::get<0>(std::move(v_)); }
  // REQUIRES: ok()
  T& operator*() & { return std::get<1>(v_); }
  const T& operator*() const& { return std::get<1>(v_); }
  T&& operator*() && { return std::get<1>(std::move(v_)); }
  T* operator->() { return &std::get<1>(v_); }
  const T* operator->() const { return &std::get<1>(v_); }

 private:
  std::variant<Status, T> v_;
};

}  // namespace stateward

// Puts the value of `expr`, a Result, into `to`, which may declare a variable; an error is
// returned. Not below an `if` without braces: it is three statements.
#define STATEWARD_ASSIGN_OR_RETURN(to, expr) \
  STATEWARD_ASSIGN_OR_RETURN_OF(STATEWARD_JOIN(result_, __LINE__), to, expr)
#define STATEWARD_ASSIGN_OR_RETURN_OF(result, to, expr) \
  auto result = (expr);                                 \
  if (!result.ok()) return std::move(result).status();  \
  to = *std::move(result)
#define STATEWARD_JOIN(a, b) STATEWARD_JOIN_OF(a, b)
#define STATEWARD_JOIN_OF(a, b) a##b

#endif  // STATEWARD_RESULT_H_
