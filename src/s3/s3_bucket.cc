// The S3 client's calls that are about the bucket: lists, making it, the proof of its conditions.
#include <utility>

#include "base/hex.h"
#include "base/json.h"
#include "base/random.h"
#include "base/sha256.h"
#include "s3/s3_answer.h"
#include "s3/s3_client.h"
#include "s3/s3_xml.h"

namespace stateward {
namespace {

// 100 million keys; beyond it the service repeats itself.
constexpr int kMaxPages = 100000;

struct ParsedPage {
  S3Page page;
  std::string next;
  bool truncated = false;
};

bool ParsePage(std::string_view text, ParsedPage* out) {
  constexpr std::string_view kRoot = "ListBucketResult";
  bool is_list = false;
  bool said = false;  // whether more follows
  S3Page::Entry entry;
  bool whole = WalkXml(text, [&](std::string_view path, std::string_view value) {
    if (path == kRoot) is_list = true;
    if (path.size() <= kRoot.size() + 1 || path.substr(0, kRoot.size()) != kRoot) return;
    std::string_view name = path.substr(kRoot.size() + 1);
    if (name == "IsTruncated") {
      said = value == "true" || value == "false";
      out->truncated = value == "true";
    }
    if (name == "NextContinuationToken") out->next = std::string(value);
    if (name == "Contents/Key") entry.key = std::string(value);
    if (name == "Contents/ETag") entry.etag = std::string(value);
    if (name == "Contents/LastModified") entry.time = std::string(value);
    if (name == "Contents/Size") entry.size = ParseUint64(value).value_or(0);
    if (name == "Contents") out->page.objects.push_back(std::exchange(entry, {}));
    if (name == "CommonPrefixes/Prefix") out->page.folders.emplace_back(value);
  });
  return whole && is_list && said && out->truncated == !out->next.empty();
}

struct ParsedVersions {
  std::vector<std::pair<std::string, S3ObjectVersion>> all;  // with their keys
  std::string next_key;
  std::string next_id;
  bool truncated = false;
};

bool ParseVersions(std::string_view text, ParsedVersions* out) {
  constexpr std::string_view kRoot = "ListVersionsResult";
  bool said = false;  // whether more follows
  std::pair<std::string, S3ObjectVersion> entry;
  bool whole = WalkXml(text, [&](std::string_view path, std::string_view value) {
    if (path.size() <= kRoot.size() + 1 || path.substr(0, kRoot.size()) != kRoot) return;
    const std::string_view name = path.substr(kRoot.size() + 1);
    if (name == "IsTruncated") {
      said = value == "true" || value == "false";
      out->truncated = value == "true";
    }
    if (name == "NextKeyMarker") out->next_key = std::string(value);
    if (name == "NextVersionIdMarker") out->next_id = std::string(value);
    const size_t slash = name.find('/');
    const std::string_view kind = name.substr(0, slash);
    if (kind != "Version" && kind != "DeleteMarker") return;
    const std::string_view field = slash == name.npos ? "" : name.substr(slash + 1);
    if (field == "Key") entry.first = std::string(value);
    if (field == "VersionId") entry.second.id = std::string(value);
    if (field == "LastModified") entry.second.time = std::string(value);
    if (slash != name.npos) return;
    entry.second.deleted = kind == "DeleteMarker";
    out->all.push_back(std::exchange(entry, {}));
  });
  return whole && said;
}

}  // namespace

Result<std::vector<S3ObjectVersion>> S3Client::Versions(const std::string& key) {
  Call call;
  call.method = "GET";
  call.query = {{"versions", ""}, {"prefix", key}, {"max-keys", "1000"}};
  std::vector<S3ObjectVersion> out;
  for (int pages = 0; pages < kMaxPages; ++pages) {
    Result<HttpAnswer> answer = Send(call);
    if (!answer.ok()) return std::move(answer).status();
    if (answer->status != 200) return S3Unexpected("list versions", *answer);
    ParsedVersions parsed;
    if (!ParseVersions(ByteView(answer->body).AsString(), &parsed)) {
      return Status::Unavailable("s3 list versions: the answer is no list");
    }
    bool past = false;
    for (auto& [name, version] : parsed.all) {
      if (name == key) out.push_back(std::move(version));
      past = past || name > key;
    }
    if (!parsed.truncated || past) return out;
    if (parsed.next_key.empty() || (parsed.next_key == call.query["key-marker"] &&
                                    parsed.next_id == call.query["version-id-marker"])) {
      break;
    }
    call.query["key-marker"] = parsed.next_key;
    call.query["version-id-marker"] = parsed.next_id;
  }
  return Status::Unavailable("s3 list versions: no end");
}

Status S3Client::List(const S3ListRequest& request,
                      const std::function<bool(const S3Page&)>& each) {
  Call call;
  call.method = "GET";
  call.query = {
      {"list-type", "2"}, {"prefix", request.prefix}, {"max-keys", std::to_string(request.page)}};
  if (request.folders) call.query["delimiter"] = "/";
  if (!request.start_after.empty()) call.query["start-after"] = request.start_after;
  std::string token;
  for (int pages = 0; pages < kMaxPages; ++pages) {
    if (!token.empty()) call.query["continuation-token"] = token;
    Result<HttpAnswer> answer = Send(call);
    if (!answer.ok()) return std::move(answer).status();
    if (answer->status != 200) return S3Unexpected("list", *answer);
    ParsedPage parsed;
    if (!ParsePage(ByteView(answer->body).AsString(), &parsed)) {
      return Status::Unavailable("s3 list: the answer is no list");
    }
    for (const S3Page::Entry& entry : parsed.page.objects) {
      if (entry.key.compare(0, request.prefix.size(), request.prefix) != 0) {
        return Status::Unavailable("s3 list: an answer to another question");
      }
    }
    if (!each(parsed.page) || !parsed.truncated) return Status();
    if (parsed.next == token) break;
    token = std::move(parsed.next);
  }
  return Status::Unavailable("s3 list: no end");
}

Result<bool> S3Client::HasBucket() {
  Call call;
  call.method = "GET";
  call.query = {{"list-type", "2"}, {"max-keys", "1"}};
  Result<HttpAnswer> answer = Send(call);
  if (!answer.ok()) return std::move(answer).status();
  if (answer->status == 200) return true;
  if (answer->status == 404 && S3ErrorCode(*answer) == "NoSuchBucket") return false;
  return S3Unexpected("look for bucket", *answer);
}

Status S3Client::MakeBucket() {
  Call call;
  call.method = "PUT";
  std::string region;
  {
    std::lock_guard<std::mutex> hold(region_mutex_);
    region = region_;
  }
  std::string body;
  if (region != kS3DefaultRegion) {
    body =
        "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        "<LocationConstraint>" +
        region + "</LocationConstraint></CreateBucketConfiguration>";
  }
  call.body = ByteView(body);
  call.has_body = true;
  call.body_sha256 = HexEncode(Sha256(body));
  Result<HttpAnswer> answer = Send(call);
  if (!answer.ok()) return std::move(answer).status();
  if (answer->status == 200) return Status();
  if (answer->status == 409 && S3ErrorCode(*answer) == "BucketAlreadyOwnedByYou") return Status();
  return S3Unexpected("make bucket", *answer);
}

Status S3Client::ProveConditions(const std::string& prefix) {
  if (proved_ || settings_.read_only) return Status();
  std::lock_guard<std::mutex> hold(proof_mutex_);
  if (proved_) return Status();
  std::string key = prefix + "probe/" + RandomHex(16);
  Status status = Probe(key);
  if (status.ok()) {
    proved_ = true;
    status = Delete(key);
    return Status();
  }
  Status removed = Delete(key);  // best effort: what stays is some bytes
  return status;
}

Status S3Client::Probe(const std::string& key) {
  Status refused = Status::Unavailable(
      "this S3 service ignores conditional writes (If-None-Match, If-Match on PUT); states would "
      "be overwritten: use one that honours them (docs/storage.md)");
  const std::string first = "first";
  Result<S3PutOutcome> made = Put(key, first, S3Condition::Absent());
  if (!made.ok()) return std::move(made).status();
  if (!made->done) return Status::Unavailable("s3 probe: a new key was refused");
  Result<S3PutOutcome> again = Put(key, std::string("second"), S3Condition::Absent());
  if (!again.ok()) return std::move(again).status();
  Result<S3PutOutcome> other =
      Put(key, std::string("third"), S3Condition::Etag("\"00000000000000000000000000000000\""));
  if (!other.ok()) return std::move(other).status();
  Result<S3Object> there = Get(key, kS3MaxText);
  if (!there.ok()) return std::move(there).status();
  if (again->done || other->done || ByteView(there->bytes) != ByteView(first)) return refused;
  Result<S3PutOutcome> changed = Put(key, std::string("fourth"), S3Condition::Etag(there->etag));
  if (!changed.ok()) return std::move(changed).status();
  Result<S3PutOutcome> old = Put(key, std::string("fifth"), S3Condition::Etag(there->etag));
  if (!old.ok()) return std::move(old).status();
  return changed->done && !old->done ? Status() : refused;
}

}  // namespace stateward
