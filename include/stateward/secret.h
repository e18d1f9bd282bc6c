// A secret text: wiped when freed, compared in constant time, and impossible to print by accident.
#ifndef STATEWARD_SECRET_H_
#define STATEWARD_SECRET_H_

#include <string_view>
#include <utility>

#include "stateward/bytes.h"

namespace stateward {

// True when both have the same length and bytes; the time depends on the lengths alone.
bool EqualInConstantTime(ByteView a, ByteView b);

// Deliberately without operator<< or conversion: a reader must say Reveal() to see the text.
// A value type; not synchronised.
class SecretString {
 public:
  SecretString() = default;
  explicit SecretString(std::string_view text) : bytes_(text.size()) {
    for (size_t i = 0; i < text.size(); ++i) bytes_[i] = static_cast<uint8_t>(text[i]);
  }
  explicit SecretString(SecretBytes bytes) : bytes_(std::move(bytes)) {}

  // Valid while this object lives and is not assigned to.
  std::string_view Reveal() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  bool empty() const { return bytes_.empty(); }
  size_t size() const { return bytes_.size(); }

 private:
  SecretBytes bytes_;
};

}  // namespace stateward

#endif  // STATEWARD_SECRET_H_
