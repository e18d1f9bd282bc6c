// How exported states lie in the tar file.
#ifndef STATEWARD_CLI_EXPORT_LAYOUT_H_
#define STATEWARD_CLI_EXPORT_LAYOUT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "moving/tar.h"
#include "stateward/bytes.h"
#include "stateward/result.h"
#include "stateward/secret.h"
#include "stateward/state.h"

namespace stateward {

// Of one export. Not synchronised.
class ExportLayout {
 public:
  virtual ~ExportLayout() = default;
  // Where the state's document lies; nullopt: it stays out, because it is in a namespace whose
  // secret is not known. kConflict: another state of this export lies there.
  virtual Result<std::optional<std::string>> FileOf(const StateKey& key) = 0;
  // kCorruption: the layout cannot hold it. Else as TarWriter::Add.
  virtual Status Write(const std::string& file, ByteView document, int64_t time_ms,
                       TarWriter* tar) const = 0;
};

// PROJECT/NAME.tfstate in clear text, without the namespaces of basic auth.
std::unique_ptr<ExportLayout> PlainLayout();
// terraform-backend's, of its storages fs and s3: ID.tfstate, sealed with `key`. `secrets`: whose
// namespaces go along. kInvalidArgument: `key` has not 32 bytes, or a secret is none.
Result<std::unique_ptr<ExportLayout>> OriginalLayout(SecretBytes key,
                                                     const std::vector<SecretString>& secrets);

}  // namespace stateward

#endif  // STATEWARD_CLI_EXPORT_LAYOUT_H_
