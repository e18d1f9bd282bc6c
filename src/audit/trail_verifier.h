// Is a trail whole? Line by line, chain by chain, and against what is known of it elsewhere: heads
// in the store's records, in metrics, in the file of the chain's end.
//
// Used by one thread.
#ifndef STATEWARD_AUDIT_TRAIL_VERIFIER_H_
#define STATEWARD_AUDIT_TRAIL_VERIFIER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/audit_line.h"
#include "stateward/bytes.h"
#include "stateward/state.h"

namespace stateward {

// Something wrong with the trail.
struct TrailFault {
  std::string file;   // "" = of no file: a line that is not there
  uint64_t line = 0;  // from 1; 0 = of no line
  std::string what;
};

// A line that is known from elsewhere.
struct KnownHead {
  AuditHead head;
  bool has_mac = true;
  std::string where;  // "record 5 of net/prod", for people
  std::string state;  // of a record: project/name; "" = none
};

// A change that was announced, and that no line says the end of.
struct OpenIntent {
  std::string file;
  uint64_t line = 0;
  AuditHead head;
  std::string time;
  std::string principal;
  std::string action;
  std::string state;
  std::string took_effect;  // KnownHead::where of the record that it became; "" = not known
};

struct ChainSummary {
  uint64_t first = 0;
  uint64_t last = 0;
  uint64_t lines = 0;
};

struct TrailReport {
  std::vector<TrailFault> faults;  // at most kMaxFaults; the first ones
  uint64_t fault_count = 0;
  std::vector<OpenIntent> open;
  std::map<std::string, ChainSummary> chains;
  uint64_t known_checked = 0;  // known heads whose line was there and right
  uint64_t known_before = 0;   // of lines before the first one that was given
};

class TrailVerifier {
 public:
  static constexpr size_t kMaxFaults = 1000;

  explicit TrailVerifier(SecretBytes key) : key_(std::move(key)) {}

  // REQUIRES: before the first line.
  void Know(KnownHead known);
  void BeginFile(std::string name);
  // As LineFn gives them, the oldest file first.
  void Line(std::string_view text, bool whole);
  // REQUIRES: called once, last.
  TrailReport Finish();

 private:
  struct Chain {
    ChainSummary summary;
    std::optional<Sha256Digest> mac;  // of the newest line; nullopt: that one could not be read
    std::map<uint64_t, OpenIntent> open;
  };
  using Known = std::multimap<uint64_t, KnownHead>;

  void Fault(std::string what);
  void FaultAt(const std::string& file, uint64_t line, std::string what);
  void Unreadable(bool changed);
  void CheckPlace(const AuditLine& line, Chain* chain);
  void CheckKnown(const AuditLine& line, OpenIntent* intent);
  void FinishKnown();

  const SecretBytes key_;
  std::map<std::string, Known> known_;
  std::map<std::string, Chain> chains_;
  std::string current_;  // the chain of the line before
  std::string file_;
  uint64_t line_ = 0;
  // What is no line: excused when the next line says that a process died there.
  std::optional<TrailFault> no_line_;
  TrailReport report_;
};

}  // namespace stateward

#endif  // STATEWARD_AUDIT_TRAIL_VERIFIER_H_
