// Checks one JSON document in one pass, without a tree and without heap memory, and reports the
// tokens of its outer levels.
//
// Strictly RFC 8259, and of its freedoms only these: the document is an object, nothing but white
// space stands around it, strings are well-formed UTF-8. A \u escape may name a lone surrogate
// (see json_text.h). No number is converted, so none can overflow.
#ifndef STATEWARD_BASE_JSON_WALKER_H_
#define STATEWARD_BASE_JSON_WALKER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "stateward/bytes.h"
#include "stateward/status.h"

namespace stateward {

enum class JsonKind : uint8_t { kObject, kArray, kString, kNumber, kTrue, kFalse, kNull };

// Receives tokens. `depth` is the number of containers that are open around the token: 1 for the
// members of the document. Key and Value return nullptr to go on, or the reason why the walk ends:
// a constant text, so that no byte of the document can get into an error.
class JsonSink {
 public:
  virtual ~JsonSink() = default;
  // raw: what stands between the quotes.
  virtual const char* Key(size_t depth, std::string_view raw) = 0;
  // raw: of a string, what stands between the quotes; of a number, its text; else empty. For a
  // container, called when it opens, with an empty view at its opening bracket; its tokens follow
  // with depth + 1, then Close(depth).
  virtual const char* Value(size_t depth, JsonKind kind, std::string_view raw) = 0;
  virtual void Close(size_t depth) = 0;
  // What is called at a container's end, for sinks that want its text: behind its closing bracket.
  virtual void CloseAt(size_t depth, const char* /*behind*/) { Close(depth); }
};

// A bit for each open container has to be kept.
inline constexpr size_t kJsonDepthCap = 512;

struct JsonLimits {
  size_t max_depth = kJsonDepthCap;  // containers within each other; at most kJsonDepthCap
  size_t report_depth = 1;           // the sink hears of tokens down to this depth
};

// Thread-safe. kInvalidArgument: says what is wrong and at which byte; holds no byte of the
// document.
Status WalkJson(ByteView doc, const JsonLimits& limits, JsonSink* sink);

}  // namespace stateward

#endif  // STATEWARD_BASE_JSON_WALKER_H_
