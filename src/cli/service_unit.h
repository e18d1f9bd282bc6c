// How systemd starts the server on this host: what statewardctl needs of the unit's file to meet
// the store as the server does (docs/running.md, "statewardctl on a host").
#ifndef STATEWARD_CLI_SERVICE_UNIT_H_
#define STATEWARD_CLI_SERVICE_UNIT_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stateward/result.h"

namespace stateward {

// As systemd.exec(5) names them. Lists are in the order of the file.
struct ServiceUnit {
  std::string path;  // where it was found
  std::string user;  // "" = root
  std::string group;
  std::vector<std::string> supplementary_groups;
  std::string working_directory;
  std::string env_file;                        // of ExecStart's --env-file
  std::vector<std::string> environment;        // NAME=VALUE
  std::vector<std::string> environment_files;  // without the "-" that lets one be missing
  std::vector<std::pair<std::string, std::string>> credentials;  // LoadCredential: name, path
  std::vector<std::pair<std::string, std::string>> defaults;     // SetCredential: name, text
  std::string state_directory;                                   // below /var/lib; "" = none
};

// Adds what `text` says to *unit, as systemd adds a drop-in: a later value wins, lists grow, and an
// empty value empties them.
void ParseUnitText(std::string_view text, ServiceUnit* unit);

// A unit by its name or the path of its file, with its drop-ins. `name` "" = the one that is
// installed of those that are shipped; when several are that differ, kInvalidArgument.
// kNotFound: there is none.
Result<ServiceUnit> FindServiceUnit(const std::string& name);

}  // namespace stateward

#endif  // STATEWARD_CLI_SERVICE_UNIT_H_
