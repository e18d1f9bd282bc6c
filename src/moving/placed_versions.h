// Puts many versions of one state in front of what it has, and nobody ever reads a part of them.
//
// The newest version is made in one step, in front of places that are kept free for the older ones
// and look like nothing (no-op records); these are filled in afterwards. What a run that was killed
// has done already is found and gone on from.
//
// Used by one thread, under the state's lock. What it is given must outlive it.
#ifndef STATEWARD_MOVING_PLACED_VERSIONS_H_
#define STATEWARD_MOVING_PLACED_VERSIONS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "history/history.h"
#include "stateward/clock.h"
#include "stateward/result.h"

namespace stateward {

// Who puts them there: writer and operation of the places.
struct Placer {
  std::string writer;
  std::string operation;
};

class PlacedVersions {
 public:
  struct Version {
    uint64_t n = 0;
    VersionInfo info;
  };
  // What stands at the top of the state.
  struct Top {
    uint64_t head = 0;
    uint64_t places = 0;          // at the top, kept free by an earlier run
    std::optional<Version> real;  // the newest record that is no no-op record
  };
  // Version `which` of those that come, 0 = the newest. Of what is opened, the key is not looked
  // at.
  using OpenFn = std::function<Result<Opened>(size_t which)>;

  PlacedVersions(const History& history, StateKey to, Placer placer, const Clock& clock);

  // kCorruption, kUnknownKey: what stands at the top cannot be read.
  Result<Top> LoadTop() const;
  // Puts `count` versions on top and opens the newest. The newest's number. kConflict: somebody
  // else wrote to the state meanwhile.
  Result<uint64_t> Place(const Top& top, size_t count, const OpenFn& open) const;
  // Version `which` goes into the place `newest` - `which`; what is no place any more is left as it
  // is. kNotFound of `open`: the place stays free.
  Status FillIn(uint64_t newest, size_t count, const OpenFn& open) const;

 private:
  const History& history_;
  const StateKey to_;
  const StateId id_;
  const Placer placer_;
  const Clock& clock_;
};

}  // namespace stateward

#endif  // STATEWARD_MOVING_PLACED_VERSIONS_H_
