#include "audit/trail_writer.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "doubles/eventually.h"
#include "doubles/forgetful_disk.h"
#include "unit/audit/trail_fixture.h"

namespace stateward {
namespace {

// Counts syncs of files, lets one wait, and is full when it is told so.
class CountingDisk : public ForgetfulDisk {
 public:
  std::atomic<int> syncs{0};
  std::atomic<bool> no_blocks{false};  // nothing can be reserved
  std::atomic<bool> no_writes{false};
  int Allocate(int fd, uint64_t offset, uint64_t n) override {
    return no_blocks ? -ENOSPC : ForgetfulDisk::Allocate(fd, offset, n);
  }
  long Write(int fd, const void* data, size_t n) override {
    if (no_writes) return ForgetfulDisk::Write(fd, data, n / 2);
    return ForgetfulDisk::Write(fd, data, n);
  }
  // Of the chain's end, without the turn to write it.
  std::atomic<int> peeks{0};
  int OpenAt(int dir, const char* path, int flags, uint32_t mode) override {
    const std::string name(path);
    const bool end = name.size() > 5 && name.compare(name.size() - 5, 5, ".head") == 0;
    if (end && (flags & O_ACCMODE) == O_RDONLY) ++peeks;
    return ForgetfulDisk::OpenAt(dir, path, flags, mode);
  }
  std::atomic<bool> holds_syncs{false};
  int SyncData(int fd) override {
    ++syncs;
    while (holds_syncs) usleep(1000);
    return ForgetfulDisk::SyncData(fd);
  }
};

}  // namespace

TEST_GROUP(TrailWriter) {
  TrailFixture trail;
  AuditHead head;

  AuditEvent Event(const char* action) { return TrailFixture::Event(action); }
  Status Intend(AuditTrail & writer, AuditNeed need = AuditNeed::kBegins) {
    AuditEvent event = Event("write");
    return writer.Intend(&event, need, &head);
  }
  void NoFault() {
    const TrailReport report = trail.Verify(trail.Lines());
    for (const TrailFault& fault : report.faults) FAIL(fault.what.c_str());
  }
};

TEST(TrailWriter, AChainGoesOnOverRestarts) {
  for (int i = 0; i < 3; ++i) {
    auto writer = trail.Open(false);
    for (int k = 0; k < 5; ++k) writer->Note(Event("read"));
  }
  UNSIGNED_LONGS_EQUAL(3 * 7, trail.Lines().size());
  STRCMP_EQUAL("start", trail.Parse(trail.Lines()[7]).kind.c_str());
  const TrailReport report = trail.Verify(trail.Lines());
  UNSIGNED_LONGS_EQUAL(0, report.fault_count);
  UNSIGNED_LONGS_EQUAL(1, report.chains.size());
}

// A record is to name a line that is new, whoever of the host wrote it, and one that was written.
TEST(TrailWriter, ItLearnsWhatOthersWroteAndNothingElse) {
  CountingDisk disk;
  auto writer = trail.Open(false, disk);
  CHECK(writer->Flush().ok());
  const auto newest = [&] {
    CHECK(Intend(*writer).ok());
    return head.sequence;
  };
  const auto look = [&] {
    const int before = disk.peeks;
    writer->Reopen();
    CHECK(Eventually([&] { return disk.peeks > before; }));
  };
  auto other = trail.Open(false);
  for (int i = 0; i < 5; ++i) other->Note(Event("read"));
  CHECK(other->Flush().ok());
  const uint64_t written = trail.Lines().size();
  CHECK(Eventually([&] { return newest() == written; }));
  look();
  UNSIGNED_LONGS_EQUAL(written, newest());
  other.reset();
  CHECK(Eventually([&] { return newest() == written + 1; }));  // that it stops
  // Whoever has no key.
  const std::string path = ChainEndPath(trail.file, trail.dir);
  ChainEnd forged = *PeekChainEnd(PosixDisk(), path);
  forged.head.sequence = uint64_t{1} << 60;
  {
    Result<ChainTurn> turn = ChainTurn::Take(PosixDisk(), path, 600000);
    CHECK(turn.ok() && turn->Write(AuditKey(std::string("another")), forged).ok());
  }
  CHECK(PeekChainEnd(PosixDisk(), path).has_value());
  CHECK_FALSE(PeekChainEnd(PosixDisk(), path, trail.key).has_value());
  for (int i = 0; i < 3; ++i) look();  // the first of them is over then
  UNSIGNED_LONGS_EQUAL(written + 1, newest());
}

TEST(TrailWriter, ProcessesShareOneChain) {
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t pid = fork();
    if (pid == 0) {
      auto writer = trail.Open(true);
      for (int k = 0; k < 50; ++k) (void)Intend(*writer);
      writer.reset();
      _exit(0);
    }
    children.push_back(pid);
  }
  for (pid_t pid : children) {
    int status = 0;
    waitpid(pid, &status, 0);
    LONGS_EQUAL(0, status);
  }
  UNSIGNED_LONGS_EQUAL(4 * 52, trail.Lines().size());
  NoFault();
}

