#include "http_client/http_client.h"

#include <CppUTest/TestHarness.h>

#include <memory>
#include <string>

#include "service/service_env.h"

namespace stateward {
namespace {

TEST_GROUP(HttpClientService) {
  void setup() override {
    HttpClientOptions options;
    options.allow_http = true;
    auto made = NewCurlClient(options);
    CHECK_TRUE(made.ok());
    client = std::move(*made);
    endpoint = "http://" + ServiceEnv("S3_ENDPOINT");
  }
  std::unique_ptr<HttpClient> client;
  std::string endpoint;
};

TEST(HttpClientService, ReadsAnAnswer) {
  HttpRequest request;
  request.url = endpoint + "/minio/health/live";
  auto answer = client->Send(request);
  CHECK_TRUE(answer.ok());
  LONGS_EQUAL(200, answer->status);
}

TEST(HttpClientService, AnAnswerThatIsAnErrorIsAnAnswer) {
  HttpRequest request;
  request.url = endpoint + "/no-such-bucket/no-such-key";  // without a signature
  auto answer = client->Send(request);
  CHECK_TRUE(answer.ok());
  LONGS_EQUAL(403, answer->status);
  STRCMP_CONTAINS(
      "AccessDenied",
      std::string(reinterpret_cast<const char*>(answer->body.data()), answer->body.size()).c_str());
}

}  // namespace
}  // namespace stateward
