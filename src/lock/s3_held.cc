// Which locks of the lock s3 are held: lists all objects, and reads again only what changed.
#include <utility>
#include <vector>

#include "base/together.h"
#include "lock/s3_lock.h"

namespace stateward {
namespace {

// CountHeld reads what changed, so much at a time.
constexpr int64_t kCountUs = 10LL * 1000 * 1000;
// EachHeld asks for so many at once: what a client's pool of connections gives without waiting.
constexpr size_t kHeldAtOnce = 8;

}  // namespace

Result<std::map<std::string, std::string>> S3Lock::ListLocks() {
  STATEWARD_RETURN_IF_ERROR(service_.LookIfDue());
  S3ListRequest request;
  request.prefix = prefix_;
  std::map<std::string, std::string> etags;
  STATEWARD_RETURN_IF_ERROR(client_->List(request, [&](const S3Page& page) {
    for (const S3Page::Entry& object : page.objects) {
      StateId id;
      if (StateId::Parse(object.key.substr(prefix_.size()), &id)) etags[object.key] = object.etag;
    }
    return true;
  }));
  return etags;
}

bool S3Lock::KnownFree(const std::string& key, const std::string& etag) {
  std::lock_guard<std::mutex> one(counted_mutex_);
  auto known = counted_.find(key);
  return known != counted_.end() && known->second.first == etag && known->second.second.all() == 0;
}

Status S3Lock::EachHeldAfter(const StateId& after, const EachHeldFn& each) {
  Result<std::map<std::string, std::string>> etags = ListLocks();
  if (!etags.ok()) return std::move(etags).status();
  std::vector<std::string> keys;
  for (const auto& [key, etag] : *etags) {
    if (key > prefix_ + after.hex() && !KnownFree(key, etag)) keys.push_back(key);
  }
  for (size_t from = 0; from < keys.size(); from += kHeldAtOnce) {
    const size_t count = std::min(kHeldAtOnce, keys.size() - from);
    std::vector<Result<S3Object>> objects(count, Status::Unavailable("not asked"));
    RunAll(count, [&](size_t i) { objects[i] = client_->Get(keys[from + i], kMaxS3LockObject); });
    for (size_t i = 0; i < count; ++i) {
      const Result<S3Object>& object = objects[i];
      StateId id;
      StateId::Parse(keys[from + i].substr(prefix_.size()), &id);
      if (!object.ok() && object.status().code() == Code::kNotFound) continue;
      if (!object.ok()) return Outage(object.status());
      Result<S3LockObject> lock = DecodeS3LockObject(object->bytes);
      if (lock.ok()) {
        std::lock_guard<std::mutex> one(counted_mutex_);
        counted_[keys[from + i]] = {object->etag, CountOf(lock->book)};
      }
      const bool more = lock.ok() ? TellLocks(id, LocksOf(std::move(lock->book)), each)
                                  : each(id, Outage(lock.status()));
      if (!more) return Status();
    }
  }
  return Status();
}

Status S3Lock::EachKnown(const std::function<bool(const StateId&)>& each) {
  Result<std::map<std::string, std::string>> etags = ListLocks();
  if (!etags.ok()) return std::move(etags).status();
  for (const auto& [key, etag] : *etags) {
    StateId id;
    if (StateId::Parse(key.substr(prefix_.size()), &id) && !each(id)) break;
  }
  return Status();
}

Result<HeldCount> S3Lock::CountHeld() {
  Result<std::map<std::string, std::string>> etags = ListLocks();
  if (!etags.ok()) return std::move(etags).status();
  std::lock_guard<std::mutex> one(counted_mutex_);
  for (auto it = counted_.begin(); it != counted_.end();) {
    it = etags->count(it->first) == 0 ? counted_.erase(it) : std::next(it);
  }
  int64_t start = clock_.SteadyUs();
  HeldCount count;
  for (const auto& [key, etag] : *etags) {
    auto known = counted_.find(key);
    if (known == counted_.end() || known->second.first != etag) {
      if (clock_.SteadyUs() - start > kCountUs) {
        return Status::Unavailable("lock: too many to count at once; the next count goes on");
      }
      Result<S3Object> object = client_->Get(key, kMaxS3LockObject);
      if (!object.ok()) return Outage(std::move(object).status());
      Result<S3LockObject> lock = DecodeS3LockObject(object->bytes);
      if (!lock.ok()) continue;
      counted_[key] = {object->etag, CountOf(lock->book)};
      known = counted_.find(key);
    }
    count.whole += known->second.second.whole;
    count.plans += known->second.second.plans;
  }
  return count;
}

}  // namespace stateward
