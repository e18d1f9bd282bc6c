// One issuer of tokens and its keys: fetched, kept, refreshed in the background.
#ifndef STATEWARD_AUTH_ISSUER_H_
#define STATEWARD_AUTH_ISSUER_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "auth/jwk.h"
#include "auth/key_cache.h"
#include "base/log.h"
#include "http_client/http_client.h"
#include "stateward/clock.h"
#include "stateward/disk.h"
#include "stateward/result.h"

namespace stateward {

// How long a request waits for an issuer: two answers of 4 s, and another worker that asks just
// now.
inline constexpr int64_t kWaitForKeysMs = 10000;

struct IssuerOptions {
  std::string url;           // CheckIssuerUrl
  std::string cache_folder;  // shared by the host's workers; "" = none
  // How often the thread looks whether a refresh is due. Tests with a clock of their own want less.
  int64_t look_ms = 5000;
  // Tests in which an issuer is slow for as long as they want wait longer.
  int64_t wait_ms = kWaitForKeysMs;
  // How many requests wait just now, for all issuers of a process; nullptr: this one counts for
  // itself.
  std::shared_ptr<std::atomic<int>> waiting = {};
};

// Has a thread of its own, so that a slow issuer delays no other one. It alone asks the issuer:
//  - every 10 minutes, 20 % sooner or later, so that hosts do not ask all at once;
//  - when a token names a key that is not there: at most once a minute, over all workers of the
//    host. A key that was not there then is not asked for again for 5 minutes.
// The keys stay good for 24 hours after they were last fetched: an issuer that is down must not
// keep anybody from unlocking.
//
// Thread-safe. What it was given must outlive it.
class Issuer {
 public:
  Issuer(IssuerOptions options, std::unique_ptr<HttpClient> http, Disk& disk, const Clock& clock,
         const Log& log);
  ~Issuer();  // waits for the thread: up to a second while it talks to the issuer
  Issuer(const Issuer&) = delete;
  Issuer& operator=(const Issuer&) = delete;

  using Keys = std::shared_ptr<const KeySet>;
  // The keys, among them the one named `kid` if the issuer has it ("" = a token without kid). Waits
  // for the issuer at most once, and for `wait_ms` at most.
  // kUnavailable: there are no keys, or this one is not among them and the issuer cannot be asked.
  Result<Keys> KeysFor(std::string_view kid);
  // What is known without waiting; nullptr: nothing.
  Keys Current();

  const std::string& url() const { return options_.url; }

 private:
  struct Known {
    Keys keys;
    CachedKeys cached;
  };

  void Run();
  void Round(bool for_kid);
  bool MayAsk(const Known& known, bool for_kid) const;
  std::string Fetch(Known* known);
  void Keep(const CachedKeys& cached);
  void Adopt(CachedKeys cached, Known* known) const;
  bool IsUsable(const Known& known) const;
  bool IsAbsent(std::string_view kid);
  void NoteAbsent(std::string_view kid);
  void ScheduleNext();
  Status Unreachable() const;

  const IssuerOptions options_;
  const std::unique_ptr<HttpClient> http_;
  const Clock& clock_;
  const Log& log_;
  KeyCache cache_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  Known known_;
  std::string last_error_;                               // "" when the last attempt went well
  std::vector<std::pair<std::string, int64_t>> absent_;  // kid, until when
  int64_t next_ms_ = 0;
  uint64_t rounds_ = 0;
  bool wanted_ = false;  // a request waits for a key

  bool cache_failed_ = false;  // said already; the thread's alone
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace stateward

#endif  // STATEWARD_AUTH_ISSUER_H_
