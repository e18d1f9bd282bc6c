// What an operation or a command takes: the rows of its table of parameters, and the values that
// were given for them. The command line, the query or body of an HTTP request, the help, the man
// page, the completion and the OpenAPI file are all made from these rows.
//
// Tables are constant; Args is a value and not synchronised.
#ifndef STATEWARD_ADMIN_PARAMS_H_
#define STATEWARD_ADMIN_PARAMS_H_

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/table_view.h"
#include "stateward/state.h"
#include "stateward/status.h"

namespace stateward {

enum class ParamKind : uint8_t {
  kFlag,    // there or not; over HTTP "true" or "false"
  kText,    // UTF-8 without control characters; `min` to `max` bytes
  kNumber,  // a whole number; `min` to `max`
  kAge,     // a number and one of s, m, h, d, w: "90d"; `min` to `max` seconds
  kTime,    // "2027-01-31T00:00:00Z"
  kChoice,  // one of `choices`
  kState,   // PROJECT/NAME; over HTTP {project} and {name} of the path
  kGlob,  // over PROJECT/NAME, * is any number of bytes but "/"; without a "/" it is the project's
  kFile,  // the path of a file that the command reads; on the command line only
  kEnvFile,  // the path of another store's settings; on the command line only
};

enum class ParamUse : uint8_t {
  kArgument,          // without a name on the command line, in the table's order; required
  kOptionalArgument,  // the same, but may be missing
  kManyArguments,     // all arguments that are left; at least one
  kOption,            // --name VALUE
  kRequiredOption,
  kManyOptions,  // --name VALUE, as often as one likes
};

// Where a parameter exists.
enum class ParamReach : uint8_t {
  kEverywhere,
  kCommandLine,  // not over HTTP
};

inline constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();
// A line of text for people: longer ones do not fit into a record's sealed front.
inline constexpr uint64_t kMaxParamText = 1024;

struct Param {
  std::string_view name;  // lower case, words joined by "-"
  ParamKind kind = ParamKind::kFlag;
  ParamUse use = ParamUse::kOption;
  std::string_view value;          // what the help calls the value: "N"; "" for a flag
  std::string_view help;           // one sentence, without its full stop
  std::string_view fallback = {};  // the value when the caller gives none; "" = it is absent then
  uint64_t min = 0;
  uint64_t max = kNoLimit;
  std::string_view choices = {};  // "name|size|time"
  ParamReach reach = ParamReach::kEverywhere;
};
using ParamTable = TableView<Param>;

bool IsArgument(const Param& row);
bool IsRequired(const Param& row);
bool IsMany(const Param& row);
// nullptr: the table has none of that name.
const Param* FindParam(const ParamTable& table, std::string_view name);
// "name", "size" of "name|size".
std::vector<std::string_view> ChoicesOf(const Param& row);

// "2027-01-31T00:00:00Z"; false when it is not such a text.
bool ParseTimeText(const std::string& text, int64_t* ms);

// The values of one call, each checked against its row.
class Args {
 public:
  // kInvalidArgument, with a text for the caller: not of the row's kind, out of its limits, or
  // given twice. An empty text is no value of any kind but kText.
  Status Add(const Param& row, std::string_view text);
  // After the last Add. kInvalidArgument: a required one is missing. Fills in what is absent and
  // has a fallback.
  Status Finish(const ParamTable& table);

  bool Has(std::string_view name) const { return values_.find(name) != values_.end(); }
  // The text; "" = absent.
  const std::string& Text(std::string_view name) const;
  bool Flag(std::string_view name) const { return Has(name) && Text(name) != "false"; }
  // 0 = absent.
  uint64_t Number(std::string_view name) const;
  int64_t AgeMs(std::string_view name) const;
  int64_t TimeMs(std::string_view name) const;
  const std::vector<std::string>& All(std::string_view name) const;
  // The project and name of a kState; the tenant is empty.
  StateKey State(std::string_view name = "state") const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

}  // namespace stateward

#endif  // STATEWARD_ADMIN_PARAMS_H_
