// Goes through the resource instances and the outputs of a state document, one at a time and
// without building a tree. Of form 4, which all clients since Terraform 0.12 write.
#ifndef STATEWARD_DOCUMENT_DOCUMENT_PARTS_H_
#define STATEWARD_DOCUMENT_DOCUMENT_PARTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "stateward/bytes.h"
#include "stateward/status.h"

namespace stateward {

// Half a SHA-256. Of what a value says: white space and the spelling of escapes do not count, as
// one client indents its documents and the other does not.
using PartDigest = std::array<uint8_t, 16>;

enum class PartKind : uint8_t { kResource, kData, kOutput };

// A real instance takes some hundred bytes and a document at most MAX_STATE_BYTES (256 MiB unless
// set): beyond it a reader of 50 bytes each would need too much memory.
inline constexpr size_t kMaxParts = 1000000;
// Of one instance. Schemas have dozens, flat maps of old providers some thousand.
inline constexpr size_t kMaxMembers = 100000;

// One attribute of an instance, or what else stands with it. Views of the document.
struct Member {
  // Raw (base/json_text.h). What is no attribute of the resource itself, such as `status` and
  // `private`, is `meta`.
  std::string_view name;
  bool meta = false;
  std::string_view text;  // the value, as JSON
  PartDigest digest{};
};

struct Part {
  PartKind kind = PartKind::kResource;
  std::string address;  // "module.a.aws_instance.web[0]", as `terraform state list` writes it
  std::string type;     // of a resource; else ""
  std::string id;       // the attribute `id`, where it is a text; else ""
  bool deposed = false;
  std::vector<Member> members;
  // Names of the attributes that the document marks as sensitive, also when it only marks a part
  // of the attribute.
  std::set<std::string> sensitive;
  bool all_sensitive = false;  // the whole instance, or a mark that cannot be read
};

// Whether what is shown of a document can come from its parts.
enum class DocumentForm : uint8_t {
  kReadable,
  kEncrypted,  // by OpenTofu: only its size and serial can be told
  kOther,      // not of form 4
};

struct DocumentShape {
  DocumentForm form = DocumentForm::kReadable;
  size_t parts = 0;
};

// Calls `each` for every part in the document's order; its error ends the walk and is returned. A
// document that is not readable has no parts. `*shape` is set when the walk comes to its end.
//
// kInvalidArgument: no JSON object. kConflict: readers may read it in two ways (a key stands
// twice). kTooLarge: kMaxParts, kMaxMembers. The texts hold no byte of the document. Thread-safe.
Status EachPart(ByteView document, DocumentShape* shape,
                const std::function<Status(const Part&)>& each);

struct DocumentCounts {
  DocumentForm form = DocumentForm::kReadable;
  uint64_t resources = 0;  // instances, data sources too: what `terraform state list` lists
  uint64_t outputs = 0;
};
// What `document` holds. Errors: as EachPart.
Status CountParts(ByteView document, DocumentCounts* counts);

}  // namespace stateward

#endif  // STATEWARD_DOCUMENT_DOCUMENT_PARTS_H_
