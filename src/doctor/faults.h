// What can be wrong in front of Stateward, in plain words, and the line that mends it.
#ifndef STATEWARD_DOCTOR_FAULTS_H_
#define STATEWARD_DOCTOR_FAULTS_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace stateward {

enum class Fault : uint8_t {
  kUnreachable,
  kCertificate,
  kRedirect,
  kPlainRedirect,
  kPlain404,
  kGatewayError,
  kNotReady,
  kForeign404,
  kForeignAnswer,
  kTaken,
  kLogin,
  kForbidden,
  kNoLoginNeeded,
  kAnyPassword,
  kEncodedSlash,
  kVerb,
  kErrorPages,
  kQuery,
  kBodyLimit,
  kMd5,
  kGzip,
  kLength,
  kBytes,
  kSlowBody,
  kRateLimit,
  kForce,
  kOther,
};

struct FaultText {
  Fault fault;
  std::string_view name;  // a word to search for
  std::string_view what;
  std::string_view nginx;   // what to write there
  std::string_view apache;  // what to write there
};

const FaultText& TextOf(Fault fault);

// `server`: the answer's header Server; when it names neither, both lines.
std::string Mend(const FaultText& text, std::string_view server);

}  // namespace stateward

#endif  // STATEWARD_DOCTOR_FAULTS_H_
