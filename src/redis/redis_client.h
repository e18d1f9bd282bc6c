// Scripts on a Redis server: a bounded pool of connections, each one proved before its first use.
//
// A connection is used only if the server is a master, evicts nothing, is no cluster, and let us
// in; all of it is asked again after each reconnect. What fails that is kUnavailable with a text
// for the operator. Passwords are sent on the connection and stand nowhere else.
//
// A script is run once more on a new connection when no answer came. So each script must be one
// that may be repeated: what its first run did shows in what the second one answers.
// Thread-safe.
#ifndef STATEWARD_REDIS_REDIS_CLIENT_H_
#define STATEWARD_REDIS_REDIS_CLIENT_H_

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "redis/redis_address.h"
#include "redis/redis_connection.h"
#include "redis/redis_settings.h"
#include "stateward/clock.h"
#include "stateward/observer.h"
#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

// The text of a script and the name by which the server knows it.
class RedisScript {
 public:
  explicit RedisScript(std::string text);
  const std::string& text() const { return text_; }
  const std::string& sha1() const { return sha1_; }

 private:
  std::string text_;
  std::string sha1_;
};

class RedisClient {
 public:
  // Connecting and proving take five round trips; two seconds are long.
  static constexpr int64_t kConnectUs = 2000000;
  // From the call to its answer, connecting and repeating included. Shorter than the web server's
  // patience and longer than any sync of a healthy disk.
  static constexpr int64_t kCallUs = 5000000;
  // A server that just went away is waited for this long, so that its restart costs nobody a
  // failed request; later calls fail at once until it is back.
  static constexpr int64_t kPatienceUs = 2000000;

  // kInvalidArgument: REDIS_ADDR cannot be read. Connects to nothing yet. `clock` must outlive it,
  // and so must `observer`, which is told of waits for a connection.
  static Result<std::unique_ptr<RedisClient>> New(RedisOptions options, const Clock& clock,
                                                  Observer* observer = nullptr);
  ~RedisClient();

  // ARGV[1] is the run_id of the server process that runs the script; `arguments` follow.
  // kUnavailable: no answer, or an error answer.
  Result<RedisReply> Run(const RedisScript& script, const std::vector<std::string>& keys,
                         const std::vector<std::string>& arguments);
  // Looks again whether the server is one that keeps locks, as for a new connection. kUnavailable:
  // it is not, or does not answer.
  Status Examine();
  // Closes what rests in the pool, and what is in use when it is given back: the next call looks
  // again whom it talks to.
  void CloseIdle();
  // What promises less than it should; "" = nothing is known to. For Locker::Warning.
  std::string Warning();

 private:
  struct Link {
    std::unique_ptr<RedisConnection> connection;
    std::string run_id;
    bool cleartext = false;  // it goes over a network
    uint64_t generation = 0;
  };
  using LinkPtr = std::unique_ptr<Link>;

  RedisClient(RedisOptions options, RedisAddress address, const Clock& clock, Observer* observer);
  Result<LinkPtr> Borrow(bool again, int64_t deadline_us);
  Status TakePlace(int64_t deadline_us, std::unique_lock<std::mutex>* hold);
  void GiveBack(LinkPtr link);
  Result<LinkPtr> Connect(int64_t deadline_us);
  Result<std::unique_ptr<RedisConnection>> OpenServer(int64_t deadline_us, bool* cleartext);
  Result<HostPort> AskSentinels(int64_t deadline_us);
  Status Prove(Link* link, int64_t deadline_us);
  Status CheckServer(Link* link, int64_t deadline_us);
  void NoteWarning(std::string warning);
  Result<RedisReply> Eval(Link* link, const RedisScript& script,
                          const std::vector<std::string>& keys,
                          const std::vector<std::string>& arguments, int64_t deadline_us);

  const RedisOptions options_;
  const RedisAddress address_;
  const Clock& clock_;
  Observer* const observer_;

  std::mutex mutex_;
  std::condition_variable given_back_;
  std::vector<LinkPtr> idle_;
  size_t borrowed_ = 0;
  uint64_t generation_ = 0;    // of connections; those of older ones are closed
  int64_t down_since_us_ = 0;  // of the first failure since a connection was made; 0 = none
  std::string warning_;
};

}  // namespace stateward

#endif  // STATEWARD_REDIS_REDIS_CLIENT_H_
