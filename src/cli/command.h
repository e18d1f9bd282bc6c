// A command that works on this host alone: what needs files, terminals or keys that no client may
// give. What people do with states and the store is an operation (admin/operation.h).
//
// To add one: a function `int CmdName(const CliContext&, const Args&)` and a row in commands.cc.
#ifndef STATEWARD_CLI_COMMAND_H_
#define STATEWARD_CLI_COMMAND_H_

#include <string_view>
#include <vector>

#include "admin/operation.h"
#include "admin/params.h"
#include "base/table_view.h"
#include "cli/cli_context.h"

namespace stateward {

// Of the host: nothing; the server's settings; the server's user, since it works on the store.
enum class HostNeeds : uint8_t { kNothing, kSettings, kStore };

struct Command {
  std::string_view name;  // "keys", "policy check"
  HostNeeds needs = HostNeeds::kNothing;
  ParamTable params;
  std::string_view help;                                 // one line, without its full stop
  std::string_view about;                                // more, in sentences; "" = none
  std::string_view examples;                             // command lines, each with its end of line
  int (*run)(const CliContext&, const Args&) = nullptr;  // returns the exit code
  bool hidden = false;                                   // in no help: for builds
};
TableView<Command> Commands();

// A command of statewardctl, whichever table it stands in. What it names is constant.
struct CommandForm {
  std::string_view name;
  HostNeeds needs = HostNeeds::kStore;
  ParamTable params;
  std::string_view help;
  std::string_view about;
  std::string_view examples;
  const Operation* operation = nullptr;  // one of the two
  const Command* command = nullptr;

  bool hidden() const { return command != nullptr && command->hidden; }
  bool asks() const { return operation != nullptr && !operation->asks.empty(); }
};
// All of them by name.
std::vector<CommandForm> CommandForms();

// What every command takes: --env-file, --output, --json, …
ParamTable CommonParams();
// Of those that ask before they do something: --yes.
extern const Param kYesParam;

}  // namespace stateward

#endif  // STATEWARD_CLI_COMMAND_H_
