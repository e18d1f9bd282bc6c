#include "hooks/hook_job.h"

#include <algorithm>
#include <map>
#include <utility>

#include "audit/audit_line.h"
#include "base/counted.h"
#include "hooks/hook_sender.h"
#include "hooks/store_watch.h"
#include "hooks/trail_cursor.h"
#include "state/store_secret.h"

namespace stateward {
namespace {

constexpr int64_t kLookMs = 1000;
constexpr int64_t kWatchMs = 60 * 1000;
constexpr int64_t kFirstPauseMs = 1000;
constexpr int64_t kLongestPauseMs = 60 * 1000;
// Other jobs wait while this one sends.
constexpr int64_t kStepUs = 2 * 1000 * 1000;
constexpr size_t kLinesAStep = 2000;

class Webhook : public Job {
 public:
  Webhook(HookSettings settings, const HookPlaces& places, Disk& disk, const Clock& clock)
      : settings_(std::move(settings)),
        clock_(clock),
        cursor_(disk, places.audit_file),
        watch_(places.runtime_dir, settings_.stale_lock_s) {}

  std::string_view Name() const override { return "webhook"; }
  void Restart() override { loaded_ = false; }
  std::map<std::string, uint64_t> Found() const override {
    return {{"stateward_webhook_delivered", delivered_},
            {"stateward_webhook_lost", lost_},
            {"stateward_webhook_waiting_bytes", cursor_.Behind()}};
  }

  JobStep Step(const JobParts& parts) override {
    bool more = false;
    const Status status = Work(parts, &more);
    SayPassed(parts.log);
    // What was sent is not sent again because the next one failed.
    const Status saved = loaded_ ? cursor_.Save() : Status();
    if (status.ok() && saved.ok()) {
      pause_ms_ = kFirstPauseMs;
      return {Status(), more ? 0 : kLookMs, !more && IsNews()};
    }
    const int64_t pause_ms = pause_ms_;
    pause_ms_ = std::min(2 * pause_ms_, kLongestPauseMs);
    return {status.ok() ? saved : status, pause_ms, false};
  }

 private:
  // The host's board need not be written each second.
  bool IsNews() {
    const int64_t now_us = clock_.SteadyUs();
    if (delivered_ == told_delivered_ && now_us < tell_again_us_) return false;
    told_delivered_ = delivered_;
    tell_again_us_ = now_us + kWatchMs * 1000;
    return true;
  }

  // One that is known stays, whatever becomes of the store's services.
  Status LearnKey(const JobParts& parts) {
    if (knows_key_) return Status();
    Result<SecretBytes> secret = secret_.Get(parts.gate, parts.storage, parts.kms);
    knows_key_ = secret.ok();
    if (secret.ok()) cursor_.SetKey(AuditKey(*secret));
    if (cursor_.HasKey()) return Status();
    return std::move(secret).status().At("webhook: the key of the audit trail");
  }

  void SayPassed(const Log& log) {
    const TrailCursor::Passed passed = cursor_.TakePassed();
    if (passed.lines == 0) return;
    log.Warning("webhook: " + Counted(passed.lines, "line", "lines") +
                " of the audit trail passed over: not what a server wrote, or only half of it; the "
                "first begins behind byte " +
                std::to_string(passed.at) + " of " + passed.file + ": see `audit verify`");
  }

  Status Work(const JobParts& parts, bool* more) {
    if (sender_ == nullptr) {
      Result<std::unique_ptr<HookSender>> made = HookSender::New(settings_, clock_);
      if (!made.ok()) return std::move(made).status();
      sender_ = std::move(*made);
    }
    if (!loaded_) {
      STATEWARD_RETURN_IF_ERROR(cursor_.Load());
      loaded_ = true;
      knows_key_ = false;  // it is asked for again
    }
    STATEWARD_RETURN_IF_ERROR(LearnKey(parts));
    const int64_t until_us = clock_.SteadyUs() + kStepUs;
    const auto take = [&](const AuditLine& line, uint64_t missing) {
      return Take(line.json, missing, until_us, more);
    };
    bool lines = false;
    const Status sent = cursor_.Advance(kLinesAStep, take, &lines);
    *more = *more || lines;
    if (!sent.ok()) return *more && sent.code() == Code::kOverloaded ? Status() : sent;
    return clock_.SteadyUs() < until_us ? LookAtStore(parts, until_us, more) : Status();
  }

  // kOverloaded, and *more: the step has taken long enough.
  Status Take(const JsonObject& line, uint64_t missing, int64_t until_us, bool* more) {
    std::optional<HookEvent> event = EventOfLine(line);
    if (event && !IsWanted(settings_.events, event->type)) event.reset();
    if (!event && missing == 0) return Status();
    if (clock_.SteadyUs() >= until_us) {
      *more = true;
      return {Code::kOverloaded, "the rest comes next"};
    }
    if (missing > 0) STATEWARD_RETURN_IF_ERROR(TellLost(line, missing));
    return event ? Send(*event) : Status();
  }

  Status TellLost(const JsonObject& line, uint64_t missing) {
    JsonWriter data;
    data.BeginObject().Key("count").Uint(missing).EndObject();
    const std::string id = "lost_" + line.String("chain").value_or("") + "_" +
                           std::to_string(line.Uint("seq").value_or(0));
    // The event of the same line may have failed then.
    if (id == told_lost_) return Status();
    STATEWARD_RETURN_IF_ERROR(
        Send(MakeHookEvent(id, kEventsLost, line.String("time").value_or(""), std::move(data))));
    lost_ += missing;
    told_lost_ = id;
    return Status();
  }

  // What does not fit into this step is found again in the next.
  Status LookAtStore(const JobParts& parts, int64_t until_us, bool* more) {
    if (clock_.SteadyUs() < watch_again_us_) return Status();
    Result<std::vector<HookEvent>> events = watch_.Look(parts);
    if (!events.ok()) return std::move(events).status();
    for (const HookEvent& event : *events) {
      if (clock_.SteadyUs() >= until_us) {
        *more = true;
        return Status();
      }
      if (IsWanted(settings_.events, event.type)) STATEWARD_RETURN_IF_ERROR(Send(event));
      watch_.Told(event.id);
    }
    watch_again_us_ = clock_.SteadyUs() + (watch_.GoOn() ? kLookMs : kWatchMs) * 1000;
    return Status();
  }

  Status Send(const HookEvent& event) {
    STATEWARD_RETURN_IF_ERROR(sender_->Send(event));
    ++delivered_;
    return Status();
  }

  const HookSettings settings_;
  const Clock& clock_;
  std::unique_ptr<HookSender> sender_;
  StoreSecret secret_;
  TrailCursor cursor_;
  StoreWatch watch_;
  bool loaded_ = false;
  bool knows_key_ = false;
  int64_t pause_ms_ = kFirstPauseMs;
  int64_t watch_again_us_ = 0;
  uint64_t delivered_ = 0;
  uint64_t lost_ = 0;
  std::string told_lost_;  // the id of the newest event about that
  uint64_t told_delivered_ = 0;
  int64_t tell_again_us_ = 0;
};

}  // namespace

std::unique_ptr<Job> HookJob(const HookSettings& settings, const HookPlaces& places, Disk& disk,
                             const Clock& clock) {
  if (!settings.on()) return nullptr;
  return std::make_unique<Webhook>(settings, places, disk, clock);
}

}  // namespace stateward
