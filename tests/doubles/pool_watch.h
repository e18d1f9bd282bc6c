// An observer that keeps what it is told of waits for a connection of a pool.
#ifndef STATEWARD_TESTS_DOUBLES_POOL_WATCH_H_
#define STATEWARD_TESTS_DOUBLES_POOL_WATCH_H_

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "stateward/observer.h"

namespace stateward {

class PoolWatch : public Observer {
 public:
  struct Wait {
    std::string pool;
    bool ok = false;
    int64_t us = 0;
  };
  void OnRequest(RouteName, Method, int, int64_t) override {}
  void OnBackendCall(BackendKind, std::string_view, bool, int64_t) override {}
  void OnUploadKept() override {}
  void OnPoolWait(std::string_view pool, bool ok, int64_t us) override {
    std::lock_guard<std::mutex> hold(mutex_);
    waits_.push_back({std::string(pool), ok, us});
  }
  std::vector<Wait> Waits() {
    std::lock_guard<std::mutex> hold(mutex_);
    return waits_;
  }

 private:
  std::mutex mutex_;
  std::vector<Wait> waits_;
};

}  // namespace stateward

#endif  // STATEWARD_TESTS_DOUBLES_POOL_WATCH_H_
