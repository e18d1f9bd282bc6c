// Which host of a store does the jobs that one of a store must do: the lease `jobs` in the store
// (docs/formats.md, "Leases").
//
// A holder is judged by its progress, not by clocks of different hosts: it counts a number up, and
// who waits takes over when that number has not moved between several of its own looks. A holder
// that stood still finds its lease gone at its next look; until then two may do the same jobs,
// which does no harm to any of them. While nobody waits, the holder only reads.
#ifndef STATEWARD_JOBS_STORE_LEASE_H_
#define STATEWARD_JOBS_STORE_LEASE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "stateward/bytes.h"
#include "stateward/leases.h"
#include "stateward/result.h"

namespace stateward {

// Used by one thread.
class StoreLease {
 public:
  // Between two looks, of a holder and of who waits.
  static constexpr int64_t kLookMs = 2000;
  // So many looks in a row without progress end a holder, at most 8 s after its last step; one that
  // works is never later than 4 s.
  static constexpr int kLooksWithoutProgress = 3;
  // A holder asks this often whether somebody still waits.
  static constexpr int64_t kAskMs = int64_t{10} * 60 * 1000;

  // The next looks are of the host `self` (32 hex digits). A lease that it holds is its own from
  // the start: another process of this host held it, and is gone.
  void Begin(const std::string& self);
  // One look, to be had every kLookMs. Whether the lease is held, in *held; with an error as
  // before.
  Status Look(Leases& leases, int64_t steady_us, bool* held);
  // Lets another host go on at its next look. Best effort.
  void GiveUp(Leases& leases);

  struct Text {
    std::string holder;  // "": nobody
    uint64_t step = 0;   // raised by the holder
    bool waits = false;  // somebody looks whether it is
  };
  static Bytes Format(const Text& text);
  // nullopt: not one.
  static std::optional<Text> Parse(ByteView bytes);

 private:
  bool IsOwn(const std::optional<Text>& text) const;
  Status LookAsHolder(Leases& leases, const Bytes& now, const Text& text, int64_t steady_us);
  Status LookAsWaiting(Leases& leases, const Bytes& now, int64_t steady_us);
  Status Take(Leases& leases, const Bytes& now, int64_t steady_us);

  std::string self_;
  bool held_ = false;
  bool begun_ = false;  // no look since Begin
  uint64_t step_ = 0;   // the last that was written, or may have been
  int64_t asked_us_ = 0;
  Bytes seen_;  // another's
  int unmoved_ = 0;
};

}  // namespace stateward

#endif  // STATEWARD_JOBS_STORE_LEASE_H_
