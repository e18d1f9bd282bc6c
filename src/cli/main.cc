// statewardctl: the administrator's tool.
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

#include "base/shown_text.h"
#include "base/version.h"
#include "cli/cli_context.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/help_text.h"
#include "cli/host_setup.h"
#include "cli/run_operation.h"
#include "cli/run_remote.h"
#include "config/config.h"

namespace stateward {
namespace {

// The environment, and over it the env file.
Status ReadSettings(const std::string& env_file, EnvMap* environment) {
  *environment = ReadEnvironment();
  if (env_file.empty()) return Status();
  std::vector<std::string> problems;
  Result<EnvMap> file = ReadEnvFile(env_file, &problems);
  if (!file.ok()) return std::move(file).status();
  if (!problems.empty()) return Status::InvalidArgument(env_file + ": " + problems.front());
  for (auto& [name, value] : *file) (*environment)[name] = value;
  return Status();
}

// Who started it, whatever it becomes.
std::string StartedBy() {
  const passwd* entry = getpwuid(getuid());
  return entry != nullptr ? entry->pw_name : std::to_string(getuid());
}

HostOptions HostOptionsOf(const Args& common) {
  HostOptions options;
  options.env_file = common.Text("env-file");
  options.unit = common.Text("unit");
  options.user = common.Text("user");
  options.output = common.Text("output");
  options.force = common.Flag("force");
  return options;
}

std::vector<std::string> FilesOf(const CommandLine& line, ParamKind kind) {
  std::vector<std::string> files;
  for (const Param& row : line.form->params) {
    if (row.kind != kind) continue;
    const std::vector<std::string>& all = line.args.All(row.name);
    files.insert(files.end(), all.begin(), all.end());
  }
  return files;
}

Status EnterHost(const CommandLine& line, HostSetup* host, EnvMap* environment) {
  // Another host's store needs nothing of this one.
  const HostNeeds needs = line.common.Has("server") ? HostNeeds::kNothing : line.form->needs;
  if (needs != HostNeeds::kNothing) STATEWARD_RETURN_IF_ERROR(host->ReadUnit());
  STATEWARD_RETURN_IF_ERROR(host->TakeEnvironment());
  STATEWARD_RETURN_IF_ERROR(host->OpenFiles(FilesOf(line, ParamKind::kFile)));
  if (needs == HostNeeds::kStore) {
    STATEWARD_RETURN_IF_ERROR(host->Enter(FilesOf(line, ParamKind::kEnvFile)));
  }
  return ReadSettings(host->env_file(), environment);
}

int RunForm(const CliContext& cli, const CommandLine& line) {
  const Operation* operation = line.form->operation;
  const RemoteOptions remote{line.common.Text("server"), line.common.Text("ca-file"),
                             line.common.Text("credentials")};
  const bool has_remote = !remote.url.empty();
  if (!has_remote && !(remote.ca_file + remote.credentials).empty()) {
    return FailUsage(cli, "--ca-file and --credentials go with --server");
  }
  if (operation == nullptr && has_remote) {
    return FailUsage(cli, "it works on the store's own host alone: there is no --server");
  }
  if (operation == nullptr) return line.form->command->run(cli, line.args);
  return has_remote ? RunRemoteCommand(cli, remote, *operation, line.args)
                    : RunOperationCommand(cli, *operation, line.args);
}

int Run(const CommandLine& line) {
  CliContext cli;
  cli.command = line.form->name;
  cli.user = StartedBy();
  cli.json = line.common.Flag("json");
  cli.quiet = line.common.Flag("quiet");
  cli.yes = line.common.Flag("yes");
  HostSetup host(HostOptionsOf(line.common));
  EnvMap environment;
  const Status entered = EnterHost(line, &host, &environment);
  if (!entered.ok()) return Fail(cli, {entered.code(), host.note() + entered.detail()});
  cli.env_file = host.env_file();
  cli.setting = [&environment](const std::string& name) { return LookUp(environment, name); };
  cli.open_input = [&host](const std::string& path) { return host.OpenInput(path); };
  cli.settings_file = [&host](const std::string& path) { return host.SettingsFile(path); };
  cli.list_folder = [&host](const std::string& path) { return host.ListFolder(path); };
  if (host.output() != nullptr) cli.out = host.output();
  int code = RunForm(cli, line);
  // A full disk must not pass for what was asked for: lines of a policy, a key, a document.
  const int lost = std::fflush(cli.out) != 0 ? errno : 0;
  if (code == kExitOk && (lost != 0 || ferror(cli.out) != 0)) {
    code = Fail(cli, lost == 0 ? Status::Unavailable("the output failed")
                               : FromErrno("the output failed", lost));
  }
  Status kept = host.EndOutput(code);
  if (!kept.ok()) code = Fail(cli, std::move(kept).At("the output failed"));
  if (code != kExitOk && !host.note().empty()) {
    Say(cli.err, "statewardctl: " + host.note() +
                     "run statewardctl as root: it reads what the unit reads and then becomes "
                     "the server's user\n");
  }
  return code;
}

int Main(int argc, char** argv) {
  const CommandLine line = ParseCommandLine({argv, argv + argc});
  if (!line.wrong.empty()) {
    Say(stderr, "statewardctl: " + ShownText(line.wrong) + "\n" +
                    (line.form ? "usage: " + SynopsisOf(*line.form) + "\n" : "") + "statewardctl " +
                    (line.form ? std::string(line.form->name) + " " : "") + "--help says more\n");
    return kExitUsage;
  }
  switch (line.asks) {
    case CommandLine::Asks::kHelp:
      Say(stdout, line.form ? HelpOf(*line.form) : HelpOfAll());
      return kExitOk;
    case CommandLine::Asks::kVersion:
      Say(stdout, "statewardctl " + std::string(kStatewardVersion) + "\n");
      return kExitOk;
    case CommandLine::Asks::kCommand:
      return Run(line);
  }
  return kExitUsage;
}

}  // namespace
}  // namespace stateward

int main(int argc, char** argv) { return stateward::Main(argc, argv); }
