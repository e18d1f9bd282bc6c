// Asks the services that hand out temporary keys (s3/s3_credentials.h, 4 to 6).
// kUnavailable: no keys came; the text holds no part of an answer.
#ifndef STATEWARD_S3_S3_FETCH_H_
#define STATEWARD_S3_S3_FETCH_H_

#include "http_client/http_client.h"
#include "s3/s3_credentials.h"
#include "stateward/result.h"

namespace stateward {

Result<S3Credentials> FetchByWebIdentity(HttpClient& http, const S3CredentialSettings& settings);
Result<S3Credentials> FetchFromContainer(HttpClient& http, const AwsEnvironment& aws);
Result<S3Credentials> FetchFromMachine(HttpClient& http, const AwsEnvironment& aws);

// A file that only holds a token or keys, without the line end at its end. kUnavailable: cannot be
// read, or longer than 64 KiB.
Result<SecretString> ReadTokenFile(const std::string& path);

}  // namespace stateward

#endif  // STATEWARD_S3_S3_FETCH_H_
