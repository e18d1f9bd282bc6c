#include "storage/s3_storage.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/sha256.h"
#include "base/together.h"
#include "storage/fs_layout.h"

namespace stateward {
namespace {

constexpr char kStates[] = "states/";
constexpr char kProbe[] = "probe/";
// 65,536 parts: of 20 million records each has some hundred.
constexpr size_t kEndsDepth = 4;
// A head that was seen so long ago is looked up again before a write builds on it. Far below the
// age at which records are pruned at the earliest (an hour, docs/storage.md): within it, a number
// that is free above the head was never taken.
constexpr int64_t kRecentUs = 60LL * 1000 * 1000;
// /ready may be asked every few seconds by each of many; a write is tried so often.
constexpr int64_t kTryWriteUs = 30LL * 1000 * 1000;

bool EndsWith(const std::string& s, std::string_view end) {
  return s.size() >= end.size() && s.compare(s.size() - end.size(), end.size(), end) == 0;
}

Result<bool> SameMarker(ByteView now, ByteView before) {
  Result<StoreIdentity> one = fs_layout::ParseMarker(now);
  if (!one.ok()) return std::move(one).status();
  Result<StoreIdentity> two = fs_layout::ParseMarker(before);
  return two.ok() && SameStore(*one, *two);
}

}  // namespace

S3Storage::S3Storage(std::unique_ptr<S3Client> client, const Clock& clock, std::string lock_prefix)
    : client_(std::move(client)),
      clock_(clock),
      lock_prefix_(std::move(lock_prefix)),
      prefix_(client_->settings().prefix),
      marker_(*client_, clock, prefix_ + fs_layout::kS3Marker,
              "identity file (see `statewardctl init`)", SameMarker) {}

Result<StoreIdentity> S3Storage::ReadIdentity() {
  Result<S3Object> object = client_->Get(marker_.key(), S3Landmark::kMaxBytes);
  if (!object.ok()) {
    if (object.status().code() != Code::kUnavailable) return std::move(object).status();
    Result<bool> bucket = client_->HasBucket();
    if (bucket.ok() && !*bucket) return Status::NotFound("there is no such bucket");
    // It may have been made in between.
    if (bucket.ok()) object = client_->Get(marker_.key(), S3Landmark::kMaxBytes);
    if (!object.ok()) return std::move(object).status();
  }
  return fs_layout::ParseMarker(object->bytes);
}

uint32_t S3Storage::Format() {
  Result<StoreIdentity> seen = fs_layout::ParseMarker(marker_.Text());
  return seen.ok() ? seen->format : 1;
}

Status S3Storage::CheckNewPlace() {
  std::string strange;
  S3ListRequest request;
  request.prefix = prefix_;
  request.folders = true;
  Status listed = client_->List(request, [&](const S3Page& page) {
    for (const S3Page::Entry& entry : page.objects) {
      if (!EndsWith(entry.key, ".tfstate") && entry.key != marker_.key()) strange = entry.key;
    }
    for (const std::string& folder : page.folders) {
      bool locks = !lock_prefix_.empty() && lock_prefix_.compare(0, folder.size(), folder) == 0;
      if (!locks && folder != prefix_ + kProbe) strange = folder;
    }
    return strange.empty();
  });
  STATEWARD_RETURN_IF_ERROR(std::move(listed));
  if (strange.empty()) return Status();
  return {Code::kConflict,
          "the bucket holds " + strange +
              ": a store is made only in an empty place, or where terraform-backend's *.tfstate "
              "objects are (STORAGE_S3_PREFIX gives it one)"};
}

Status S3Storage::WriteIdentity(const StoreIdentity& marker, const StoreIdentity* replaces) {
  Result<bool> bucket = client_->HasBucket();
  if (!bucket.ok()) return std::move(bucket).status();
  if (!*bucket) STATEWARD_RETURN_IF_ERROR(client_->MakeBucket());
  STATEWARD_RETURN_IF_ERROR(client_->ProveConditions(prefix_));
  std::string text = fs_layout::FormatMarker(marker);
  Result<S3Object> there = client_->Get(marker_.key(), S3Landmark::kMaxBytes);
  if (!there.ok() && there.status().code() != Code::kNotFound) return std::move(there).status();
  if (there.ok() && replaces == nullptr) {
    return {Code::kConflict, "the bucket holds a store already"};
  }
  if (there.ok()) {
    Result<StoreIdentity> now = fs_layout::ParseMarker(there->bytes);
    if (!now.ok()) return std::move(now).status();
    if (!(*now == *replaces)) return {Code::kConflict, "the identity file was exchanged meanwhile"};
  }
  if (!there.ok()) STATEWARD_RETURN_IF_ERROR(CheckNewPlace());
  S3Condition when = there.ok() ? S3Condition::Etag(there->etag) : S3Condition::Absent();
  Result<S3PutOutcome> put = client_->Put(marker_.key(), text, when);
  if (!put.ok()) return std::move(put).status();
  marker_.Forget();
  return put->done ? Status() : Status(Code::kConflict, "another process was first");
}

Status S3Storage::Begin() {
  STATEWARD_RETURN_IF_ERROR(client_->ProveConditions(prefix_));
  return marker_.LookIfDue();
}

Status S3Storage::Absent(Status not_found) {
  STATEWARD_RETURN_IF_ERROR(marker_.Look());
  return not_found;
}

std::string S3Storage::Key(const StateId& id, uint64_t n) const {
  return prefix_ + kStates + id.hex() + "/" + fs_layout::VersionName(n);
}

Result<std::map<uint64_t, std::string>> S3Storage::Times(const StateId& id, uint64_t from) {
  S3ListRequest request;
  request.prefix = prefix_ + kStates + id.hex() + "/";
  if (from > 1) request.start_after = Key(id, from - 1);
  std::map<uint64_t, std::string> times;
  Status listed = client_->List(request, [&](const S3Page& page) {
    for (const S3Page::Entry& entry : page.objects) {
      auto n = fs_layout::ParseVersion(entry.key.substr(request.prefix.size()));
      if (n && *n >= from) times[*n] = entry.time;
    }
    return true;
  });
  if (!listed.ok()) return listed;
  return times;
}

Result<std::vector<uint64_t>> S3Storage::Numbers(const StateId& id, uint64_t from) {
  Result<std::map<uint64_t, std::string>> times = Times(id, from);
  if (!times.ok()) return std::move(times).status();
  std::vector<uint64_t> numbers;
  for (const auto& [n, time] : *times) numbers.push_back(n);
  return numbers;
}

Result<uint64_t> S3Storage::Last(const StateId& id, const std::vector<uint64_t>& numbers,
                                 uint64_t hint, int64_t start_us) {
  if (!numbers.empty()) {
    hints_.Set(id, numbers.back(), start_us);
    return numbers.back();
  }
  STATEWARD_RETURN_IF_ERROR(CheckHead(hint, 0));
  STATEWARD_RETURN_IF_ERROR(marker_.Look());
  return uint64_t{0};
}

Result<uint64_t> S3Storage::FindHead(const StateId& id) {
  int64_t start = clock_.SteadyUs();
  uint64_t hint = hints_.Get(id);
  Result<std::vector<uint64_t>> numbers = Status::Unavailable("not asked");
  Status marker;
  if (marker_.Due()) {
    RunTogether([&] { marker = marker_.Look(); }, [&] { numbers = Numbers(id, hint); });
  } else {
    numbers = Numbers(id, hint);
  }
  STATEWARD_RETURN_IF_ERROR(std::move(marker));
  if (!numbers.ok()) return std::move(numbers).status();
  return Last(id, *numbers, hint, start);
}

Result<uint64_t> S3Storage::Head(const StateId& id) {
  STATEWARD_RETURN_IF_ERROR(client_->ProveConditions(prefix_));
  return FindHead(id);
}

Result<Bytes> S3Storage::Read(const StateId& id, uint64_t n, size_t limit, bool front) {
  Result<S3Object> object =
      front ? client_->GetFront(Key(id, n), limit) : client_->Get(Key(id, n), limit);
  if (!object.ok()) return std::move(object).status();
  if (object->bytes.empty()) return Status::Corruption("record " + std::to_string(n) + " is empty");
  return std::move(object->bytes);
}

Result<Bytes> S3Storage::Get(const StateId& id, uint64_t n) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  Result<Bytes> bytes = Read(id, n, fs_layout::kMaxRecord, false);
  if (bytes.ok() || bytes.status().code() != Code::kNotFound) return bytes;
  return Absent(std::move(bytes).status());
}

