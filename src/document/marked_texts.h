// The texts that stand in values which a document marks as sensitive. Such a text stands elsewhere
// without a mark, too: a resource's output repeats its input, a policy names a password.
#ifndef STATEWARD_DOCUMENT_MARKED_TEXTS_H_
#define STATEWARD_DOCUMENT_MARKED_TEXTS_H_

#include <cstddef>
#include <string_view>
#include <vector>

#include "document/document_parts.h"
#include "stateward/status.h"

namespace stateward {

class MarkedTexts {
 public:
  // Shorter ones ("eu-west", "string") stand everywhere; a password of less is weak anyway.
  static constexpr size_t kShortest = 8;
  // 16 bytes each; documents hold some thousand.
  static constexpr size_t kMost = 1000000;

  // kTooLarge: kMost.
  Status AddFrom(const Part& part);
  // Whether one of them stands in `json` as a text of its own. REQUIRES: Seal() was called.
  bool StandsIn(std::string_view json) const;
  // After the last AddFrom.
  void Seal();

 private:
  std::vector<PartDigest> digests_;
};

}  // namespace stateward

#endif  // STATEWARD_DOCUMENT_MARKED_TEXTS_H_
