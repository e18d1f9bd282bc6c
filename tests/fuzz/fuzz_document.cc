// Every input: ScanDocument() and the slow reader agree in the verdict and in the values.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "document/document_scanner.h"
#include "doubles/reference_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stateward;
  const ByteView text(data, size);
  const Result<DocumentInfo> got = ScanDocument(text);
  const std::optional<reference::Document> want = reference::ReadDocument(text.AsString());
  if (got.ok() != want.has_value()) std::abort();
  if (!got.ok()) return 0;
  if (got->serial != want->serial || got->lineage != want->lineage) std::abort();
  if (got->terraform_version != want->terraform_version) std::abort();
  if (got->encrypted != want->encrypted) std::abort();
  return 0;
}
