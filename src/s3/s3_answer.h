// What an answer of S3 says when it is not the one that was asked for.
#ifndef STATEWARD_S3_S3_ANSWER_H_
#define STATEWARD_S3_S3_ANSWER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "http_client/http_client.h"
#include "stateward/status.h"

namespace stateward {

inline constexpr char kS3DefaultRegion[] = "us-east-1";
// A page of 1000 keys is about 400 KiB; other answers of S3 that are not objects are shorter.
inline constexpr uint64_t kS3MaxText = uint64_t{4} << 20;

// The error's name, if the answer is an error as S3 writes it; else "".
std::string S3ErrorCode(const HttpAnswer& answer);
// The only proof that an object is not there.
bool IsNoSuchKey(const HttpAnswer& answer);
// kUnavailable, with what the log needs to know.
Status S3Unexpected(std::string_view what, const HttpAnswer& answer);

}  // namespace stateward

#endif  // STATEWARD_S3_S3_ANSWER_H_
