// Which address each imported state gets.
#ifndef STATEWARD_MOVING_IMPORT_NAMES_H_
#define STATEWARD_MOVING_IMPORT_NAMES_H_

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

// `pattern` with `workspace` in the place of each {workspace}.
std::string FillPattern(const std::string& pattern, const std::string& workspace);

// A value; thread-safe.
class ImportNames {
 public:
  // "net/network-{workspace}": every {workspace} is exchanged. kInvalidArgument: no pattern that
  // could give an address.
  static Result<ImportNames> OfPattern(const std::string& pattern);
  // A file's text: WORKSPACE, white space, PROJECT/NAME, a line each; empty lines and those that
  // begin with # count for nothing. kInvalidArgument: with the line's number; or two lines give one
  // address.
  static Result<ImportNames> OfFile(std::string_view text);

  // kNotFound: the file does not name this workspace. kInvalidArgument: what comes of it is no
  // address.
  Result<StateKey> Of(const std::string& workspace) const;
  // Those that the file names; of a pattern: none.
  std::vector<std::string> Workspaces() const;
  // A pattern without {workspace}: for a source of one state.
  bool IsOneAddress() const;
  // Those that the file names and that are not among `there`: it was meant otherwise.
  std::vector<std::string> Missing(const std::set<std::string>& there) const;

 private:
  std::string pattern_;
  std::map<std::string, StateKey> names_;
};

}  // namespace stateward

#endif  // STATEWARD_MOVING_IMPORT_NAMES_H_