Result<Bytes> S3Storage::GetPrefix(const StateId& id, uint64_t n, size_t limit) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  Result<Bytes> bytes = Read(id, n, limit, true);
  if (bytes.ok() || bytes.status().code() != Code::kNotFound) return bytes;
  return Absent(std::move(bytes).status());
}

Result<Records::Newest> S3Storage::GetNewest(const StateId& id) {
  return ReadNewest(id, fs_layout::kMaxRecord, false);
}

Result<Records::Newest> S3Storage::GetNewestFront(const StateId& id, size_t limit) {
  return ReadNewest(id, limit, true);
}

Result<Records::Newest> S3Storage::ReadNewest(const StateId& id, size_t limit, bool front) {
  STATEWARD_RETURN_IF_ERROR(client_->ProveConditions(prefix_));
  uint64_t hint = hints_.Get(id);
  Result<uint64_t> head = Status::Unavailable("not asked");
  Result<Bytes> bytes = Status::NotFound("not asked");
  if (hint == 0) {
    head = FindHead(id);
  } else {
    RunTogether([&] { head = FindHead(id); }, [&] { bytes = Read(id, hint, limit, front); });
  }
  if (!head.ok()) return std::move(head).status();
  Newest newest;
  newest.n = *head;
  if (newest.n == 0) return newest;
  if (newest.n != hint) bytes = Read(id, newest.n, limit, front);
  if (!bytes.ok()) {
    if (bytes.status().code() != Code::kNotFound) return std::move(bytes).status();
    return Status::Unavailable("record " + std::to_string(newest.n) + " vanished");
  }
  newest.bytes = std::move(*bytes);
  return newest;
}

