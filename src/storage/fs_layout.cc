#include "storage/fs_layout.h"

#include <linux/magic.h>
#include <sys/statfs.h>

#include <cerrno>
#include <charconv>
#include <cstdio>

#include "base/base64.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/store_format.h"

namespace stateward::fs_layout {
namespace {

constexpr std::string_view kTitle = "stateward store\n";
constexpr char kLegacyEnd[] = ".tfstate";

// Takes "name value\n" off the front of *text.
bool TakeLine(std::string_view* text, std::string_view name, std::string* value) {
  size_t end = text->find('\n');
  if (end == std::string_view::npos) return false;
  std::string_view line = text->substr(0, end);
  if (line.substr(0, name.size()) != name || line.size() <= name.size() ||
      line[name.size()] != ' ') {
    return false;
  }
  *value = std::string(line.substr(name.size() + 1));
  text->remove_prefix(end + 1);
  return true;
}

bool EndsWith(const std::string& s, std::string_view end) {
  return s.size() >= end.size() && s.compare(s.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

std::string StatePath(const StateId& id) {
  return std::string(kStates) + "/" + id.hex().substr(0, 2) + "/" + id.hex();
}

bool ParseStateName(const std::string& group, const std::string& name, StateId* id) {
  return name.compare(0, 2, group) == 0 && StateId::Parse(name, id);
}

std::string VersionName(uint64_t n) {
  char text[24];
  return {text, static_cast<size_t>(
                    snprintf(text, sizeof text, "%020llu", static_cast<unsigned long long>(n)))};
}

std::string VersionPath(const StateId& id, uint64_t n) {
  return StatePath(id) + "/" + VersionName(n);
}

std::optional<uint64_t> ParseVersion(const std::string& name) {
  uint64_t n = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), n);
  if (name.size() != 20 || error != std::errc() || end != name.data() + 20 ||
      !CheckNumber(n).ok()) {
    return std::nullopt;
  }
  return n;
}

std::string FormatMarker(const StoreIdentity& marker) {
  std::string text(kTitle);
  text += "format " + std::to_string(marker.format) + "\n";
  text += "store_id " + marker.store_id + "\n";
  text += "lock_kind " + marker.lock_kind + "\n";
  text += "lock_id " + marker.lock_id + "\n";
  text += "secret " + Base64Encode(marker.sealed_secret) + "\n";
  return text + "sha256 " + HexEncode(Sha256(text)) + "\n";
}

Status CheckFormat(uint64_t format) {
  if (format >= 1 && format <= NewestStoreFormat()) return Status();
  return Status::Unavailable("the store has format " + std::to_string(format) +
                             "; this build knows formats up to " +
                             std::to_string(NewestStoreFormat()) + ": a newer one is needed");
}

Result<StoreIdentity> ParseMarker(ByteView bytes) {
  std::string_view text = bytes.AsString();
  size_t sum_at = text.rfind("sha256 ");
  std::string format;
  std::string secret;
  std::string sum;
  StoreIdentity marker;
  if (sum_at == std::string_view::npos || text.substr(0, kTitle.size()) != kTitle) {
    return Status::Corruption("the store's identity file: it is not one");
  }
  std::string_view rest = text;
  rest.remove_prefix(kTitle.size());
  const bool named = TakeLine(&rest, "format", &format);
  const std::optional<uint64_t> number = ParseUint64(format);
  if (!named || !number || *number == 0 || *number > UINT32_MAX) {
    return Status::Corruption("the store's identity file: damaged");
  }
  // What follows may look different in another format.
  STATEWARD_RETURN_IF_ERROR(CheckFormat(*number));
  bool whole = TakeLine(&rest, "store_id", &marker.store_id) &&
               TakeLine(&rest, "lock_kind", &marker.lock_kind) &&
               TakeLine(&rest, "lock_id", &marker.lock_id) && TakeLine(&rest, "secret", &secret) &&
               TakeLine(&rest, "sha256", &sum) && rest.empty();
  const std::optional<SecretBytes> sealed = Base64Decode(secret);
  if (!whole || !sealed || sealed->empty() || sum != HexEncode(Sha256(text.substr(0, sum_at))) ||
      !IsHex(marker.store_id, 32) || !IsHex(marker.lock_id, 32)) {
    return Status::Corruption("the store's identity file: damaged");
  }
  marker.format = static_cast<uint32_t>(*number);
  marker.sealed_secret.assign(sealed->begin(), sealed->end());
  return marker;
}

// <time, 16 digits>-<size, 12 digits>-<content tag>-<state id>
std::string UploadName(const KeptUpload& entry) {
  char text[64];
  snprintf(text, sizeof text, "%016lld-%012llu-", static_cast<long long>(entry.time_ms),
           static_cast<unsigned long long>(entry.size));
  return text + entry.content_tag + "-" + entry.id.hex();
}

std::optional<KeptUpload> ParseUploadName(const std::string& principal_tag,
                                          const std::string& name) {
  constexpr size_t kSize = 16 + 1 + 12 + 1 + 32 + 1 + 64;
  if (name.size() != kSize || name[16] != '-' || name[29] != '-' || name[62] != '-') {
    return std::nullopt;
  }
  KeptUpload entry;
  entry.principal_tag = principal_tag;
  entry.content_tag = name.substr(30, 32);
  auto time = std::from_chars(name.data(), name.data() + 16, entry.time_ms);
  auto size = std::from_chars(name.data() + 17, name.data() + 29, entry.size);
  if (time.ec != std::errc() || size.ec != std::errc() || !IsHex(entry.content_tag, 32) ||
      !StateId::Parse(name.substr(63), &entry.id)) {
    return std::nullopt;
  }
  return entry;
}

std::string LegacyName(const std::string& legacy_id) { return legacy_id + kLegacyEnd; }

std::optional<std::string> ParseLegacyName(const std::string& name) {
  constexpr size_t kDigits = 2 * sizeof(Sha256Digest);
  if (!EndsWith(name, kLegacyEnd)) return std::nullopt;
  std::string legacy_id = name.substr(0, name.size() - std::string_view(kLegacyEnd).size());
  if (!IsHex(legacy_id, kDigits)) return std::nullopt;
  return legacy_id;
}

std::string StrangeName(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    bool known = EndsWith(name, ".tfstate") || name == "lost+found" || name == "locks" ||
                 name == kStates || name == kUploads || name == kLegacy ||
                 name.compare(0, 5, ".tmp-") == 0;
    if (!known) return name;
  }
  return "";
}

Status OtherLegacy(const std::string& legacy_id) {
  return {Code::kConflict, "other data of terraform-backend is there already under the name " +
                               legacy_id + ": it may be in use, and is not replaced"};
}

Status CheckNumberLeft(uint64_t head) {
  if (head < kLastRecord) return Status();
  return Status::Unavailable("record " + std::to_string(head) +
                             " has the highest number: no record can follow it");
}

Status CheckNumber(uint64_t n) {
  if (n > 0 && n <= kLastRecord) return Status();
  return Status::InvalidArgument(std::to_string(n) + " is no record's number");
}

Status NotProved(Status status, std::string_view what) {
  if (status.code() != Code::kNotFound) return status;
  return Status::Unavailable(std::string(what) + ": " + status.detail());
}

Status CheckFileSystem(const std::string& dir) {
  struct statfs fs {};
  if (statfs(dir.c_str(), &fs) != 0) return FromErrno("statfs " + dir, errno);
  // CIFS and SMB2 have their own numbers, which <linux/magic.h> of Debian 12 spells out in part.
  constexpr unsigned long kCifs = 0xFF534D42;
  constexpr unsigned long kSmb2 = 0xFE534D42;
  auto type = static_cast<unsigned long>(fs.f_type) & 0xFFFFFFFF;
  if (type == NFS_SUPER_MAGIC || type == SMB_SUPER_MAGIC || type == kCifs || type == kSmb2) {
    return Status::Unavailable(dir +
                               " lies on a network file system; the fs storage is for one "
                               "host's own disks");
  }
  return Status();
}

}  // namespace stateward::fs_layout
