// The parameters of the commands that move stores (docs/moving/store.md).
#ifndef STATEWARD_CLI_COMMANDS_MOVING_H_
#define STATEWARD_CLI_COMMANDS_MOVING_H_

#include "admin/params.h"

namespace stateward {

inline constexpr Param kCopyParams[] = {
    {"to-env-file", ParamKind::kText, ParamUse::kRequiredOption, "FILE",
     "the settings of the servers that shall serve it then"},
    {"wait", ParamKind::kNumber, ParamUse::kOption, "SECONDS",
     "how long locks that are held are waited for", "0", 0, 86400},
    {"give-up", ParamKind::kFlag, ParamUse::kOption, "",
     "open the source again that a run closed which did not come to its end"},
};

inline constexpr Param kBackupVerifyParams[] = {
    {"file", ParamKind::kFile, ParamUse::kArgument, "FILE", "a backup"},
};

inline constexpr Param kExportParams[] = {
    {"states", ParamKind::kGlob, ParamUse::kArgument, "GLOB",
     "which states: net/prod, a project, or '*/*'"},
    {"versions", ParamKind::kFlag, ParamUse::kOption, "",
     "the older versions, too: PROJECT/NAME.versions/N.tfstate"},
    {"original-key", ParamKind::kFile, ParamUse::kOption, "FILE",
     "as terraform-backend keeps them: ID.tfstate, sealed with the key in FILE, its KMS_KEY; mode "
     "0600"},
    {"secrets", ParamKind::kFile, ParamUse::kOption, "FILE",
     "with --original-key: the secrets of basic auth whose states go along, one a line; mode 0600"},
};

inline constexpr Param kRestoreParams[] = {
    {"file", ParamKind::kFile, ParamUse::kArgument, "FILE", "a backup"},
    {"into", ParamKind::kText, ParamUse::kRequiredOption, "ENVFILE",
     "the settings of the store that is made, with keys that open the backup"},
    {"new-identity", ParamKind::kFlag, ParamUse::kOption, "",
     "it becomes another store with the same states: everything is sealed again"},
    {"old-identity", ParamKind::kFlag, ParamUse::kOption, "",
     "it is the old store, which is lost: two places with one identity mix states"},
};

}  // namespace stateward

#endif  // STATEWARD_CLI_COMMANDS_MOVING_H_