Result<AppendOutcome> S3Storage::Append(const StateId& id, uint64_t expected_head,
                                        ByteView sealed) {
  STATEWARD_RETURN_IF_ERROR(fs_layout::CheckNumberLeft(expected_head));
  STATEWARD_RETURN_IF_ERROR(Begin());
  HeadHints::Hint hint = hints_.Look(id);
  int64_t seen = hint.seen_us;
  if (hint.n != expected_head || expected_head == 0 || clock_.SteadyUs() - seen > kRecentUs) {
    seen = clock_.SteadyUs();
    Result<uint64_t> head = FindHead(id);
    if (!head.ok()) return std::move(head).status();
    if (*head < expected_head) {
      return Status::Unavailable("record " + std::to_string(expected_head) + " is gone");
    }
    if (*head > expected_head) return AppendOutcome{false, *head};
  }
  uint64_t n = expected_head + 1;
  int64_t put = clock_.SteadyUs();
  Result<S3PutOutcome> made = client_->Put(Key(id, n), sealed, S3Condition::Absent());
  if (!made.ok()) return std::move(made).status();
  if (!made->done) return AppendOutcome{false, n};
  return Appended(id, n, seen, put);
}

// The number was free. When it took too long to take it, it may have been taken and pruned by
// others meanwhile; then it lies below the head, where nobody looks. Or others saw this record and
// have built on it by now; then it must stay. The service's times tell the two apart: what was
// there when a number was pruned is older than a record that takes it again.
Result<AppendOutcome> S3Storage::Appended(const StateId& id, uint64_t n, int64_t seen_us,
                                          int64_t put_us) {
  if (clock_.SteadyUs() - seen_us <= kRecentUs) {
    hints_.Set(id, n, put_us);
    return AppendOutcome{true, n};
  }
  Result<std::map<uint64_t, std::string>> times = Times(id, n);
  if (!times.ok()) return std::move(times).status();
  const auto own = times->find(n);
  const Status unknown =
      Status::Unavailable("whether record " + std::to_string(n) + " is in its place is not known");
  if (own == times->end() || own->second.empty()) return unknown;
  bool late = false;
  bool built_on = true;
  for (auto it = std::next(own); it != times->end(); ++it) {
    late = late || it->second < own->second;
    built_on = built_on && it->second > own->second;
  }
  const uint64_t head = times->rbegin()->first;
  if (late) {
    Status removed = client_->Delete(Key(id, n));  // best effort: it does no harm
    return AppendOutcome{false, head};
  }
  if (!built_on) return unknown;
  hints_.Raise(id, head, put_us);
  return AppendOutcome{true, n};
}

Status S3Storage::Settle(const StateId& id, uint64_t n) {
  // What S3 shows, it keeps.
  Result<Bytes> there = GetPrefix(id, n, 1);
  return there.ok() ? Status() : std::move(there).status();
}