TEST(TrailWriter, AnIntentLastsBeforeItIsTrue) {
  CountingDisk disk;
  auto writer = trail.Open(true, disk);
  CHECK(Intend(*writer).ok());
  STRCMP_CONTAINS(("\"seq\":" + std::to_string(head.sequence)).c_str(),
                  disk.Lasting(trail.file).c_str());
}

// One of them has the disk; those who come meanwhile share the next sync.
TEST(TrailWriter, ManyWaitForOneSync) {
  CountingDisk disk;
  auto writer = trail.Open(true, disk);
  CHECK(Intend(*writer).ok());
  const int before = disk.syncs;
  disk.holds_syncs = true;
  std::atomic<int> good{0};
  constexpr size_t kThreads = 16;
  std::vector<std::thread> threads;
  bool came = true;
  for (size_t i = 0; i < kThreads && came; ++i) {
    threads.emplace_back([&] {
      AuditHead mine;
      AuditEvent event = TrailFixture::Event("write");
      if (writer->Intend(&event, AuditNeed::kBegins, &mine).ok()) ++good;
    });
    came = Eventually([&] { return disk.syncs == before + 1 && writer->CountWaiting() == i; });
  }
  disk.holds_syncs = false;
  for (std::thread& thread : threads) thread.join();
  CHECK(came);
  LONGS_EQUAL(2, disk.syncs - before);
  LONGS_EQUAL(kThreads, good.load());
  writer.reset();
  UNSIGNED_LONGS_EQUAL(kThreads + 3, trail.Lines().size());
  NoFault();
}

TEST(TrailWriter, ManyInTheirTurns) {
  CountingDisk disk;
  auto writer = trail.Open(true, disk);
  std::vector<std::thread> threads;
  constexpr int kThreads = 16;
  constexpr int kTimes = 50;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      AuditHead mine;
      AuditEvent event = TrailFixture::Event("write");
      for (int k = 0; k < kTimes; ++k) {
        (void)writer->Intend(&event, AuditNeed::kBegins, &mine);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  writer.reset();
  UNSIGNED_LONGS_EQUAL(kThreads * kTimes + 2, trail.Lines().size());
  NoFault();
}

TEST(TrailWriter, ASyncThatFailedIsNotBelievedTheSecondTime) {
  CountingDisk disk;
  auto writer = trail.Open(true, disk);
  CHECK(Intend(*writer).ok());
  disk.fail_syncs = 1;
  CHECK_FALSE(Intend(*writer).ok());
  CHECK(Intend(*writer).ok());
  writer.reset();
  const std::string lasting = disk.Lasting(trail.file);
  LONGS_EQUAL(std::string::npos, lasting.find('\0'));
  NoFault();
}

TEST(TrailWriter, WithoutRoomNobodyBeginsAndWhoIsAtWorkFinishes) {
  CountingDisk disk;
  auto writer = trail.Open(true, disk);
  CHECK(Intend(*writer).ok());
  CHECK(writer->HasRoom());
  disk.no_blocks = true;
  // What is reserved was taken at once: it is used up first.
  for (int i = 0; i < 4000 && writer->HasRoom(); ++i) {
    (void)Intend(*writer, AuditNeed::kFinishes);
  }
  CHECK_FALSE(writer->HasRoom());
  CHECK(Code::kUnavailable == Intend(*writer).code());
  CHECK(Intend(*writer, AuditNeed::kFinishes).ok());
  writer->Note(Event("read"));
  CHECK(writer->Flush().ok());
  const size_t before = trail.Lines().size();
  disk.no_blocks = false;
  CHECK(Intend(*writer).ok());
  CHECK(writer->Flush().ok());
  CHECK(writer->HasRoom());
  UNSIGNED_LONGS_EQUAL(before + 2, trail.Lines().size());  // the read has got its line
  writer.reset();
  NoFault();
}

TEST(TrailWriter, ALineThatIsCutShortIsNone) {
  CountingDisk disk;
  auto writer = trail.Open(true, disk);
  CHECK(Intend(*writer).ok());
  disk.no_writes = true;
  CHECK_FALSE(Intend(*writer).ok());
  writer->Note(Event("read"));
  disk.no_writes = false;
  CHECK(Intend(*writer).ok());
  writer.reset();
  NoFault();
}

TEST(TrailWriter, ALineOfAProcessThatDiedInTheMiddleIsToldOf) {
  trail.Open(false).reset();
  {
    std::ofstream out(trail.file, std::ios::app);
    out << R"({"v":1,"chain":"ab)";
  }
  trail.Open(false).reset();
  const std::vector<std::string> lines = trail.Lines();
  STRCMP_EQUAL("torn", trail.Parse(lines[3]).kind.c_str());
  NoFault();
}

