// Plays a Terraform client against a live site, and says what in front of Stateward is set wrong.
#ifndef STATEWARD_DOCTOR_DOCTOR_H_
#define STATEWARD_DOCTOR_DOCTOR_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "doctor/faults.h"
#include "http_client/http_client.h"
#include "stateward/secret.h"

namespace stateward {

struct DoctorOptions {
  std::string url;             // of a state that is not there; it is made, and deleted at the end
  std::string plain_url;       // the same by plain HTTP; "" = not looked at
  SecretString authorization;  // the header's value
  int64_t pause_ms = 25000;    // of the slow body: longer than Apache's default patience of 20 s
};

struct Finding {
  bool ok = true;
  std::string what;        // what was tried, or what is wrong
  std::string mend;        // "" when ok
  std::string_view fault;  // its name; "" when ok
};

// Runs all looks, in order; ends early where no further one has a sense. `say` hears each finding
// as it comes. Returns how many are wrong; -1: the site was not reached. `client` may use plain
// HTTP.
int Examine(HttpClient& client, const DoctorOptions& options,
            const std::function<void(const Finding&)>& say);

}  // namespace stateward

#endif  // STATEWARD_DOCTOR_DOCTOR_H_
