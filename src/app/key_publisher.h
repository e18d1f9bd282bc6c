// Tells those who change the keys of the store which ones this process knows: now, whenever they
// may have changed, and once a minute.
#ifndef STATEWARD_APP_KEY_PUBLISHER_H_
#define STATEWARD_APP_KEY_PUBLISHER_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "stateward/status.h"

namespace stateward {

// Thread-safe.
class KeyPublisher {
 public:
  // `publish` is called by the publisher's own thread; what it uses, and `log`, must outlive it.
  KeyPublisher(std::function<Status()> publish, const Log& log);
  ~KeyPublisher() { Stop(); }
  KeyPublisher(const KeyPublisher&) = delete;
  KeyPublisher& operator=(const KeyPublisher&) = delete;

  // Publishes soon.
  void Wake();
  // Waits for what is under way. Nothing is published afterwards.
  void Stop();

 private:
  void Run();

  const std::function<Status()> publish_;
  const Log& log_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool due_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace stateward

#endif  // STATEWARD_APP_KEY_PUBLISHER_H_