Status S3Storage::Replace(const StateId& id, uint64_t n, const Sha256Digest& expected,
                          ByteView sealed) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  const std::string key = Key(id, n);
  Result<S3Object> now = client_->Get(key, fs_layout::kMaxRecord);
  if (!now.ok()) {
    if (now.status().code() != Code::kNotFound) return std::move(now).status();
    return Absent(std::move(now).status());
  }
  Status others{Code::kConflict, "the record has other bytes by now"};
  if (Sha256(now->bytes) != expected) return others;
  Result<S3PutOutcome> put = client_->Put(key, sealed, S3Condition::Etag(now->etag));
  if (!put.ok()) return std::move(put).status();
  return put->done ? Status() : others;
}

Result<std::vector<uint64_t>> S3Storage::Versions(const StateId& id) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  Result<std::vector<uint64_t>> numbers = Numbers(id, 1);
  if (!numbers.ok()) return numbers;
  if (numbers->empty()) STATEWARD_RETURN_IF_ERROR(marker_.Look());
  std::reverse(numbers->begin(), numbers->end());
  return numbers;
}

Status S3Storage::ListAfter(const StateId& after, const std::function<bool(const StateId&)>& each) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  S3ListRequest request;
  request.prefix = prefix_ + kStates;
  request.folders = true;
  // '0' comes right behind '/': no key of that state is above it.
  if (!after.hex().empty()) request.start_after = request.prefix + after.hex() + "0";
  STATEWARD_RETURN_IF_ERROR(client_->List(request, [&](const S3Page& page) {
    for (const std::string& folder : page.folders) {
      StateId id;
      if (folder.size() != request.prefix.size() + 65 ||
          !StateId::Parse(folder.substr(request.prefix.size(), 64), &id)) {
        continue;
      }
      if (id.hex() <= after.hex()) continue;  // the service does not know start-after here
      if (!each(id)) return false;
    }
    return true;
  }));
  return marker_.Look();
}

// Keys come in order, so the last one of a state is its newest record.
Result<Records::EndPage> S3Storage::Ends(const std::string& prefix) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  EndPage page;
  size_t keys = 0;
  const std::string root = prefix_ + kStates;
  S3ListRequest request;
  request.prefix = root + prefix;
  STATEWARD_RETURN_IF_ERROR(client_->List(request, [&](const S3Page& part) {
    // A longer prefix would not make it less where few states have many records.
    page.whole = keys == 0 || prefix.size() >= kEndsDepth;
    if (!page.whole) return false;
    for (const S3Page::Entry& entry : part.objects) {
      ++keys;
      const size_t at = root.size();
      StateId id;
      if (entry.key.size() < at + 65 || !StateId::Parse(entry.key.substr(at, 64), &id)) continue;
      std::optional<uint64_t> n = fs_layout::ParseVersion(entry.key.substr(at + 65));
      if (!n) continue;
      if (page.ends.empty() || !(page.ends.back().id == id)) page.ends.push_back({id, 0, 0, ""});
      End& end = page.ends.back();
      ++end.records;
      end.bytes = end.bytes.value_or(0) + entry.size;
      end.n = *n;
      end.stamp = entry.etag;
    }
    return true;
  }));
  if (!page.whole) page.ends.clear();
  if (page.ends.empty()) STATEWARD_RETURN_IF_ERROR(marker_.Look());
  return page;
}

Result<uint64_t> S3Storage::Count() {
  uint64_t count = 0;
  STATEWARD_RETURN_IF_ERROR(List([&](const StateId&) {
    ++count;
    return true;
  }));
  return count;
}

Status S3Storage::Prune(const StateId& id, uint64_t n) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  // Numbers only grow: below a head that was seen once, n is not the newest.
  if (n >= hints_.Get(id)) {
    Result<uint64_t> head = FindHead(id);
    if (!head.ok()) return std::move(head).status();
    if (n >= *head) return Status::InvalidArgument("the newest record is never removed");
  }
  return client_->Delete(Key(id, n));
}

// Now and then an object is written: only that shows a full disk or keys that may only read.
Status S3Storage::Check() {
  STATEWARD_RETURN_IF_ERROR(client_->ProveConditions(prefix_));
  STATEWARD_RETURN_IF_ERROR(marker_.Look());
  int64_t now = clock_.SteadyUs();
  if (wrote_us_ != 0 && now - wrote_us_ < kTryWriteUs) return Status();
  Result<S3PutOutcome> put =
      client_->Put(prefix_ + kProbe + "ready", std::string("ready\n"), S3Condition());
  if (!put.ok()) return std::move(put).status();
  wrote_us_ = now;
  return Status();
}

}  // namespace stateward
