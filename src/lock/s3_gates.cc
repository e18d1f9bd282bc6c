// The gates of the s3 lock: one object, exchanged on condition of its ETag.
#include <optional>
#include <utility>
#include <vector>

#include "lock/gate_text.h"
#include "lock/s3_lock.h"

namespace stateward {
namespace {

// Sorts behind the service's: it is gone only when that one is, for who empties a bucket in order.
constexpr char kGates[] = "01-gates";

}  // namespace

std::string S3Lock::GateKey() const { return prefix_ + kGates; }

Result<S3Lock::GateObject> S3Lock::GetGates() {
  Result<S3Object> object = client_->Get(GateKey(), kMaxGateText);
  if (!object.ok() && object.status().code() == Code::kNotFound) return GateObject();
  if (!object.ok()) return Outage(object.status(), "gates");
  return GateObject{std::string(ByteView(object->bytes).AsString()), std::move(object->etag)};
}

Result<S3Lock::Kept> S3Lock::Judge(const GateTicket& ticket, const GateObject& gates,
                                   const std::optional<LockRecord>& holder) const {
  const int64_t now = client_->ServerNowMs();
  switch (JudgeGates(ticket, GateTag(gates.text), now)) {
    case GateVerdict::kOpen:
      return Kept();
    case GateVerdict::kShut:
      return Kept(Shut{holder});
    case GateVerdict::kChanged:
      break;
  }
  Result<GateSet> set = DecodeGates(gates.text, now);
  if (!set.ok()) return std::move(set).status();
  return Kept(GatesChanged{*std::move(set)});
}

Result<GateSet> S3Lock::ReadGates() {
  STATEWARD_RETURN_IF_ERROR(service_.LookIfDue());
  Result<GateObject> gates = GetGates();
  if (!gates.ok()) return std::move(gates).status();
  // That there are none is believed of the right place alone.
  if (gates->etag.empty()) STATEWARD_RETURN_IF_ERROR(service_.Look());
  return DecodeGates(gates->text, client_->ServerNowMs());
}

Result<bool> S3Lock::ExchangeGates(const std::string& expected, const std::vector<Gate>& next) {
  STATEWARD_RETURN_IF_ERROR(client_->ProveConditions(prefix_));
  STATEWARD_RETURN_IF_ERROR(service_.Look());
  Result<GateObject> there = GetGates();
  if (!there.ok()) return std::move(there).status();
  const std::string text = EncodeGates(next);
  const std::string tag = GateTag(there->text);
  if (tag == GateTag(text)) return true;
  if (tag != expected) return false;
  const S3Condition when =
      there->etag.empty() ? S3Condition::Absent() : S3Condition::Etag(there->etag);
  Result<S3PutOutcome> put = client_->Put(GateKey(), text, when);
  if (!put.ok()) return Outage(put.status(), "gates");
  return put->done;
}

}  // namespace stateward
