// Signature Version 4 against the worked examples of AWS's own manual ("Authenticating Requests:
// Using the Authorization Header").
#include "s3/sigv4.h"

#include <CppUTest/TestHarness.h>

#include <string>

namespace stateward {
namespace {

constexpr char kEmpty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string SignatureOf(const std::string& method, const std::string& path,
                        const std::string& query,
                        const std::map<std::string, std::string_view>& more,
                        const std::string& sha256 = kEmpty) {
  SigningInput in;
  in.method = method;
  in.path = path;
  in.query = query;
  in.headers = more;
  in.headers["host"] = "examplebucket.s3.amazonaws.com";
  in.headers["x-amz-date"] = "20130524T000000Z";
  in.headers["x-amz-content-sha256"] = sha256;
  in.payload_sha256 = sha256;
  in.amz_date = "20130524T000000Z";
  in.region = "us-east-1";
  std::string all =
      SignV4(in, "AKIAIOSFODNN7EXAMPLE", SecretString("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"));
  return all.substr(all.rfind('=') + 1);
}

}  // namespace

TEST_GROUP(SigV4){};

TEST(SigV4, GetWithRange) {
  STRCMP_EQUAL("f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
               SignatureOf("GET", "/test.txt", "", {{"range", "bytes=0-9"}}).c_str());
}

TEST(SigV4, PutWithEncodedName) {
  const std::string path = "/" + UriEncode("test$file.text", true);
  STRCMP_EQUAL("98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
               SignatureOf("PUT", path, "",
                           {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                            {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                           "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072")
                   .c_str());
}

TEST(SigV4, QueryWithoutValue) {
  STRCMP_EQUAL("fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
               SignatureOf("GET", "/", CanonicalQuery({{"lifecycle", ""}}), {}).c_str());
}

TEST(SigV4, QueryOfAList) {
  STRCMP_EQUAL(
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
      SignatureOf("GET", "/", CanonicalQuery({{"prefix", "J"}, {"max-keys", "2"}}), {}).c_str());
}

TEST(SigV4, Encoding) {
  STRCMP_EQUAL("a-b_c.d~9%20%2B%3D%40%2C%25%C3%BC%2F",
               UriEncode("a-b_c.d~9 +=@,%ü/", false).c_str());
  STRCMP_EQUAL("a/b%21", UriEncode("a/b!", true).c_str());
  STRCMP_EQUAL("20130524T000000Z", AmzDate(1369353600000).c_str());
}

}  // namespace stateward
