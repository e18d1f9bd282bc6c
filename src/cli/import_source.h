// The source that the options of `statewardctl import` name.
#ifndef STATEWARD_CLI_IMPORT_SOURCE_H_
#define STATEWARD_CLI_IMPORT_SOURCE_H_

#include <memory>

#include "admin/params.h"
#include "cli/cli_context.h"
#include "moving/import_names.h"
#include "moving/source.h"

namespace stateward {

// `names`: which workspaces there are, where the source cannot list them.
// kInvalidArgument: not exactly one source, or settings of it are wrong.
Result<std::unique_ptr<Source>> OpenImportSource(const CliContext& cli, const Args& args,
                                                 const ImportNames& names);

}  // namespace stateward

#endif  // STATEWARD_CLI_IMPORT_SOURCE_H_
