// The lock service in Redis: the steps that run in it, how it is told from another one, its gates.
#include <utility>

#include "base/hex.h"
#include "base/json.h"
#include "base/random.h"
#include "lock/gate_text.h"
#include "lock/redis_lock.h"
#include "stateward/clock.h"

namespace stateward {
namespace {

// A step starts again when the service entered another epoch under it: each time somebody else has
// got on.
constexpr int kTries = 8;
// /ready is asked every few seconds; a write goes into the server's log of commands.
constexpr int64_t kTryWriteUs = 30LL * 1000 * 1000;

}  // namespace

Status RedisLock::NoAnswer() {
  return Status::Unavailable("redis: that is no answer of Stateward's scripts");
}

Status RedisLock::Busy() {
  return Status::Unavailable("redis: the lock changed hands again and again");
}

Result<RedisLock::Answer> RedisLock::Ask(const RedisScript& script,
                                         const std::vector<std::string>& keys,
                                         const std::vector<std::string>& arguments) {
  Result<RedisReply> reply = client_->Run(script, keys, arguments);
  if (!reply.ok()) return std::move(reply).status();
  if (reply->kind != RedisReply::Kind::kArray || reply->items.empty() ||
      reply->items[0].kind != RedisReply::Kind::kText) {
    return Status::Unavailable("redis: a script gave an answer that is not known");
  }
  Answer answer;
  answer.word = std::move(reply->items[0].text);
  reply->items.erase(reply->items.begin());
  answer.rest = std::move(reply->items);
  return answer;
}

// Runs a step in the service that is meant, re-establishing it where its memory is gone.
Result<RedisLock::Answer> RedisLock::Step(const RedisScript& script,
                                          const std::vector<std::string>& keys,
                                          std::vector<std::string> arguments) {
  std::string service_id;
  {
    std::lock_guard<std::mutex> hold(mutex_);
    service_id = service_id_;
  }
  if (service_id.empty()) {
    Result<std::string> found = ServiceId();
    if (!found.ok()) return Status::Unavailable(found.status().detail());
    service_id = *found;
  }
  arguments.insert(arguments.begin(), service_id);
  for (int i = 0; i < kTries; ++i) {
    Result<Answer> answer = Ask(script, keys, arguments);
    if (!answer.ok()) return answer;
    if (answer->word == "other") {
      return Status::Unavailable(
          "redis: another lock service lies there now; see `statewardctl init --locks`");
    }
    if (answer->word == "newer") {
      return Status::Unavailable("redis: a newer Stateward wrote this lock");
    }
    if (answer->word != "lost" && answer->word != "run") return answer;
    // It may be our connection that is old: a new one looks again which process it leads to.
    client_->CloseIdle();
    if (i > 0 || answer->word == "lost") STATEWARD_RETURN_IF_ERROR(Renew(service_id));
  }
  return Busy();
}

Status RedisLock::Renew(const std::string& service_id) {
  Result<Answer> answer = Ask(service_scripts_.renew, {ServiceKey()}, {service_id, RandomHex(8)});
  return answer.ok() ? Status() : std::move(answer).status();
}

Result<std::string> RedisLock::ServiceId() {
  Result<Answer> answer = Ask(service_scripts_.service, {ServiceKey()}, {});
  if (!answer.ok()) return std::move(answer).status();
  if (answer->word == "none") return Status::NotFound("redis: no lock service there");
  std::string id = answer->rest.empty() ? "" : answer->rest[0].text;
  if (!IsHex(id, 32)) return Status::Unavailable("redis: the lock service's id is damaged");
  std::lock_guard<std::mutex> hold(mutex_);
  service_id_ = id;
  return id;
}

Result<std::string> RedisLock::InitService(bool forgotten) {
  Result<Answer> answer = Ask(service_scripts_.init, {ServiceKey()},
                              {RandomHex(16), forgotten ? "1" : "0", RandomHex(8)});
  if (!answer.ok()) return std::move(answer).status();
  return ServiceId();
}

// Of a script that shows the gates: the time, and their text.
Result<GateSet> RedisLock::ReadGateReply(const std::vector<RedisReply>& rest) {
  if (rest.size() != 2) return NoAnswer();
  const auto now = ParseUint64(rest[0].text).value_or(0);
  return DecodeGates(rest[1].text, static_cast<int64_t>(now));
}

Result<GateSet> RedisLock::ReadGates() {
  Result<Answer> answer = Step(scripts_.gates, KeysOf(StateId()), {});
  if (!answer.ok()) return std::move(answer).status();
  return ReadGateReply(answer->rest);
}

Result<bool> RedisLock::ExchangeGates(const std::string& expected, const std::vector<Gate>& next) {
  const std::string text = EncodeGates(next);
  const std::string tag = GateTag(text);
  Result<Answer> answer = Step(scripts_.exchange_gates, KeysOf(StateId()), {expected, tag, text});
  if (!answer.ok()) return std::move(answer).status();
  return answer->word == "done";
}

Status RedisLock::Check() {
  STATEWARD_RETURN_IF_ERROR(client_->Examine());
  const int64_t now = SystemClock().SteadyUs();
  const bool write = wrote_us_ == 0 || now - wrote_us_ >= kTryWriteUs;
  Result<Answer> answer = Step(scripts_.check, KeysOf(StateId()), {write ? "1" : "0"});
  if (!answer.ok()) return std::move(answer).status();
  if (write) wrote_us_ = now;
  return Status();
}

}  // namespace stateward
