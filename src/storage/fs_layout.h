// Names of files and folders of the fs storage, the text of its identity file, and what its parts
// share.
#ifndef STATEWARD_STORAGE_FS_LAYOUT_H_
#define STATEWARD_STORAGE_FS_LAYOUT_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stateward/result.h"
#include "stateward/storage.h"

namespace stateward::fs_layout {

inline constexpr char kMarker[] = "stateward-store";
// The same text in S3. Sorts before everything else in the store: who empties the
// bucket in order of its keys takes the marker away first.
inline constexpr char kS3Marker[] = "00-stateward-store";
inline constexpr char kStates[] = "states";
inline constexpr char kUploads[] = "uploads";
inline constexpr char kLegacy[] = "legacy";
inline constexpr char kServers[] = "servers";
inline constexpr char kLeases[] = "leases";
inline constexpr char kCache[] = "cache";
// A blob of terraform-backend, which set no limit; beyond a gibibyte it could not have served it.
inline constexpr size_t kMaxLegacy = size_t{1} << 30;
// A sealed state of the largest size that the settings allow, with room for its envelope.
inline constexpr size_t kMaxRecord = (size_t{1} << 30) + (size_t{16} << 20);
// Longer than any sync of a healthy disk; the client's patience is longer still.
inline constexpr int kFlockMs = 10000;
// An identity file is about 500 bytes; with a key that RSA-4096 wrapped 1500. The wrapped key of a
// record has at most 4096 bytes.
inline constexpr size_t kMaxMarker = size_t{16} * 1024;
// 64 keys of 35 bytes, and a name.
inline constexpr size_t kMaxNotice = size_t{16} * 1024;
// As stateward/leases.h says.
inline constexpr size_t kMaxLease = 256;

std::string StatePath(const StateId& id);  // "states/<id[0:2]>/<id>"
// Whether `name` in folder "states/<group>" is the name of a state's folder. False: some other
// file, or one whose place is in another group.
bool ParseStateName(const std::string& group, const std::string& name, StateId* id);
std::string VersionName(uint64_t n);                     // 20 digits
std::string VersionPath(const StateId& id, uint64_t n);  // both, with a "/"
// 1 to kLastRecord; nullopt: some other file.
std::optional<uint64_t> ParseVersion(const std::string& name);

std::string FormatMarker(const StoreIdentity& marker);
// kCorruption: not one, damaged, or of a later format.
Result<StoreIdentity> ParseMarker(ByteView text);
// kUnavailable, with what to do, when this build does not know the store's format.
Status CheckFormat(uint64_t format);

std::string UploadName(const KeptUpload& entry);
std::optional<KeptUpload> ParseUploadName(const std::string& principal_tag,
                                          const std::string& name);

// "<legacy id>.tfstate", where the original kept a state; the same in S3.
std::string LegacyName(const std::string& legacy_id);
std::optional<std::string> ParseLegacyName(const std::string& name);  // nullopt: some other file

// "" when nothing in the folder speaks against a new store; else the first name that does.
std::string StrangeName(const std::vector<std::string>& names);

// For a kNotFound that is not what a look could prove: `what` should have been there.
Status NotProved(Status status, std::string_view what);
// kUnavailable when no number is left for a record after `head`: its name would be another's.
Status CheckNumberLeft(uint64_t head);
// kInvalidArgument for what is no record's number.
Status CheckNumber(uint64_t n);
// What StoreCopy::PutLegacy says of other bytes under that name.
Status OtherLegacy(const std::string& legacy_id);

// Refuses network file systems, on which neither link nor flock nor sync must be trusted.
Status CheckFileSystem(const std::string& dir);

}  // namespace stateward::fs_layout

#endif  // STATEWARD_STORAGE_FS_LAYOUT_H_
