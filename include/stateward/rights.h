// What a principal may do with a state: a set of rights. Pure values.
#ifndef STATEWARD_RIGHTS_H_
#define STATEWARD_RIGHTS_H_

#include <cstdint>
#include <initializer_list>

namespace stateward {

enum class Right : uint8_t {
  kSee,         // that the state is there: its name, size, serial, times, writers, lock
  kOutputs,     // read the root outputs, those that are not sensitive
  kRead,        // read the documents, and with them each secret in them
  kLock,        // take the lock and release one's own
  kWrite,       // write documents; release by force the lock of somebody who may not write
  kForce,       // release the locks of others by force
  kDelete,      // delete the state
  kAdminister,  // use the locks of others; what removes history for good
};

// No right contains another: a role names all that it has.
class Rights {
 public:
  constexpr Rights() = default;
  constexpr Rights(std::initializer_list<Right> list) {
    for (Right right : list) bits_ = static_cast<uint8_t>(bits_ | BitOf(right));
  }
  static constexpr Rights All() { return Rights(uint8_t{0xff}); }

  constexpr bool Empty() const { return bits_ == 0; }
  constexpr bool Has(Right right) const { return (bits_ & BitOf(right)) != 0; }
  constexpr bool Contains(Rights other) const { return (bits_ & other.bits_) == other.bits_; }
  constexpr Rights Union(Rights other) const {
    return Rights(static_cast<uint8_t>(bits_ | other.bits_));
  }

  friend constexpr bool operator==(Rights a, Rights b) { return a.bits_ == b.bits_; }
  friend constexpr bool operator!=(Rights a, Rights b) { return a.bits_ != b.bits_; }

 private:
  explicit constexpr Rights(uint8_t bits) : bits_(bits) {}
  static constexpr uint8_t BitOf(Right right) {
    return static_cast<uint8_t>(1u << static_cast<unsigned>(right));
  }

  uint8_t bits_ = 0;
};

}  // namespace stateward

#endif  // STATEWARD_RIGHTS_H_
