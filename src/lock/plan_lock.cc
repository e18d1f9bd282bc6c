#include "lock/plan_lock.h"

#include <algorithm>
#include <string_view>

#include "base/hex.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/sha256.h"
#include "base/utf8.h"

namespace stateward {
namespace {

constexpr size_t kMaxPrincipal = 64;
constexpr size_t kTokenBytes = 32;
constexpr size_t kMaxId = 128;
// flags, time, token, and a length in front of each of the three texts.
constexpr size_t kFixed = 1 + 8 + kTokenBytes + 3;
static_assert(kFixed + kMaxId + kMaxPrincipal < kPlanLockBytes, "the rest is for Who");

constexpr uint8_t kPlanOnly = 1;
constexpr uint8_t kUnconfirmed = 2;

// The longest beginning of at most n bytes that cuts no character.
std::string CutText(const std::string& text, size_t n) {
  size_t end = 0;
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  while (end < text.size()) {
    const size_t length = std::max<size_t>(1, Utf8Length(bytes + end, text.size() - end));
    if (end + length > n) break;
    end += length;
  }
  return text.substr(0, end);
}

void PutNumber(int64_t value, Bytes* out) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    out->push_back(static_cast<uint8_t>(static_cast<uint64_t>(value) >> shift));
  }
}

// REQUIRES: text.size() < 256
void PutText(std::string_view text, Bytes* out) {
  out->push_back(static_cast<uint8_t>(text.size()));
  out->insert(out->end(), text.begin(), text.end());
}

// Reads from the front; false: there is less than that.
class Reader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}
  bool Done() const { return at_ == bytes_.size(); }
  bool Take(size_t n, ByteView* out) {
    if (bytes_.size() - at_ < n) return false;
    *out = bytes_.Sub(at_, n);
    at_ += n;
    return true;
  }
  bool Byte(uint8_t* out) {
    ByteView one;
    if (!Take(1, &one)) return false;
    *out = one[0];
    return true;
  }
  bool Number(int64_t* out) {
    ByteView eight;
    if (!Take(8, &eight)) return false;
    uint64_t value = 0;
    for (uint8_t byte : eight) value = value << 8 | byte;
    *out = static_cast<int64_t>(value);
    return true;
  }
  bool Text(std::string* out) {
    uint8_t size = 0;
    ByteView text;
    if (!Byte(&size) || !Take(size, &text)) return false;
    *out = std::string(text.AsString());
    return true;
  }

 private:
  ByteView bytes_;
  size_t at_ = 0;
};

std::string TextMember(const std::string& info, const char* name) {
  Result<JsonObject> json = ParseSmallJson(info);
  return json.ok() ? json->String(name).value_or("") : "";
}

}  // namespace

std::string KeptPrincipal(std::string_view principal) {
  if (principal.size() < kMaxPrincipal) return std::string(principal);
  const std::string whole(principal);
  return CutText(whole, 31).append(31, '~').substr(0, 31) + "~" +
         HexEncode(Sha256(whole)).substr(0, 32);
}

LockRecord KeptPlan(const LockRecord& want) {
  LockRecord plan;
  plan.id = want.id;
  plan.principal = KeptPrincipal(want.principal);
  plan.operation = std::string(kPlanOperation);
  plan.time_ms = want.time_ms;
  plan.token_sha256 = want.token_sha256;
  plan.plan_only = want.plan_only;
  plan.unconfirmed = want.unconfirmed;
  plan.shared = true;
  const size_t used = kFixed + plan.id.size() + plan.principal.size();
  const size_t room = used < kPlanLockBytes ? kPlanLockBytes - used : 0;
  plan.info = PlanInfo(plan.id, CutText(TextMember(want.info, "Who"), room));
  return plan;
}

std::string PlanInfo(const std::string& id, const std::string& who) {
  JsonWriter w;
  w.BeginObject().Key("ID").String(id).Key("Operation").String(kPlanOperation);
  w.Key("Who").String(who).EndObject();
  return std::move(w).Take();
}

std::string WhoOfPlan(const LockRecord& plan) { return TextMember(plan.info, "Who"); }

Bytes EncodePlans(const std::vector<LockRecord>& plans) {
  Bytes out;
  for (const LockRecord& plan : plans) {
    out.push_back(static_cast<uint8_t>((plan.plan_only ? kPlanOnly : 0) |
                                       (plan.unconfirmed ? kUnconfirmed : 0)));
    PutNumber(plan.time_ms, &out);
    Sha256Digest token{};
    if (!HexDecode(plan.token_sha256, token.data(), token.size())) token = {};
    out.insert(out.end(), token.begin(), token.end());
    PutText(plan.id, &out);
    PutText(plan.principal, &out);
    PutText(WhoOfPlan(plan), &out);
  }
  return out;
}

bool DecodePlans(ByteView bytes, std::vector<LockRecord>* plans) {
  Reader in(bytes);
  while (!in.Done()) {
    LockRecord plan;
    uint8_t flags = 0;
    ByteView token;
    std::string who;
    if (!in.Byte(&flags) || flags > (kPlanOnly | kUnconfirmed) || !in.Number(&plan.time_ms) ||
        !in.Take(kTokenBytes, &token) || !in.Text(&plan.id) || plan.id.empty() ||
        !in.Text(&plan.principal) || !in.Text(&who)) {
      return false;
    }
    const bool none = std::all_of(token.begin(), token.end(), [](uint8_t b) { return b == 0; });
    if (!none) plan.token_sha256 = HexEncode(token);
    plan.operation = std::string(kPlanOperation);
    plan.plan_only = (flags & kPlanOnly) != 0;
    plan.unconfirmed = (flags & kUnconfirmed) != 0;
    plan.shared = true;
    plan.info = PlanInfo(plan.id, who);
    plans->push_back(std::move(plan));
  }
  return plans->size() <= kMaxPlanLocks;
}

Bytes EncodeWaiting(const std::vector<WaitingWriter>& waiting) {
  Bytes out;
  for (const WaitingWriter& writer : waiting) {
    PutNumber(writer.since_ms, &out);
    PutNumber(writer.last_ms, &out);
    PutNumber(writer.hold_ms, &out);
    PutText(writer.id, &out);
    PutText(writer.principal, &out);
  }
  return out;
}

bool DecodeWaiting(ByteView bytes, std::vector<WaitingWriter>* waiting) {
  Reader in(bytes);
  while (!in.Done()) {
    WaitingWriter writer;
    if (!in.Number(&writer.since_ms) || !in.Number(&writer.last_ms) ||
        !in.Number(&writer.hold_ms) || !in.Text(&writer.id) || !in.Text(&writer.principal)) {
      return false;
    }
    waiting->push_back(std::move(writer));
  }
  return waiting->size() <= kMaxWaitingWriters;
}

}  // namespace stateward
