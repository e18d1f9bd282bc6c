// A digest of what a JSON value says, taken from the tokens of a walk.
#ifndef STATEWARD_DOCUMENT_TOKEN_DIGEST_H_
#define STATEWARD_DOCUMENT_TOKEN_DIGEST_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json_text.h"
#include "base/sha256.h"
#include "document/document_parts.h"
#include "stateward/bytes.h"

namespace stateward {

// Each token goes in with its kind and its length in front, so that no two values are alike. Used
// by one thread; what it keeps is wiped.
class TokenDigest {
 public:
  TokenDigest() = default;

  // `raw` of a string or a key as it stands between the quotes.
  void Add(char kind, std::string_view raw) {
    const bool text = kind == 's' || kind == 'k';
    if (text && raw.find('\\') != raw.npos) {
      std::string plain = JsonUnescape(raw);
      Put(kind, plain);
      WipeMemory(plain.data(), plain.size());
    } else {
      Put(kind, raw);
    }
  }

  PartDigest Finish() {
    Sha256Digest whole;
    if (stream_) {
      stream_->Update(buffer_);
      whole = stream_->Finish();
      stream_.reset();
    } else {
      whole = Sha256(buffer_);
    }
    buffer_.clear();
    PartDigest half;
    std::copy(whole.begin(), whole.begin() + half.size(), half.begin());
    return half;
  }

 private:
  // Most values fit into a piece, and one call for all of it is three times as fast as a stream.
  static constexpr size_t kPiece = size_t{64} * 1024;
  static constexpr size_t kRoom = 16;

  void Put(char kind, std::string_view text) {
    if (buffer_.size() + text.size() + kRoom > kPiece) Flush();
    buffer_.push_back(static_cast<uint8_t>(kind));
    for (int i = 0; i < 8; ++i) buffer_.push_back(static_cast<uint8_t>(text.size() >> (8 * i)));
    if (text.size() > kPiece) {
      Flush();
      stream_->Update(text);
    } else {
      buffer_.insert(buffer_.end(), text.begin(), text.end());
    }
  }
  void Flush() {
    if (!stream_) stream_.emplace();
    stream_->Update(buffer_);
    buffer_.clear();
  }

  SecretBytes buffer_;
  std::optional<Sha256Stream> stream_;
};

}  // namespace stateward

#endif  // STATEWARD_DOCUMENT_TOKEN_DIGEST_H_
