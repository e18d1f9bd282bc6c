// The memory of a process that bodies and answers take: charged as bytes arrive and as answers
// wait, to the process and to the principal whose they are.
//
//   0 ────────────── limit - reserve ──── limit
//   large bodies and answers              small ones
//
// A principal's large ones have a share of it. Room behind is kept for small ones (LOCK, UNLOCK),
// which count against nobody's share. One large body or answer alone may always grow: it is as
// large as MAX_STATE_BYTES lets it be, and must not be refused for ever.
//
// Thread-safe; a Charge is used by one thread at a time.
#ifndef STATEWARD_FCGI_MEMORY_H_
#define STATEWARD_FCGI_MEMORY_H_

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace stateward {

// Four times the largest lock info (16 KiB), and what one read takes in.
inline constexpr uint64_t kSmallBody = uint64_t{64} * 1024;

class Memory {
 private:
  struct Account {
    uint64_t used = 0;   // by large ones
    uint64_t users = 0;  // charges that point here
  };

 public:
  // What one body or answer takes. Gives it back when it ends.
  class Charge {
   public:
    explicit Charge(Memory& memory) : memory_(memory) {}
    ~Charge() { Release(); }
    Charge(const Charge&) = delete;
    Charge& operator=(const Charge&) = delete;

    // From now on it is this principal's, with what it has already.
    void Belongs(std::string_view principal, bool small);
    // Whether `n` bytes more fit just now; takes nothing.
    bool Fits(uint64_t n) const;
    bool Grow(uint64_t n);
    void Release();

   private:
    bool FitsLocked(uint64_t n) const;

    Memory& memory_;
    uint64_t taken_ = 0;
    bool small_ = true;
    std::string principal_;
    Account* account_ = nullptr;
  };

  // share_percent: of the limit, for the large ones of one principal.
  Memory(uint64_t limit, uint64_t share_percent)
      : limit_(limit), reserve_(limit / kReservePart), share_(limit / 100 * share_percent) {}
  uint64_t Used() const;

 private:
  // 64 MiB of the default gibibyte: 4,096 whole lock infos.
  static constexpr uint64_t kReservePart = 16;

  const uint64_t limit_;
  const uint64_t reserve_;
  const uint64_t share_;
  mutable std::mutex mutex_;
  uint64_t used_ = 0;
  uint64_t large_ = 0;                                 // of used_
  std::unordered_map<std::string, Account> accounts_;  // of those who have large ones
};

}  // namespace stateward

#endif  // STATEWARD_FCGI_MEMORY_H_
