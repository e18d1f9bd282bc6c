// statewardctl: the administrator's tool.
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/cli_context.h"
#include "cli/cmd_adopt.h"
#include "cli/cmd_convert_transit.h"
#include "cli/cmd_decrypt.h"
#include "cli/cmd_drop_name.h"
#include "cli/cmd_init.h"
#include "cli/cmd_keygen.h"
#include "cli/cmd_keys.h"
#include "cli/cmd_passwd.h"
#include "cli/cmd_policy.h"
#include "cli/cmd_prune.h"
#include "cli/cmd_quarantine.h"
#include "cli/cmd_rekey.h"
#include "cli/host_setup.h"
#include "config/config.h"

namespace stateward {
namespace {

// Of the host: nothing; the server's settings; the server's user, since it works on the store.
enum class Needs : uint8_t { kNothing, kSettings, kStore };

struct Command {
  std::string_view name;
  int (*run)(const CliContext&, const std::vector<std::string>&);
  std::string_view help;
  Needs needs = Needs::kNothing;
};

constexpr Command kCommands[] = {
    {"keygen", CmdKeygen, kKeygenHelp},
    {"keys", CmdKeys, kKeysHelp, Needs::kStore},
    {"rekey", CmdRekey, kRekeyHelp, Needs::kStore},
    {"convert-transit", CmdConvertTransit, kConvertTransitHelp, Needs::kStore},
    {"init", CmdInit, kInitHelp, Needs::kStore},
    {"decrypt", CmdDecrypt, kDecryptHelp, Needs::kSettings},
    {"quarantine", CmdQuarantine, kQuarantineHelp, Needs::kStore},
    {"prune", CmdPrune, kPruneHelp, Needs::kStore},
    {"adopt", CmdAdopt, kAdoptHelp, Needs::kStore},
    {"drop-name", CmdDropName, kDropNameHelp, Needs::kStore},
    {"policy", CmdPolicy, kPolicyHelp, Needs::kSettings},
    {"passwd", CmdPasswd, kPasswdHelp},
    {"token", CmdToken, kTokenHelp},
};

int Usage(FILE* to) {
  fprintf(to, "usage: statewardctl [OPTION]... COMMAND ...\n%s", kHostOptionsHelp);
  for (const Command& command : kCommands) {
    fprintf(to, "\n%.*s", static_cast<int>(command.help.size()), command.help.data());
  }
  return to == stdout ? kExitOk : kExitUsage;
}

int Fail(const std::string& why) {
  fprintf(stderr, "statewardctl: %s\n", why.c_str());
  return kExitFailed;
}

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

int Run(const Command& command, const std::vector<std::string>& args, HostSetup* host) {
  Status entered;
  if (command.needs != Needs::kNothing) entered = host->ReadUnit();
  if (entered.ok()) entered = host->TakeEnvironment();
  if (entered.ok()) entered = host->OpenFiles(args);
  if (entered.ok() && command.needs == Needs::kStore) entered = host->Enter();
  EnvMap environment;
  if (entered.ok()) entered = ReadSettings(host->env_file(), &environment);
  if (!entered.ok()) return Fail(host->note() + entered.detail());
  CliContext context;
  context.env_file = host->env_file();
  context.setting = [&environment](const std::string& name) { return LookUp(environment, name); };
  context.open_input = [host](const std::string& path) { return host->OpenInput(path); };
  if (host->output() != nullptr) context.out = host->output();
  int code = command.run(context, args);
  if (host->output() != nullptr && fflush(host->output()) != 0) code = Fail("the output failed");
  if (code == kExitFailed && !host->note().empty()) {
    Fail(host->note() +
         "run statewardctl as root: it reads what the unit reads and then becomes "
         "the server's user");
  }
  return code;
}

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

// A command has the options that its help names.
bool HelpNames(std::string_view help, std::string_view option) {
  for (size_t at = help.find(option); at != help.npos; at = help.find(option, at + 1)) {
    size_t end = at + option.size();
    bool begins = at == 0 || !IsWordByte(help[at - 1]);
    if (begins && (end == help.size() || !IsWordByte(help[end]))) return true;
  }
  return false;
}

// Help, and what the command does not know, come before anything is done.
std::optional<int> Refuse(const Command& command, const std::vector<std::string>& args) {
  std::string_view help = command.help;
  auto print = [&](FILE* to) { fprintf(to, "%.*s", static_cast<int>(help.size()), help.data()); };
  for (const std::string& arg : args) {
    if (arg != "--help" && arg != "-h") continue;
    print(stdout);
    return kExitOk;
  }
  for (const std::string& arg : args) {
    if (arg.size() < 2 || arg[0] != '-' || HelpNames(help, arg)) continue;
    fprintf(stderr, "statewardctl: no such option: %s\nusage:\n", arg.c_str());
    print(stderr);
    return kExitUsage;
  }
  return std::nullopt;
}

int Main(int argc, char** argv) {
  std::vector<std::string> args(argv + 1, argv + argc);
  HostOptions options;
  if (!TakeHostOptions(&args, &options) || args.empty()) return Usage(stderr);
  const std::string asked = args.front();
  args.erase(args.begin());
  if (asked == "help" || asked == "--help" || asked == "-h") return Usage(stdout);
  for (const Command& command : kCommands) {
    if (command.name != asked) continue;
    if (std::optional<int> refused = Refuse(command, args)) return *refused;
    HostSetup host(std::move(options));
    return Run(command, args, &host);
  }
  return Usage(stderr);
}

}  // namespace
}  // namespace stateward

int main(int argc, char** argv) { return stateward::Main(argc, argv); }
