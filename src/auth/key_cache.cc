#include "auth/key_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include <string_view>
#include <utility>
#include <vector>

#include "auth/jwk.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/sha256.h"

namespace stateward {
namespace {

// Ours is one line of some hundred bytes before the issuer's text.
constexpr size_t kMaxHead = 4096;

constexpr std::string_view kPrefix = "issuer-";

Status NotBelieved(const char* why) { return Status::NotFound(std::string("kept keys: ") + why); }

// One file; of which issuer it says that it is, in *issuer.
Result<CachedKeys> ReadKeys(Disk& disk, int dir, const std::string& name, std::string* issuer) {
  Result<Fd> file = OpenFileAt(disk, dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file.ok()) return std::move(file).status();
  DiskStat stat;
  int r = disk.Stat(file->get(), &stat);
  if (r < 0) return DiskError(name, r);
  if (!stat.is_file || stat.uid != geteuid() || (stat.mode & 022) != 0) {
    return NotBelieved("others may write the file");
  }
  Result<Bytes> bytes = ReadUpTo(disk, file->get(), kMaxHead + kMaxKeySetBytes + 1);
  if (!bytes.ok()) return std::move(bytes).status();
  std::string_view text = ByteView(*bytes).AsString();
  size_t line = text.substr(0, kMaxHead).find('\n');
  if (line == text.npos || text.size() - line - 1 > kMaxKeySetBytes) return NotBelieved("damaged");
  Result<JsonObject> head = ParseSmallJson(text.substr(0, line));
  if (!head.ok()) return NotBelieved("damaged");
  std::optional<std::string> named = head->String("issuer");
  std::optional<uint64_t> fetched = head->Uint("fetched_ms");
  std::optional<uint64_t> attempted = head->Uint("attempted_ms");
  if (!named || !fetched || !attempted) return NotBelieved("damaged");
  *issuer = std::move(*named);
  return CachedKeys{std::string(text.substr(line + 1)), static_cast<int64_t>(*fetched),
                    static_cast<int64_t>(*attempted)};
}

}  // namespace

KeyCache::KeyCache(Disk& disk, std::string folder, std::string issuer)
    : disk_(disk),
      folder_(std::move(folder)),
      issuer_(std::move(issuer)),
      name_(std::string(kPrefix) + HexEncode(Sha256(issuer_)).substr(0, 32)) {}

Result<Fd> KeyCache::Lock(int limit_ms) {
  if (folder_.empty()) return Status::NotFound("kept keys: no folder");
  Result<Fd> dir = OpenDirAt(disk_, AT_FDCWD, folder_);
  if (!dir.ok()) return std::move(dir).status();
  std::string name = name_ + ".lock";
  int fd = disk_.OpenAt(dir->get(), name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  if (fd < 0) return DiskError(name, fd);
  Fd lock(disk_, fd);
  STATEWARD_RETURN_IF_ERROR(LockFd(disk_, fd, limit_ms, name));
  return lock;
}

Result<CachedKeys> KeyCache::Read() {
  if (folder_.empty()) return NotBelieved("no folder");
  Result<Fd> dir = OpenDirAt(disk_, AT_FDCWD, folder_);
  if (!dir.ok()) return std::move(dir).status();
  std::string issuer;
  Result<CachedKeys> keys = ReadKeys(disk_, dir->get(), name_, &issuer);
  if (keys.ok() && issuer != issuer_) return NotBelieved("damaged");
  return keys;
}

Status KeyCache::Write(const CachedKeys& keys) {
  if (folder_.empty()) return Status();
  Result<Fd> dir = OpenDirAt(disk_, AT_FDCWD, folder_);
  if (!dir.ok()) return std::move(dir).status();
  JsonWriter w;
  w.BeginObject().Key("issuer").String(issuer_);
  w.Key("fetched_ms").Text64(static_cast<uint64_t>(keys.fetched_ms));
  w.Key("attempted_ms").Text64(static_cast<uint64_t>(keys.attempted_ms)).EndObject();
  std::string text = std::move(w).Take() + "\n" + keys.key_set;
  return ReplaceDurably(disk_, dir->get(), name_, text, Keep::kWritable);
}

std::map<std::string, int64_t> CachedIssuers(Disk& disk, const std::string& folder) {
  std::map<std::string, int64_t> out;
  Result<Fd> dir = OpenDirAt(disk, AT_FDCWD, folder);
  std::vector<std::string> names;
  if (!dir.ok() || disk.ListDir(dir->get(), &names) < 0) return out;
  for (const std::string& name : names) {
    if (name.substr(0, kPrefix.size()) != kPrefix || name.find('.') != name.npos) continue;
    std::string issuer;
    Result<CachedKeys> keys = ReadKeys(disk, dir->get(), name, &issuer);
    if (keys.ok() && keys->fetched_ms > 0) out[issuer] = keys->fetched_ms;
  }
  return out;
}

}  // namespace stateward
