#include "audit/chain_end.h"

#include <fcntl.h>

#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/trail_names.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/sha256.h"
#include "stateward/secret.h"

namespace stateward {
namespace {

// One write of less than a page: a process that is killed leaves the old text or the new one.
constexpr size_t kEndBytes = 384;
constexpr std::string_view kMagic = "stateward audit head 1";
constexpr std::string_view kMacName = "mac ";

std::string Body(const ChainEnd& end) {
  std::string text(kMagic);
  text += "\nchain " + end.head.chain + "\nseq " + std::to_string(end.head.sequence) + "\nhead " +
          HexEncode(end.head.mac) + "\nfile " + std::to_string(end.device) + " " +
          std::to_string(end.inode) + " " + std::to_string(end.size) + "\n";
  return text;
}

// The text between `*at` and the next separator; *at moves behind it.
std::string_view Next(std::string_view text, char separator, size_t* at) {
  const size_t end = text.find(separator, *at);
  if (end == std::string_view::npos) return {};
  const std::string_view part = text.substr(*at, end - *at);
  *at = end + 1;
  return part;
}

std::string_view Named(std::string_view text, std::string_view name, size_t* at) {
  const std::string_view line = Next(text, '\n', at);
  return line.substr(0, name.size()) == name ? line.substr(name.size()) : std::string_view();
}

// *body: what the MAC covers.
std::optional<ChainEnd> Parse(std::string_view text, std::string_view* body, Sha256Digest* mac) {
  size_t at = 0;
  if (Next(text, '\n', &at) != kMagic) return std::nullopt;
  ChainEnd end;
  end.head.chain = std::string(Named(text, "chain ", &at));
  const std::optional<uint64_t> sequence = ParseUint64(Named(text, "seq ", &at));
  if (!HexDecode(Named(text, "head ", &at), end.head.mac.data(), end.head.mac.size())) {
    return std::nullopt;
  }
  const std::string file = std::string(Named(text, "file ", &at)) + " ";
  size_t in_file = 0;
  const std::optional<uint64_t> device = ParseUint64(Next(file, ' ', &in_file));
  const std::optional<uint64_t> inode = ParseUint64(Next(file, ' ', &in_file));
  const std::optional<uint64_t> size = ParseUint64(Next(file, ' ', &in_file));
  *body = text.substr(0, at);
  const bool has_mac = HexDecode(Named(text, kMacName, &at), mac->data(), mac->size());
  if (!IsHex(end.head.chain, 16) || !sequence || !device || !inode || !size || !has_mac) {
    return std::nullopt;
  }
  end.head.sequence = *sequence;
  end.device = *device;
  end.inode = *inode;
  end.size = *size;
  return end;
}

}  // namespace

std::string ChainEndPath(const std::string& audit_file, const std::string& runtime_dir) {
  return audit_file.empty() ? runtime_dir + "/audit.head" : audit_file + kChainEndEnding;
}

std::optional<ChainEnd> PeekChainEnd(Disk& disk, const std::string& path) {
  Result<Bytes> bytes = ReadFileAt(disk, AT_FDCWD, path, kEndBytes);
  if (!bytes.ok()) return std::nullopt;
  std::string_view body;
  Sha256Digest mac{};
  return Parse(ByteView(*bytes).AsString(), &body, &mac);
}

std::optional<ChainEnd> PeekChainEnd(Disk& disk, const std::string& path, ByteView key) {
  Result<Bytes> bytes = ReadFileAt(disk, AT_FDCWD, path, kEndBytes);
  if (!bytes.ok()) return std::nullopt;
  std::string_view body;
  Sha256Digest mac{};
  std::optional<ChainEnd> end = Parse(ByteView(*bytes).AsString(), &body, &mac);
  return end && EqualInConstantTime(HmacSha256(key, body), mac) ? end : std::nullopt;
}

std::string AuditMetrics(Disk& disk, const std::string& path) {
  const std::optional<ChainEnd> end = PeekChainEnd(disk, path);
  if (!end) return "";
  // 48 bits: exact in a double. A label that changes with each line would be a series each.
  uint64_t head = 0;
  for (size_t i = 0; i < 6; ++i) head = head << 8 | end->head.mac[i];
  const std::string labels = "{chain=\"" + end->head.chain + "\"} ";
  return "# HELP stateward_audit_sequence Number of the audit trail's newest line.\n"
         "# TYPE stateward_audit_sequence gauge\nstateward_audit_sequence" +
         labels + std::to_string(end->head.sequence) +
         "\n# HELP stateward_audit_head The first 6 bytes of that line's MAC, as a number.\n"
         "# TYPE stateward_audit_head gauge\nstateward_audit_head" +
         labels + std::to_string(head) + "\n";
}

Status CannotOpen(const std::string& path, int negative_errno) {
  const bool link = negative_errno == -ELOOP;
  return Status::Unavailable(
      "audit: " + path + " cannot be opened or made: " +
      (link ? "a symbolic link is not followed" : DiskError(path, negative_errno).detail()));
}

Result<ChainTurn> ChainTurn::Take(Disk& disk, const std::string& path, int limit_ms) {
  const int opened = disk.OpenAt(AT_FDCWD, path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW, 0640);
  if (opened < 0) return CannotOpen(path, opened);
  Fd fd(disk, opened);
  STATEWARD_RETURN_IF_ERROR(LockFd(disk, fd.get(), limit_ms, path));
  return ChainTurn(disk, path, std::move(fd));
}

Result<std::optional<ChainEnd>> ChainTurn::Read(ByteView key) {
  char text[kEndBytes];
  const long n = disk_->ReadAt(fd_.get(), text, sizeof text, 0);
  if (n < 0) return DiskError(path_, static_cast<int>(n));
  std::string_view body;
  Sha256Digest mac{};
  std::optional<ChainEnd> end = Parse({text, static_cast<size_t>(n)}, &body, &mac);
  if (end && !EqualInConstantTime(HmacSha256(key, body), mac)) {
    return Status::Corruption("audit: " + path_ +
                              " was written with another store's key, or changed: each store needs "
                              "an AUDIT_FILE of its own (docs/audit.md)");
  }
  return end;
}

Status ChainTurn::Write(ByteView key, const ChainEnd& end) {
  std::string text = Body(end);
  const Sha256Digest mac = HmacSha256(key, text);
  text.append(kMacName).append(HexEncode(mac)).append("\n");
  text.resize(kEndBytes, '\n');
  const long n = disk_->WriteAt(fd_.get(), text.data(), text.size(), 0);
  if (n == static_cast<long>(text.size())) return Status();
  return n < 0 ? DiskError(path_, static_cast<int>(n)) : Status::Unavailable(path_ + ": not whole");
}

}  // namespace stateward