TEST(TrailWriter, TheEndMayBeOlderThanTheFileOrGone) {
  const std::string end = ChainEndPath(trail.file, trail.dir);
  trail.Open(false).reset();
  const std::string copy = "cp " + end + " " + end + ".old";
  LONGS_EQUAL(0, system(copy.c_str()));
  trail.Open(false).reset();
  LONGS_EQUAL(0, rename((end + ".old").c_str(), end.c_str()));  // as a power cut may leave it
  trail.Open(false).reset();
  LONGS_EQUAL(0, unlink(end.c_str()));
  trail.Open(false).reset();
  UNSIGNED_LONGS_EQUAL(8, trail.Lines().size());
  NoFault();
}

TEST(TrailWriter, AnotherStoresFileIsNotTaken) {
  trail.Open(false).reset();
  trail.key = AuditKey(std::string("the secret of another store"));
  auto writer = trail.Open(true);
  CHECK_FALSE(Intend(*writer).ok());
  UNSIGNED_LONGS_EQUAL(2, trail.Lines().size());
}

TEST(TrailWriter, AFileWithAnotherNameIsLetGo) {
  auto writer = trail.Open(true);
  CHECK(Intend(*writer).ok());
  const std::string old = trail.file + ".1";
  LONGS_EQUAL(0, rename(trail.file.c_str(), old.c_str()));
  CHECK(Intend(*writer).ok());
  writer.reset();
  UNSIGNED_LONGS_EQUAL(2, TrailFixture::Lines(old).size());
  std::vector<std::string> all = TrailFixture::Lines(old);
  for (const std::string& line : trail.Lines()) all.push_back(line);
  UNSIGNED_LONGS_EQUAL(4, all.size());
  UNSIGNED_LONGS_EQUAL(0, trail.Verify(all).fault_count);
}

TEST(TrailWriter, ARotatedFileIsClosedWithoutALine) {
  auto writer = trail.Open(false);
  writer->Note(Event("read"));
  CHECK(writer->Flush().ok());
  LONGS_EQUAL(0, rename(trail.file.c_str(), (trail.file + ".1").c_str()));
  const std::string find = "ls -l /proc/" + std::to_string(getpid()) + "/fd | grep -q " +
                           std::string(trail.dir) + "/audit.log.1";
  writer->Reopen();
  // The first may be answered by a turn that had looked before the file was renamed; the turn that
  // answers the second one has begun behind that.
  for (int i = 0; i < 2; ++i) CHECK(writer->Flush().ok());
  CHECK(system(find.c_str()) != 0);
}

TEST(TrailWriter, AFloodBecomesACount) {
  auto writer = trail.Open(false);
  AuditEvent refused = Event("read");
  refused.address = "192.0.2.7";
  refused.refusal = true;
  for (int i = 0; i < FloodGate::kLines + 1000; ++i) writer->Note(refused);
  writer.reset();
  const std::vector<std::string> lines = trail.Lines();
  UNSIGNED_LONGS_EQUAL(FloodGate::kLines + 3, lines.size());
  const AuditLine flood = trail.Parse(lines[lines.size() - 2]);
  STRCMP_EQUAL("flood", flood.kind.c_str());
  UNSIGNED_LONGS_EQUAL(1000, *flood.json.Uint("left_out"));
  STRCMP_EQUAL("192.0.2.7", flood.json.String("address")->c_str());
}

TEST(TrailWriter, WhatCannotBeWrittenIsCounted) {
  CountingDisk disk;
  disk.full = true;
  auto writer = trail.Open(false, disk);
  constexpr int kMore = 25;
  // The writer may hold a group of them in its hands besides those that wait.
  for (size_t i = 0; i < 10 * TrailWriter::kMaxWaiting && trail.observer.lost < kMore; ++i) {
    writer->Note(Event("read"));
  }
  CHECK_FALSE(writer->Flush().ok());
  const int lost = trail.observer.lost;
  CHECK(lost > 0);
  disk.full = false;
  CHECK(writer->Flush().ok());
  writer.reset();
  uint64_t told = 0;
  for (const std::string& line : trail.Lines()) {
    const AuditLine read = trail.Parse(line);
    if (read.kind == kAuditLost) told += *read.json.Uint("count");
  }
  UNSIGNED_LONGS_EQUAL(static_cast<unsigned long>(lost), told);
  NoFault();
}

