#include "moving/tar.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace stateward {
namespace {

constexpr size_t kBlock = 512;
constexpr size_t kMaxName = 100;
constexpr uint64_t kMaxSize = (uint64_t{1} << 33) - 1;  // 11 octal digits
// A sealed state of the largest size that the settings allow is little more than 1 GiB.
constexpr uint64_t kMaxRead = uint64_t{3} << 30;
constexpr char kLongName[] = "././@LongLink";

using Block = std::array<char, kBlock>;

// Where a field of the header stands, and its size.
struct Field {
  size_t at;
  size_t size;
};
constexpr Field kName{0, 100}, kMode{100, 8}, kUid{108, 8}, kGid{116, 8}, kSize{124, 12},
    kTime{136, 12}, kSum{148, 8}, kType{156, 1}, kMagic{257, 8};

void PutOctal(Block* block, const Field& field, uint64_t value) {
  for (size_t i = field.size - 1; i-- > 0; value >>= 3) {
    (*block)[field.at + i] = static_cast<char>('0' + (value & 7));
  }
}

// False: no octal number.
bool TakeOctal(const Block& block, const Field& field, uint64_t* value) {
  *value = 0;
  size_t i = field.at;
  const size_t end = field.at + field.size;
  while (i < end && block[i] == ' ') ++i;
  for (; i < end && block[i] >= '0' && block[i] <= '7'; ++i) {
    *value = *value << 3 | static_cast<uint64_t>(block[i] - '0');
  }
  return i == end || block[i] == '\0' || block[i] == ' ';
}

uint64_t SumOf(Block block) {
  std::fill_n(block.begin() + kSum.at, kSum.size, ' ');
  uint64_t sum = 0;
  for (char c : block) sum += static_cast<unsigned char>(c);
  return sum;
}

Status Damaged(const char* why) { return Status::Corruption(std::string("archive: ") + why); }

bool ReadAll(FILE* from, void* to, size_t size) {
  return size == 0 || std::fread(to, 1, size, from) == size;
}

size_t Padding(uint64_t size) { return static_cast<size_t>((kBlock - size % kBlock) % kBlock); }

}  // namespace

Status TarWriter::Put(ByteView bytes) {
  if (bytes.empty() || std::fwrite(bytes.data(), 1, bytes.size(), to_) == bytes.size()) {
    return Status();
  }
  return FromErrno("the output", errno);
}

Status TarWriter::Header(const std::string& name, uint64_t size, int64_t time_ms, char type) {
  Block block{};
  std::memcpy(block.data(), name.data(), std::min(name.size(), kMaxName));
  PutOctal(&block, kMode, 0600);
  PutOctal(&block, kUid, 0);
  PutOctal(&block, kGid, 0);
  PutOctal(&block, kSize, size);
  PutOctal(&block, kTime, static_cast<uint64_t>(std::max<int64_t>(time_ms / 1000, 0)));
  block[kType.at] = type;
  std::memcpy(block.data() + kMagic.at, "ustar\00000", kMagic.size);
  PutOctal(&block, {kSum.at, 7}, SumOf(block));
  block[kSum.at + 7] = ' ';
  return Put({block.data(), block.size()});
}

Status TarWriter::Add(const std::string& name, ByteView bytes, int64_t time_ms) {
  if (bytes.size() > kMaxSize) return {Code::kTooLarge, name + ": more than 8 GiB"};
  const std::string zeros(kBlock, '\0');
  if (name.size() > kMaxName) {
    STATEWARD_RETURN_IF_ERROR(Header(kLongName, name.size() + 1, 0, 'L'));
    const size_t rest = Padding(name.size() + 1) + 1;
    STATEWARD_RETURN_IF_ERROR(Put(name + zeros.substr(0, rest)));
  }
  STATEWARD_RETURN_IF_ERROR(Header(name, bytes.size(), time_ms, '0'));
  STATEWARD_RETURN_IF_ERROR(Put(bytes));
  return Put(ByteView(zeros).Sub(0, Padding(bytes.size())));
}

Status TarWriter::Finish() {
  STATEWARD_RETURN_IF_ERROR(Put(std::string(2 * kBlock, '\0')));
  return std::fflush(to_) == 0 ? Status() : FromErrno("the output", errno);
}

Status ReadTar(FILE* from,
               const std::function<Status(const std::string& name, const Bytes& bytes)>& each) {
  std::string long_name;
  for (;;) {
    Block block{};
    if (!ReadAll(from, block.data(), block.size())) return Damaged("it ends too early");
    if (std::all_of(block.begin(), block.end(), [](char c) { return c == '\0'; })) return Status();
    uint64_t sum = 0;
    uint64_t size = 0;
    if (!TakeOctal(block, kSum, &sum) || sum != SumOf(block) || !TakeOctal(block, kSize, &size) ||
        size > kMaxRead) {
      return Damaged("a header is damaged, or it is no tar file");
    }
    Bytes bytes(static_cast<size_t>(size));
    std::array<char, kBlock> rest{};
    if (!ReadAll(from, bytes.data(), bytes.size()) || !ReadAll(from, rest.data(), Padding(size))) {
      return Damaged("it ends too early");
    }
    const char type = block[kType.at];
    if (type == 'L') {
      long_name = std::string(ByteView(bytes).AsString().substr(0, size == 0 ? 0 : size - 1));
      continue;
    }
    if (type != '0' && type != '\0') return Damaged("it holds something that is no file");
    std::string name(block.data(), strnlen(block.data(), kName.size));
    if (!long_name.empty()) name = std::move(long_name);
    long_name.clear();
    STATEWARD_RETURN_IF_ERROR(each(name, bytes));
  }
}

}  // namespace stateward
