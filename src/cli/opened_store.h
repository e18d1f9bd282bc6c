// The store that the settings name, with its keys, for commands that go through all of it.
#ifndef STATEWARD_CLI_OPENED_STORE_H_
#define STATEWARD_CLI_OPENED_STORE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "app/backends.h"
#include "cli/cli_context.h"
#include "kms/envelope_kms.h"
#include "kms/key_tag.h"
#include "kms/open_kms.h"
#include "stateward/result.h"

namespace stateward {

struct OpenedStore {
  Config config;
  std::shared_ptr<EnvelopeKms> kms;
  Backends backends;  // its Kms is `kms`
  std::string store_id;

  Storage& storage() { return *backends.storage; }
};

// The settings as the server reads them, and a store that its marker lets be used.
Result<std::unique_ptr<OpenedStore>> OpenStore(const CliContext& cli);

// The keys' part of the settings alone, through cli.setting: a tool for the bad day must not fail
// because of the others.
Result<KmsSettings> KmsSettingsOf(const CliContext& cli);

// Of all states, in order.
Result<std::vector<StateId>> AllStates(Records& records);

// The key that record n was sealed with. kNotFound: pruned. kCorruption: not a record.
Result<KeyTag> TagOfRecord(Records& records, const StateId& id, uint64_t n);
// The key that this Kms seals with now.
Result<KeyTag> SealingTag(EnvelopeKms& kms);

}  // namespace stateward

#endif  // STATEWARD_CLI_OPENED_STORE_H_
