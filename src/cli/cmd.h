// The functions behind the rows of commands.cc, a line each; cmd_*.cc hold them.
#ifndef STATEWARD_CLI_CMD_H_
#define STATEWARD_CLI_CMD_H_

#include "admin/params.h"
#include "cli/cli_context.h"

namespace stateward {

int CmdAdopt(const CliContext& cli, const Args& args);
int CmdBackendConfig(const CliContext& cli, const Args& args);
int CmdBackup(const CliContext& cli, const Args& args);
int CmdBackupVerify(const CliContext& cli, const Args& args);
int CmdConvertTransit(const CliContext& cli, const Args& args);
int CmdCopy(const CliContext& cli, const Args& args);
int CmdDecrypt(const CliContext& cli, const Args& args);
int CmdDoctor(const CliContext& cli, const Args& args);
int CmdDropName(const CliContext& cli, const Args& args);
int CmdExport(const CliContext& cli, const Args& args);
int CmdImport(const CliContext& cli, const Args& args);
int CmdInit(const CliContext& cli, const Args& args);
int CmdKeygen(const CliContext& cli, const Args& args);
int CmdKeys(const CliContext& cli, const Args& args);
int CmdPasswd(const CliContext& cli, const Args& args);
int CmdPolicyCheck(const CliContext& cli, const Args& args);
int CmdPolicyTest(const CliContext& cli, const Args& args);
int CmdReference(const CliContext& cli, const Args& args);
int CmdRekey(const CliContext& cli, const Args& args);
int CmdRestore(const CliContext& cli, const Args& args);
int CmdToken(const CliContext& cli, const Args& args);
int CmdUpgrade(const CliContext& cli, const Args& args);
int CmdWebhookTest(const CliContext& cli, const Args& args);

}  // namespace stateward

#endif  // STATEWARD_CLI_CMD_H_
