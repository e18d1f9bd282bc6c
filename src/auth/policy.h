// The policy: whom we know, and what each may do. Read as a whole or not at all.
#ifndef STATEWARD_AUTH_POLICY_H_
#define STATEWARD_AUTH_POLICY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/ca_file.h"
#include "auth/rules.h"
#include "base/log.h"
#include "stateward/clock.h"
#include "stateward/plan_locks.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

struct PolicyIssuer {
  std::string name;  // within the file
  std::string url;   // "iss", byte for byte
  std::vector<std::string> audiences;
  std::string ca_file;  // "" = the system's CAs
  CiKind ci = CiKind::kGeneric;
};
inline bool operator==(const PolicyIssuer& a, const PolicyIssuer& b) {
  return a.name == b.name && a.url == b.url && a.audiences == b.audiences &&
         a.ca_file == b.ca_file && a.ci == b.ci;
}

struct PolicyUser {
  std::string name;
  std::string hash;  // crypt(3): IsPasswordHash
};

struct PolicyToken {
  std::string name;
  Sha256Digest sha256{};
  int64_t expires_s = 0;  // since 1970; 0 = never
};

// Of the states that fit one of the globs (over project "/" name).
struct PlanLockRule {
  std::vector<std::string> states;
  PlanLocks plan_locks;
};

struct Policy {
  std::vector<PolicyIssuer> issuers;
  std::vector<PolicyUser> users;
  std::vector<PolicyToken> tokens;
  std::vector<Rule> rules;
  std::vector<PlanLockRule> locks;

  // Of the first rule that fits; nullopt: none says anything of it.
  std::optional<PlanLocks> PlanLocksOf(std::string_view project, std::string_view name) const;
  const PolicyUser* FindUser(std::string_view name) const;
};

struct ParsedPolicy {
  Policy policy;                    // meaningful when errors is empty
  std::vector<std::string> errors;  // "line 3, column 5: …", in the order of the file
  // In the same form, what keeps one issuer alone from working: its CA file. A policy with some is
  // good enough for a start, since everybody else can come in, but not to replace one without.
  std::vector<std::string> troubles;
};

// Far beyond any policy that people still read; TOML is read into a tree.
inline constexpr size_t kMaxPolicyBytes = size_t{1} << 20;
// Each request with a machine token is compared with all of them, in constant time.
inline constexpr size_t kMaxPolicyTokens = 1000;
// And each request is decided by these.
inline constexpr size_t kMaxPolicyRules = 2000;
inline constexpr size_t kMaxPolicyUsers = 2000;
// Each issuer has a thread and a connection of its own.
inline constexpr size_t kMaxPolicyIssuers = 15;

// docs/policy.md, "The policy file". Unknown keys are errors; so is every rule that lets in more
// people than its author can have meant. `check_ca` judges the issuers' ca_file.
using CheckFile = std::function<Status(const std::string& path)>;
ParsedPolicy ParsePolicy(std::string_view text, const CheckFile& check_ca = CheckCaFile);

// A policy's file, followed while it changes. Thread-safe.
class PolicyFile {
 public:
  // Reads the file at once; when it is no good, everybody is refused until it is (Loaded()).
  // What is given must outlive it.
  PolicyFile(const Clock& clock, const Log& log, std::string path);

  // The policy in force; never null, perhaps one without anybody. Looks whether the file changed,
  // at most once a second. A bad new file leaves the old policy in force.
  std::shared_ptr<const Policy> Current();
  // OK, or what is wrong with the file as it is now; perhaps a trouble of one issuer of the policy
  // in force.
  Status Check();
  // Whether a good file was read yet.
  bool Loaded();

 private:
  void Look();

  const Clock& clock_;
  const Log& log_;
  const std::string path_;
  std::mutex mutex_;
  std::shared_ptr<const Policy> policy_;
  Status problem_;
  std::string stamp_;  // of the file that was read last
  int64_t next_look_us_ = 0;
  int64_t again_us_ = INT64_MAX;  // when it is read again although it did not change
  bool troubled_ = false;         // the policy in force has an issuer that does not work
  bool loaded_ = false;
};

}  // namespace stateward

#endif  // STATEWARD_AUTH_POLICY_H_
