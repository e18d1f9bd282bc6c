// How many threads may think at the same time: there is one thread more than slots, so that one is
// always left that moves bytes. A connection that finds no slot waits its turn.
// Thread-safe.
#ifndef STATEWARD_FCGI_THINK_SLOTS_H_
#define STATEWARD_FCGI_THINK_SLOTS_H_

#include <cstdint>
#include <deque>
#include <mutex>

#include "fcgi/connection.h"

namespace stateward {

class ThinkSlots {
 public:
  explicit ThinkSlots(uint32_t slots) : free_(slots) {}

  // True: the calling thread has a slot and goes on with the connection. False: it waits here, and
  // is no longer the calling thread's.
  bool Enter(Connection* connection) {
    std::lock_guard<std::mutex> hold(mutex_);
    if (free_ > 0) {
      --free_;
      return true;
    }
    waiting_.push_back(connection);
    return false;
  }
  // The connection with which the calling thread, keeping its slot, goes on; nullptr: none waits,
  // and the slot is given back.
  Connection* Leave() {
    std::lock_guard<std::mutex> hold(mutex_);
    if (waiting_.empty()) {
      ++free_;
      return nullptr;
    }
    Connection* next = waiting_.front();
    waiting_.pop_front();
    return next;
  }

 private:
  std::mutex mutex_;
  uint32_t free_;
  std::deque<Connection*> waiting_;
};

}  // namespace stateward

#endif  // STATEWARD_FCGI_THINK_SLOTS_H_
