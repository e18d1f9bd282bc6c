// A bucket name of its own on one of the real S3 services: "S3" is MinIO, "S3B" versitygw.
#ifndef STATEWARD_TESTS_SERVICE_S3_PLACE_H_
#define STATEWARD_TESTS_SERVICE_S3_PLACE_H_

#include <memory>
#include <string>

#include "base/random.h"
#include "s3/s3_client.h"
#include "service/service_env.h"

namespace stateward {

inline S3Settings NewS3Place(const std::string& service) {
  S3Settings s;
  s.endpoint = ServiceEnv(service + "_ENDPOINT");
  s.use_ssl = false;
  s.bucket = "b" + RandomHex(12);
  s.credentials.access_key = SecretString(ServiceEnv(service + "_ACCESS_KEY"));
  s.credentials.secret_key = SecretString(ServiceEnv(service + "_SECRET_KEY"));
  return s;
}

inline std::unique_ptr<S3Client> NewTestClient(const S3Settings& settings) {
  Result<std::unique_ptr<S3Client>> client = NewS3Client(settings, SystemClock());
  if (!client.ok()) FAIL(client.status().detail().c_str());
  return std::move(*client);
}

}  // namespace stateward

#endif  // STATEWARD_TESTS_SERVICE_S3_PLACE_H_
