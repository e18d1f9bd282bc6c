#include "jobs/store_lease.h"

#include <charconv>
#include <utility>

#include "base/hex.h"

namespace stateward {
namespace {

constexpr char kName[] = "jobs";
constexpr std::string_view kHead = "stateward lease 1 ";
constexpr size_t kHolderDigits = 32;

bool Same(const Bytes& a, const Bytes& b) { return ByteView(a) == ByteView(b); }

}  // namespace

// "stateward lease 1 <holder or -> <step> <waits: 0 or 1>\n"
Bytes StoreLease::Format(const Text& text) {
  std::string line(kHead);
  line += (text.holder.empty() ? "-" : text.holder) + " " + std::to_string(text.step) +
          (text.waits ? " 1\n" : " 0\n");
  return Bytes(line.begin(), line.end());
}

std::optional<StoreLease::Text> StoreLease::Parse(ByteView bytes) {
  std::string_view line = bytes.AsString();
  if (line.substr(0, kHead.size()) != kHead) return std::nullopt;
  line.remove_prefix(kHead.size());
  Text text;
  const size_t end = line.find(' ');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string holder(line.substr(0, end));
  if (holder != "-" && !IsHex(holder, kHolderDigits)) return std::nullopt;
  if (holder != "-") text.holder = holder;
  line.remove_prefix(end + 1);
  const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), text.step);
  if (error != std::errc()) return std::nullopt;
  line.remove_prefix(static_cast<size_t>(rest - line.data()));
  if (line != " 0\n" && line != " 1\n") return std::nullopt;
  text.waits = line[1] == '1';
  return text;
}

void StoreLease::Begin(const std::string& self) {
  self_ = self;
  held_ = false;
  begun_ = true;
  seen_.clear();
  unmoved_ = 0;
}

// Its last step may have been written, or not.
bool StoreLease::IsOwn(const std::optional<Text>& text) const {
  return held_ && text && text->holder == self_ && (text->step == step_ || text->step + 1 == step_);
}

Status StoreLease::Look(Leases& leases, int64_t steady_us, bool* held) {
  *held = held_;
  Result<Bytes> read = leases.ReadLease(kName);
  if (!read.ok() && read.status().code() != Code::kNotFound) return std::move(read).status();
  const Bytes now = read.ok() ? std::move(*read) : Bytes();
  const std::optional<Text> text = Parse(now);
  Status status;
  if (IsOwn(text)) {
    status = LookAsHolder(leases, now, *text, steady_us);
  } else {
    held_ = false;
    status = LookAsWaiting(leases, now, steady_us);
  }
  begun_ = false;
  *held = held_;
  return status;
}

Status StoreLease::LookAsHolder(Leases& leases, const Bytes& now, const Text& text,
                                int64_t steady_us) {
  const bool ask = steady_us - asked_us_ >= kAskMs * 1000;
  if (!text.waits && !ask) return Status();
  step_ = text.step + 1;
  if (ask) asked_us_ = steady_us;
  // That another one was there first shows at the next look.
  Result<bool> written =
      leases.ExchangeLease(kName, now, Format({self_, step_, text.waits && !ask}));
  return written.ok() ? Status() : std::move(written).status();
}

Status StoreLease::Take(Leases& leases, const Bytes& now, int64_t steady_us) {
  const std::optional<Text> text = Parse(now);
  step_ = text ? text->step + 1 : 1;
  // Others may wait, too.
  Result<bool> taken =
      leases.ExchangeLease(kName, now, Format({self_, step_, text && text->waits}));
  if (!taken.ok()) return std::move(taken).status();
  held_ = *taken;
  asked_us_ = steady_us;
  seen_.clear();
  unmoved_ = 0;
  return Status();
}

Status StoreLease::LookAsWaiting(Leases& leases, const Bytes& now, int64_t steady_us) {
  const std::optional<Text> text = Parse(now);
  const bool free = now.empty() || (text && text->holder.empty());
  if (free || (begun_ && text && text->holder == self_)) return Take(leases, now, steady_us);
  if (text && !text->waits) {
    // It counts only for who waits.
    const Bytes told = Format({text->holder, text->step, true});
    Result<bool> written = leases.ExchangeLease(kName, now, told);
    seen_ = told;
    unmoved_ = 0;
    return written.ok() ? Status() : std::move(written).status();
  }
  if (!Same(now, seen_)) {
    seen_ = now;
    unmoved_ = 0;
    return Status();
  }
  if (++unmoved_ < kLooksWithoutProgress) return Status();
  return Take(leases, now, steady_us);
}

void StoreLease::GiveUp(Leases& leases) {
  if (!held_) return;
  Result<Bytes> now = leases.ReadLease(kName);
  const std::optional<Text> text = now.ok() ? Parse(*now) : std::nullopt;
  if (IsOwn(text)) {
    (void)leases.ExchangeLease(kName, *now, Format({"", text->step + 1, text->waits}));
  }
  held_ = false;
}

}  // namespace stateward
