// Reads the XML that S3 and STS answer with: elements and their text, nothing else. A document type
// (HTML, entities of its own) is refused, and so is everything that does not end as it began: what
// a proxy or a portal sends in a service's place is never taken for the service's word.
#ifndef STATEWARD_S3_S3_XML_H_
#define STATEWARD_S3_S3_XML_H_

#include <functional>
#include <string>
#include <string_view>

namespace stateward {

// Called at the end of each element with its path ("ListBucketResult/Contents/Key") and the text
// that stands directly in it.
using XmlElementFn = std::function<void(std::string_view path, std::string_view text)>;

// False when `text` is not one whole document; elements may have been reported by then.
bool WalkXml(std::string_view text, const XmlElementFn& each);

// The text of the first element with that path; "" when there is none or `text` is no document.
std::string XmlText(std::string_view text, std::string_view path);

}  // namespace stateward

#endif  // STATEWARD_S3_S3_XML_H_
