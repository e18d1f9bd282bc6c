// What lists show of states, kept in the store's cache where it costs a round trip to a service to
// read it: in S3, and under Transit (docs/formats.md, "Cache").
//
// An entry holds the rows of the states whose id begins with a prefix. A row is used only while the
// record that it was made from still is the state's newest: number and stamp are compared with what
// the storage says now (Records::Ends), so no change has to know of the cache.
//
// Pure but for Load and Save. Thread-safe.
#ifndef STATEWARD_ADMIN_SUMMARY_CACHE_H_
#define STATEWARD_ADMIN_SUMMARY_CACHE_H_

#include <map>
#include <string>
#include <vector>

#include "admin/summaries.h"
#include "history/history.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

// Whether reading a summary costs so much that it pays to keep it.
bool SummariesAreDear(const History& history);

// By the state's id.
using CachedSummaries = std::map<std::string, StateSummary>;

// Those of `ends` whose rows are right. Empty when there is no entry, or none that opens. An error:
// a service could not say; the list cannot be made now.
Result<CachedSummaries> LoadSummaries(const History& history, const std::string& prefix,
                                      const std::vector<Records::End>& ends);
// Writes the rows of `states`, which were read at `ends`; those that do not open are left out. A
// failure is none of the list: it is made from the records the next time.
void SaveSummaries(const History& history, const std::string& prefix,
                   const std::vector<Records::End>& ends, const std::vector<StateSummary>& states);

// "list", "list-a": the entry's name. And back; nullopt: another entry.
std::string SummariesName(const std::string& prefix);

}  // namespace stateward

#endif  // STATEWARD_ADMIN_SUMMARY_CACHE_H_
