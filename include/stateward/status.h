// Why an operation failed, in a form that code can branch on.
//
// "Locked by somebody else" and "the head moved" are answers, not errors: they live in the
// outcome types of locker.h and storage.h, never in Code.
#ifndef STATEWARD_STATUS_H_
#define STATEWARD_STATUS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace stateward {

enum class Code : uint8_t {
  kOk,
  kInvalidArgument,   // the caller's input is wrong; repeating it will not help
  kUnauthenticated,   // no credentials, or wrong ones
  kPermissionDenied,  // known, but not allowed
  kNotFound,          // the store SAID that it is absent (never: "could not find out")
  kMethodNotAllowed,  // known path, unknown verb
  kConflict,          // the stored state does not allow this write
  kLocked,            // somebody holds the lock: of an answer to a client, never of a Locker
  kGone,              // a lock ID that was released already
  kTooLarge,          // over a configured limit
  kTooManyRequests,   // slow down: failed logins
  kCorruption,        // stored bytes are damaged, or were moved: no host can read them
  kUnknownKey,        // made with a key or by a build that this host does not have; others may
  kUnavailable,       // a service cannot say: try again later
  kOverloaded,        // this process has no room just now: try again soon
  kInternal,          // a defect of Stateward
};

// A code and a text for the log. The text is never sent to a client.
// A value type; safe to copy between threads.
class [[nodiscard]] Status {
 public:
  Status() = default;  // OK
  Status(Code code, std::string detail) : code_(code), detail_(std::move(detail)) {}

  static Status InvalidArgument(std::string d) { return {Code::kInvalidArgument, std::move(d)}; }
  static Status NotFound(std::string d) { return {Code::kNotFound, std::move(d)}; }
  static Status Corruption(std::string d) { return {Code::kCorruption, std::move(d)}; }
  static Status UnknownKey(std::string d) { return {Code::kUnknownKey, std::move(d)}; }
  static Status Unavailable(std::string d) { return {Code::kUnavailable, std::move(d)}; }
  static Status Internal(std::string d) { return {Code::kInternal, std::move(d)}; }

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  // What is stored cannot be read here, however often it is tried.
  bool unreadable() const { return code_ == Code::kCorruption || code_ == Code::kUnknownKey; }
  const std::string& detail() const { return detail_; }

  // Prepends where it happened: "fs append: No space left on device".
  Status At(std::string_view where) && {
    if (!ok()) detail_ = std::string(where) + ": " + detail_;
    return std::move(*this);
  }

 private:
  Code code_ = Code::kOk;
  std::string detail_;
};

// The code's name as it stands in logs: "unavailable", "not_found", …
std::string_view CodeName(Code code);

// The only translator of errno values. Every one of them is kUnavailable (a full disk, a vanished
// folder, EIO: the operator can mend it and the client should repeat); absence is decided by the
// caller that knows what was looked for.
Status FromErrno(std::string_view what, int err);

}  // namespace stateward

#define STATEWARD_RETURN_IF_ERROR(expr)                       \
  do {                                                        \
    if (::stateward::Status s_ = (expr); !s_.ok()) return s_; \
  } while (0)

#endif  // STATEWARD_STATUS_H_
