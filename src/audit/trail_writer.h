// The audit trail of a process: requests hand their lines over, one thread writes what waits as one
// group and syncs it once for all who wait for that (group commit).
#ifndef STATEWARD_AUDIT_TRAIL_WRITER_H_
#define STATEWARD_AUDIT_TRAIL_WRITER_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "audit/audit_settings.h"
#include "audit/chain_writer.h"
#include "audit/datagram_sink.h"
#include "base/flood_gate.h"
#include "base/log.h"
#include "stateward/audit.h"
#include "stateward/bytes.h"
#include "stateward/clock.h"
#include "stateward/disk.h"
#include "stateward/observer.h"
#include "stateward/result.h"

namespace stateward {

struct TrailOptions {
  AuditSettings settings;
  std::string end_path;  // of ChainEndPath
  // Who writes, for the lines that say that it starts and stops; "" = a command: it has none.
  std::string writer;
  std::string journal_socket = DatagramSink::kJournalSocket;
  // How long a group of lines waits for the turn to write them. Tests that are about something else
  // wait longer than a busy machine may stand still.
  int turn_ms = ChainTurn::kWaitMs;
};

// Thread-safe.
class TrailWriter : public AuditTrail {
 public:
  // The key of the chain (AuditKey); kUnavailable: not known yet. Called by the trail's thread.
  using KeyFn = std::function<Result<SecretBytes>()>;
  // Events that wait for the disk, or for the key. Beyond it those that nobody waits for are lost,
  // and a line counts them: 8,000 of them are some MiB.
  static constexpr size_t kMaxWaiting = 8000;
  // What nobody waits for lasts so much later at the latest; and so often is the file looked at.
  static constexpr int64_t kTickMs = 1000;

  // Starts a thread. What is given must outlive it.
  TrailWriter(TrailOptions options, KeyFn key, Disk& disk, const Clock& clock, Observer& observer,
              const Log& log);
  // Writes what waits, if that can be done at once.
  ~TrailWriter() override;
  TrailWriter(const TrailWriter&) = delete;
  TrailWriter& operator=(const TrailWriter&) = delete;

  bool HasRoom() const override { return has_room_; }
  Status Intend(AuditEvent* event, AuditNeed need, AuditHead* head) override;
  void Note(const AuditEvent& event) override;
  Status Check() const override;
  std::string Warning() const override;

  // The file is looked at now and not in a second (HUP, USR2).
  void Reopen();
  // Waits until all that was handed over before is written and lasts, or could not be.
  Status Flush();
  // How many events wait for their turn; those that are being written are not among them.
  size_t CountWaiting() const;

 private:
  struct Ticket;
  // What waits for its turn.
  struct Waiting {
    ChainEntry entry;
    Ticket* ticket = nullptr;  // of who waits for it
  };
  void Add(std::string fields, bool may_use_reserve);
  Status Await(std::string fields, bool may_use_reserve, AuditHead* head);
  void Run();
  void LearnOfOthers();
  void AddQuietFloods(bool all);
  void WriteGroup(std::deque<Waiting> group);
  Status WriteEntries(std::deque<Waiting>* group);
  void NoteWhetherWritten(const std::deque<Waiting>& group, const Status& status);
  void GiveBack(std::deque<Waiting> rest);
  void SendCopies(const std::string& line);
  void Complain(const Status& status);

  const TrailOptions options_;
  const KeyFn key_fn_;
  Disk& disk_;
  const Clock& clock_;
  Observer& observer_;
  const Log& log_;
  FloodGate floods_;
  std::atomic<bool> has_room_{true};
  std::atomic<bool> in_trouble_{false};
  std::atomic<bool> no_line_{false};  // not even of those who are at work
  std::atomic<bool> copy_fails_{false};

  // The thread's alone.
  ChainWriter chain_;
  struct Copy {
    std::unique_ptr<DatagramSink> sink;
    bool fails = false;
    int64_t quiet_until_us = 0;  // a sink that comes and goes is told now and then
  };
  std::vector<Copy> copies_;
  SecretBytes key_;
  std::string said_;  // the trouble that the log holds already
  int64_t synced_us_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  std::deque<Waiting> queue_;
  uint64_t lost_ = 0;
  AuditHead newest_;  // the newest line that this process knows
  bool urgent_ = false;
  bool look_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace stateward

#endif  // STATEWARD_AUDIT_TRAIL_WRITER_H_