TEST(TrailWriter, WhyAFileCannotBeOpenedIsSaid) {
  CHECK(symlink("elsewhere", trail.file.c_str()) == 0);
  STRCMP_CONTAINS("symbolic link", Intend(*trail.Open(true)).detail().c_str());
  CHECK(unlink(trail.file.c_str()) == 0 && mkdir(trail.file.c_str(), 0700) == 0);
  STRCMP_CONTAINS("Is a directory", Intend(*trail.Open(true)).detail().c_str());
  CHECK(rmdir(trail.file.c_str()) == 0);
  const std::string end = ChainEndPath(trail.file, trail.dir);
  CHECK(unlink(end.c_str()) == 0 && symlink("elsewhere", end.c_str()) == 0);
  STRCMP_CONTAINS("symbolic link", Intend(*trail.Open(true)).detail().c_str());
}

// /ready: where each change is refused, most requests fail.
TEST(TrailWriter, OnlyARequiredTrailThatCannotBeWrittenIsAnOutage) {
  CountingDisk disk;
  for (const bool required : {true, false}) {
    auto writer = trail.Open(required, disk);
    CHECK(writer->Flush().ok());
    disk.no_writes = true;
    writer->Note(Event("read"));
    CHECK_FALSE(writer->Flush().ok());
    CHECK(required == (writer->Check().code() == Code::kUnavailable));
    STRCMP_CONTAINS("cannot be written", writer->Warning().c_str());
    disk.no_writes = false;
    CHECK(writer->Flush().ok());
    CHECK(writer->Check().ok());
    STRCMP_EQUAL("", writer->Warning().c_str());
  }
}

// Who is at work uses the room that is kept free.
TEST(TrailWriter, AFullDiskIsNoOutage) {
  CountingDisk disk;
  disk.no_blocks = true;
  auto writer = trail.Open(true, disk);
  CHECK_FALSE(Intend(*writer).ok());
  CHECK(writer->Check().ok());
  STRCMP_CONTAINS("cannot be written", writer->Warning().c_str());
  // Until what is kept for him is used up, whatever else waits for room.
  disk.no_writes = true;
  CHECK_FALSE(Intend(*writer, AuditNeed::kFinishes).ok());
  writer->Note(Event("read"));
  (void)writer->Flush();
  CHECK(writer->Check().code() == Code::kUnavailable);
  disk.no_writes = false;
  disk.no_blocks = false;
  CHECK(writer->Flush().ok());
  CHECK(writer->Check().ok());
}

TEST(TrailWriter, ASyslogThatIsAwayIsAWarning) {
  TrailOptions options;
  options.settings.file = trail.file;
  options.settings.required = true;
  options.settings.syslog = std::string(trail.dir) + "/nobody";
  options.end_path = ChainEndPath(trail.file, trail.dir);
  const SecretBytes key = trail.key;
  TrailWriter writer(
      options, [&key] { return Result<SecretBytes>(key); }, PosixDisk(), trail.clock,
      trail.observer, trail.log);
  CHECK(Intend(writer).ok());
  CHECK(writer.Flush().ok());
  STRCMP_CONTAINS("syslog", writer.Warning().c_str());
  CHECK(trail.observer.lost > 0);
}

TEST(TrailWriter, SyslogAndTheJournalGetTheVeryLine) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  const std::string path = std::string(trail.dir) + "/socket";
  memcpy(at.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  LONGS_EQUAL(0, bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at));
  for (bool journal : {false, true}) {
    TrailOptions options;
    options.settings.journal = journal;
    if (!journal) options.settings.syslog = path;
    options.journal_socket = path;
    options.writer = "test";
    options.end_path = ChainEndPath("", trail.dir);
    auto writer = std::make_unique<TrailWriter>(
        options, [this] { return Result<SecretBytes>(trail.key); }, PosixDisk(), trail.clock,
        trail.observer, trail.log);
    writer->Note(Event("read"));
    writer.reset();
    for (const char* kind : {"start", "done", "stop"}) {
      char text[8192];
      const ssize_t n = recv(fd, text, sizeof text, 0);
      const std::string datagram(text, static_cast<size_t>(n));
      STRCMP_CONTAINS(journal ? "\nSYSLOG_IDENTIFIER=stateward-audit\n" : "stateward-audit[",
                      datagram.c_str());
      const size_t from = datagram.find('{');
      const std::string line = datagram.substr(from, datagram.find('\n', from) - from);
      STRCMP_EQUAL(kind, trail.Parse(line).kind.c_str());
    }
  }
  LONGS_EQUAL(0, trail.observer.lost.load());
  close(fd);
}

}  // namespace stateward
