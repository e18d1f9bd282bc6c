// The parameters of the commands that move stores (docs/moving/store.md).
#ifndef STATEWARD_CLI_COMMANDS_MOVING_H_
#define STATEWARD_CLI_COMMANDS_MOVING_H_

#include "admin/params.h"

namespace stateward {

inline constexpr Param kDryRunParam = {"dry-run", ParamKind::kFlag, ParamUse::kOption, "",
                                       "only say what would be done"};

inline constexpr Param kImportParams[] = {
    {"folder", ParamKind::kFile, ParamUse::kOption, "DIR",
     "source: files of the local backend, *.tfstate and terraform.tfstate.d"},
    {"s3",
     ParamKind::kText,
     ParamUse::kOption,
     "BUCKET/KEY",
     "source: the s3 backend, its bucket and the key of the default workspace",
     {},
     3,
     1100},
    {"workspace-key-prefix", ParamKind::kText, ParamUse::kOption, "PREFIX",
     "with --s3: as the backend's block says", "env:", 1, 512},
    {"pg",
     ParamKind::kText,
     ParamUse::kOption,
     "SCHEMA",
     "source: the pg backend, its schema (terraform_remote_state, unless the block says otherwise)",
     {},
     1,
     63},
    {"http",
     ParamKind::kText,
     ParamUse::kOption,
     "URL",
     "source: an address of the http backend; with {workspace} in it, one for each of --names",
     {},
     8,
     1024},
    {"gitlab",
     ParamKind::kText,
     ParamUse::kOption,
     "URL",
     "source: all states of a GitLab project, its page",
     {},
     8,
     1024},
    {"tfe",
     ParamKind::kText,
     ParamUse::kOption,
     "URL",
     "source: the workspaces of HCP Terraform or Terraform Enterprise: https://HOST/ORGANIZATION",
     {},
     8,
     1024},
    {"source-env", ParamKind::kFile, ParamUse::kOption, "FILE",
     "the source's settings and secrets, NAME=VALUE lines; mode 0600 (docs/moving/)"},
    {"to",
     ParamKind::kText,
     ParamUse::kOption,
     "PATTERN",
     "the new addresses: PROJECT/NAME, where {workspace} stands for what the state is called now",
     {},
     3,
     257},
    {"names", ParamKind::kFile, ParamUse::kOption, "FILE",
     "in the place of --to: WORKSPACE PROJECT/NAME a line; what is not named stays where it is"},
    {"site",
     ParamKind::kText,
     ParamUse::kOption,
     "URL",
     "prints the new backend block of each state; where the web server answers: https://HOST/state",
     {},
     8,
     1024},
    kDryRunParam,
};

inline constexpr Param kCopyParams[] = {
    {"to-env-file", ParamKind::kEnvFile, ParamUse::kRequiredOption, "FILE",
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
     "the older versions, too: PROJECT/NAME@versions/N.tfstate"},
    {"original-key", ParamKind::kFile, ParamUse::kOption, "FILE",
     "as terraform-backend keeps them: ID.tfstate, sealed with the key in FILE, its KMS_KEY; mode "
     "0600"},
    {"secrets", ParamKind::kFile, ParamUse::kOption, "FILE",
     "with --original-key: the secrets of basic auth whose states go along, one a line; mode 0600"},
};

inline constexpr Param kRestoreParams[] = {
    {"file", ParamKind::kFile, ParamUse::kArgument, "FILE", "a backup"},
    {"into", ParamKind::kEnvFile, ParamUse::kRequiredOption, "ENVFILE",
     "the settings of the store that is made, with keys that open the backup"},
    {"new-identity", ParamKind::kFlag, ParamUse::kOption, "",
     "it becomes another store with the same states: everything is sealed again"},
    {"old-identity", ParamKind::kFlag, ParamUse::kOption, "",
     "it is the old store, which is lost: two places with one identity mix states"},
};

}  // namespace stateward

#endif  // STATEWARD_CLI_COMMANDS_MOVING_H_
