#include "s3/s3_answer.h"

#include <algorithm>
#include <utility>

#include "s3/s3_xml.h"

namespace stateward {

std::string S3ErrorCode(const HttpAnswer& answer) {
  return XmlText(ByteView(answer.body).AsString(), "Error/Code");
}

Status S3Unexpected(std::string_view what, const HttpAnswer& answer) {
  std::string code = S3ErrorCode(answer).substr(0, 64);
  bool word = std::all_of(code.begin(), code.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
  });
  std::string text = "s3 " + std::string(what) + ": " + std::to_string(answer.status);
  if (word && !code.empty()) text += " " + code;
  std::string_view region = answer.Header("x-amz-bucket-region");
  if (answer.status == 301 || code == "AuthorizationHeaderMalformed") {
    text += "; STORAGE_S3_REGION or STORAGE_S3_ENDPOINT is not the bucket's";
    if (!region.empty() && region.size() < 32) text.append(" (").append(region).append(")");
  }
  return Status::Unavailable(std::move(text));
}

bool IsNoSuchKey(const HttpAnswer& answer) {
  return answer.status == 404 && S3ErrorCode(answer) == "NoSuchKey";
}

}  // namespace stateward
