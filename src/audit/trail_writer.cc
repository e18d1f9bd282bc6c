#include "audit/trail_writer.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <utility>

#include "audit/audit_line.h"
#include "base/counted.h"

namespace stateward {

namespace {

constexpr int64_t kSayAgainUs = int64_t{60} * 1000 * 1000;

}  // namespace

struct TrailWriter::Ticket {
  bool done = false;
  Status status;
  AuditHead head;
};

TrailWriter::TrailWriter(TrailOptions options, KeyFn key, Disk& disk, const Clock& clock,
                         Observer& observer, const Log& log)
    : options_(std::move(options)),
      key_fn_(std::move(key)),
      disk_(disk),
      clock_(clock),
      observer_(observer),
      log_(log),
      chain_(disk, options_.settings.file, options_.end_path, options_.settings.required,
             options_.turn_ms, clock) {
  using Form = DatagramSink::Form;
  const AuditSettings& settings = options_.settings;
  if (settings.journal) {
    copies_.push_back({std::make_unique<DatagramSink>(options_.journal_socket, Form::kJournal)});
  }
  if (!settings.syslog.empty()) {
    copies_.push_back({std::make_unique<DatagramSink>(settings.syslog, Form::kSyslog)});
  }
  thread_ = std::thread([this] { Run(); });
}

TrailWriter::~TrailWriter() {
  {
    std::lock_guard<std::mutex> hold(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

Status TrailWriter::Intend(AuditEvent* event, AuditNeed need, AuditHead* head) {
  if (options_.settings.required) {
    STATEWARD_RETURN_IF_ERROR(
        Await(AuditFields(kAuditIntends, *event), need == AuditNeed::kFinishes, head));
    event->intent = head->sequence;
    return Status();
  }
  std::lock_guard<std::mutex> hold(mutex_);
  *head = newest_;
  return Status();
}

void TrailWriter::Note(const AuditEvent& event) {
  if (!event.refusal) {
    Add(AuditFields(kAuditDone, event), event.intent != 0);
    return;
  }
  AuditEvent counted = event;
  if (floods_.MayPass(event.address, clock_.SteadyUs(), &counted.left_out)) {
    Add(AuditFields(kAuditDone, counted), false);
  }
}

Status TrailWriter::Check() const {
  if (!options_.settings.required || !no_line_) return Status();
  return Status::Unavailable("events cannot be written, and no change is made without its line");
}

std::string TrailWriter::Warning() const {
  if (in_trouble_) return "events cannot be written; the log says why";
  return copy_fails_ ? "the journal or syslog does not take the events; the log says why" : "";
}

void TrailWriter::Reopen() {
  {
    std::lock_guard<std::mutex> hold(mutex_);
    look_ = true;
  }
  wake_.notify_all();
}

Status TrailWriter::Flush() {
  AuditHead head;
  return Await("", true, &head);
}

size_t TrailWriter::CountWaiting() const {
  std::lock_guard<std::mutex> hold(mutex_);
  return queue_.size();
}

void TrailWriter::Add(std::string fields, bool may_use_reserve) {
  {
    std::lock_guard<std::mutex> hold(mutex_);
    if (queue_.size() >= kMaxWaiting) {
      ++lost_;
      observer_.OnAuditLost();
      return;
    }
    Waiting waiting;
    waiting.entry.fields = std::move(fields);
    waiting.entry.may_use_reserve = may_use_reserve;
    queue_.push_back(std::move(waiting));
    urgent_ = true;
  }
  wake_.notify_all();
}

Status TrailWriter::Await(std::string fields, bool may_use_reserve, AuditHead* head) {
  Ticket ticket;
  std::unique_lock<std::mutex> hold(mutex_);
  if (stop_) return Status::Unavailable("audit: the process ends");
  Waiting waiting;
  waiting.entry.fields = std::move(fields);
  waiting.entry.may_use_reserve = may_use_reserve;
  waiting.ticket = &ticket;
  queue_.push_back(std::move(waiting));
  urgent_ = true;
  wake_.notify_all();
  done_.wait(hold, [&] { return ticket.done; });
  *head = ticket.head;
  return ticket.status;
}

void TrailWriter::Run() {
  WriteGroup({});  // says that it starts
  std::unique_lock<std::mutex> hold(mutex_);
  for (;;) {
    wake_.wait_for(hold, std::chrono::milliseconds(kTickMs),
                   [this] { return urgent_ || look_ || stop_; });
    const bool stop = stop_;
    const bool look = look_ || !urgent_;
    urgent_ = false;
    look_ = false;
    hold.unlock();
    if (look) {
      chain_.Look();
      LearnOfOthers();
    }
    AddQuietFloods(stop);
    if (stop && !key_.empty() && !options_.writer.empty()) {
      Add(AuditFields(kAuditStop, clock_.NowMs(), options_.writer), false);
    }
    hold.lock();
    std::deque<Waiting> group = std::exchange(queue_, {});
    hold.unlock();
    WriteGroup(std::move(group));
    hold.lock();
    if (stop) break;
  }
  if (!queue_.empty()) {
    log_.Error("audit: " + Counted(queue_.size(), "event was", "events were") + " not written");
  }
  for (const Waiting& waiting : queue_) {
    if (waiting.ticket == nullptr) continue;
    waiting.ticket->status = Status::Unavailable("audit: the process ends");
    waiting.ticket->done = true;
  }
  done_.notify_all();
}

// What other processes of the host have written since: records then name a line that is new. One
// that nobody wrote would look, in a record, like a trail whose end was cut off.
void TrailWriter::LearnOfOthers() {
  if (key_.empty()) return;
  std::optional<ChainEnd> end = PeekChainEnd(disk_, options_.end_path, key_);
  std::lock_guard<std::mutex> hold(mutex_);
  const bool newer =
      end && end->head.chain == newest_.chain && end->head.sequence > newest_.sequence;
  if (newer) newest_ = std::move(end->head);
}

void TrailWriter::AddQuietFloods(bool all) {
  const auto floods = all ? floods_.TakeAll() : floods_.TakeQuiet(clock_.SteadyUs());
  for (const auto& [network, count] : floods) {
    AuditEvent event;
    event.time_ms = clock_.NowMs();
    event.address = network;
    event.result = AuditResult::kRefused;
    event.reason = "refused requests of this network that have no line";
    event.left_out = count;
    Add(AuditFields(kAuditFlood, event), false);
  }
}

// Who waits gets an answer in any case; what nobody waits for is given back when it could not be
// written.
void TrailWriter::WriteGroup(std::deque<Waiting> group) {
  Status status = WriteEntries(&group);
  bool waited = false;
  for (const Waiting& waiting : group) waited = waited || waiting.ticket != nullptr;
  const int64_t now_us = clock_.SteadyUs();
  if (waited || now_us - synced_us_ >= kTickMs * 1000) {
    const Status synced = chain_.Sync();
    if (status.ok()) status = synced;
    synced_us_ = now_us;
  }
  has_room_ = chain_.has_room();
  NoteWhetherWritten(group, status);
  Complain(status.ok() && !has_room_ ? Status::Unavailable("audit: the disk is full: no locks are "
                                                           "granted, and reads get no lines")
                                     : status);
  std::deque<Waiting> rest;
  {
    std::lock_guard<std::mutex> hold(mutex_);
    const AuditHead& written = chain_.head();
    const bool newer = written.chain != newest_.chain || written.sequence > newest_.sequence;
    if (newer) newest_ = written;  // else others have written since
    for (Waiting& waiting : group) {
      Ticket* const ticket = waiting.ticket;
      if (ticket == nullptr) {
        if (!waiting.entry.written) rest.push_back(std::move(waiting));
        continue;
      }
      ticket->status = status;
      const bool is_line = !waiting.entry.fields.empty();
      if (status.ok() && is_line && !waiting.entry.written) {
        ticket->status = Status::Unavailable("audit: the disk is full");
      }
      ticket->head = waiting.entry.head;
      ticket->done = true;
    }
  }
  done_.notify_all();
  GiveBack(std::move(rest));
}

// Where the disk is full a line that waits for room says nothing of those that may use the reserve:
// what they met is true until one is written, or there is room again.
void TrailWriter::NoteWhetherWritten(const std::deque<Waiting>& group, const Status& status) {
  const bool wrote = std::any_of(group.begin(), group.end(),
                                 [](const Waiting& waiting) { return waiting.entry.written; });
  if (!status.ok()) {
    no_line_ = true;
  } else if (wrote || has_room_) {
    no_line_ = false;
  }
}

Status TrailWriter::WriteEntries(std::deque<Waiting>* group) {
  bool first = false;
  if (key_.empty()) {
    Result<SecretBytes> key = key_fn_();
    if (!key.ok() && group->empty()) return Status();
    if (!key.ok()) return std::move(key).status().At("audit: the key of the trail");
    key_ = std::move(*key);
    first = true;
  }
  const auto put_first = [group](std::string fields) {
    Waiting waiting;
    waiting.entry.fields = std::move(fields);
    group->push_front(std::move(waiting));
  };
  uint64_t lost = 0;
  {
    std::lock_guard<std::mutex> hold(mutex_);
    lost = std::exchange(lost_, 0);
  }
  if (lost > 0) {
    put_first(AuditFields(kAuditLost, clock_.NowMs(), "events that could not be written", lost));
  }
  if (first && !options_.writer.empty())
    put_first(AuditFields(kAuditStart, clock_.NowMs(), options_.writer));
  std::vector<ChainEntry*> entries;
  for (Waiting& waiting : *group) {
    if (!waiting.entry.fields.empty()) entries.push_back(&waiting.entry);
  }
  if (entries.empty()) return Status();
  STATEWARD_RETURN_IF_ERROR(chain_.Write(key_, entries));
  observer_.OnAuditWritten(entries.size());
  for (const ChainEntry* entry : entries) {
    if (entry->written) SendCopies(entry->line);
  }
  return Status();
}

void TrailWriter::GiveBack(std::deque<Waiting> rest) {
  if (rest.empty()) return;
  std::lock_guard<std::mutex> hold(mutex_);
  rest.insert(rest.end(), std::make_move_iterator(queue_.begin()),
              std::make_move_iterator(queue_.end()));
  queue_ = std::move(rest);
}

void TrailWriter::SendCopies(const std::string& line) {
  bool fails = false;
  for (Copy& copy : copies_) {
    const bool sent = copy.sink->Send(line, clock_.NowMs());
    if (!sent) observer_.OnAuditLost();
    fails = fails || !sent;
    if (copy.fails != sent) continue;
    copy.fails = !sent;
    const int64_t now_us = clock_.SteadyUs();
    if (sent || now_us < copy.quiet_until_us) continue;
    copy.quiet_until_us = now_us + kSayAgainUs;
    log_.Warning("audit: events are not taken: " + copy.sink->Trouble());
  }
  copy_fails_ = fails;
}

void TrailWriter::Complain(const Status& status) {
  const std::string trouble = status.ok() ? "" : status.detail();
  in_trouble_ = !trouble.empty();
  if (trouble == said_) return;
  said_ = trouble;
  if (trouble.empty()) {
    log_.Info("audit: events are written again");
  } else {
    log_.Error(trouble);
  }
}

}  // namespace stateward
