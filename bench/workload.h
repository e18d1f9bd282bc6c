// What the clients of the load driver send: states as Terraform writes them, and the requests of
// each mode in their order.
#ifndef STATEWARD_BENCH_WORKLOAD_H_
#define STATEWARD_BENCH_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http_client.h"

namespace bench {

enum class Verb : uint8_t { kLock, kGet, kPost, kUnlock };
inline constexpr size_t kVerbs = 4;
const char* VerbName(Verb verb);

struct WorkloadOptions {
  std::string mode = "cycle";  // cycle, get, lock, post, turns
  std::string host = "localhost";
  std::string base = "/state/bench/";  // the state's name follows
  std::string user = "basic";
  std::string password = "bench";
  size_t size = 20 * 1000;  // bytes of a state
  bool md5 = true;          // Content-MD5 with each body, as the real clients send it
};

// One state document, whose serial is changed in place.
class Document {
 public:
  Document(size_t size, uint64_t seed);
  std::string_view text() const { return text_; }
  void RaiseSerial();
  // Where the serial's digits and some of the lineage lie, to recognise an answer by.
  size_t mark_at() const { return mark_at_; }
  std::string_view mark() const { return std::string_view(text_).substr(mark_at_, 16); }

 private:
  std::string text_;
  uint64_t serial_ = 1000000;  // of seven digits for as long as any run takes
  size_t mark_at_ = 0;
};

// A client with states of its own, one after the other.
class Workload {
 public:
  Workload(const WorkloadOptions& options, size_t first_state, size_t states, uint64_t seed);

  // Before the measured part: the states are written once and, in mode post, locked.
  std::vector<Verb> Prologue() const;
  std::vector<Verb> Round() const;
  std::vector<Verb> Epilogue() const;

  // The next request for the present state. REQUIRES: the answer to the last one came.
  Request Make(Verb verb);
  // The same one again, after a broken connection.
  Request Again() const { return last_; }
  void NextState() { at_ = (at_ + 1) % states_.size(); }
  size_t states() const { return states_.size(); }
  const Document& document() const { return states_[at_].document; }

 private:
  struct State {
    std::string path;
    std::string lock_id;
    std::string lock_body;
    Document document;
  };
  std::string Head(Verb verb, const State& state, std::string_view body) const;
  void NewLock(State* state);

  const WorkloadOptions options_;
  std::string authorization_;
  std::vector<State> states_;
  size_t at_ = 0;
  uint64_t random_;
  Request last_;
};

}  // namespace bench

#endif  // STATEWARD_BENCH_WORKLOAD_H_
