// Which ways in the settings open: checked before the start, and told once.
#ifndef STATEWARD_APP_WAYS_IN_H_
#define STATEWARD_APP_WAYS_IN_H_

#include <string>

#include "base/log.h"
#include "config/config.h"
#include "stateward/result.h"

namespace stateward {

// One line for the log. kInvalidArgument, kUnavailable: the policy file is no good; a server does
// not start with it. `strict`: what keeps one issuer of it from working is an error, too.
Result<std::string> DescribeWaysIn(const Config& config, const Log& log, bool strict);

}  // namespace stateward

#endif  // STATEWARD_APP_WAYS_IN_H_
