// Load driver: clients that send what Terraform's HTTP backend sends, over kept connections, one
// request each at a time. One thread with epoll, so that it takes little from what it measures.
// bench/README.md shows its use.
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "driver_options.h"
#include "http_client.h"
#include "process_watch.h"
#include "workload.h"

namespace bench {
namespace {

// Between two looks at the memory of the processes.
constexpr int64_t kLookUs = 20000;
// After the end, until freed memory has surely been given back.
constexpr int kAfterMs = 500;
// A client that fails at once again and again is not to fill the run with its failures.
constexpr int kPauseAfterErrorUs = 1000;
// Longest wait for an event.
constexpr int kWaitMs = 20;

int64_t NowUs() {
  using std::chrono::steady_clock;
  return std::chrono::duration_cast<std::chrono::microseconds>(
             steady_clock::now().time_since_epoch())
      .count();
}

struct Client {
  HttpClient http;
  std::unique_ptr<Workload> work;
  std::vector<Verb> verbs;  // of this part
  size_t next = 0;
  size_t rounds = 0;
  int64_t sent_us = 0;
  bool watches_write = false;
  bool waiting = false;  // for the others, between two parts
};

// kTurn: one verb for each state, as often as there is time.
enum class Part : uint8_t { kPrologue, kRounds, kTurn, kEpilogue };

class Driver {
 public:
  explicit Driver(const Options& options)
      : options_(options), clients_(options.clients), watch_(options.pids) {}
  bool Run();
  void Print() const;
  bool clean() const { return errors_.empty(); }

 private:
  void RunPart(Part part);
  std::vector<Verb> VerbsOf(const Workload& work) const;
  void TakeTurns();
  double TurnUs(size_t verb) const {
    return static_cast<double>(turn_cpu_us_[verb]) /
           static_cast<double>(turns_[verb] * options_.states);
  }
  void PrintTurnsJson() const;
  bool PartIsOver(const Client& client) const;
  void Turn(Client* client);
  void StartNext(Client* client);
  int Wake();
  void Start(Client* client, Request request);
  void Follow(Client* client, Progress progress);
  void Note(Client* client);
  void Tick();
  void PrintText() const;
  void PrintJson() const;

  const Options& options_;
  std::vector<Client> clients_;
  ProcessWatch watch_;
  int epoll_ = -1;
  Part part_ = Part::kPrologue;
  Verb turn_ = Verb::kLock;
  int64_t turn_cpu_us_[kVerbs] = {};  // of the watched processes, in the turns that were measured
  uint64_t turns_[kVerbs] = {};
  std::multimap<int64_t, Client*> pausing_;  // by the end of their pause
  int64_t measure_from_us_ = INT64_MAX;
  int64_t measure_to_us_ = INT64_MAX;
  int64_t last_look_us_ = 0;
  bool measuring_ = false;
  int64_t own_cpu_us_ = 0;
  uint64_t cycles_ = 0;
  std::vector<uint32_t> latency_us_[kVerbs];
  std::map<std::string, uint64_t> errors_;
};

bool Driver::Run() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  size_t from = 0;
  auto seed = static_cast<uint64_t>(NowUs()) ^ (static_cast<uint64_t>(getpid()) << 40);
  for (size_t i = 0; i < clients_.size(); ++i) {
    size_t to = options_.states * (i + 1) / clients_.size();
    clients_[i].work = std::make_unique<Workload>(options_.workload, from, to - from, seed + i);
    from = to;
  }
  RunPart(Part::kPrologue);
  if (!clean()) return false;
  auto us = [](double seconds) { return static_cast<int64_t>(seconds * 1e6); };
  measure_from_us_ = NowUs() + us(options_.warmup_s);
  measure_to_us_ = measure_from_us_ + us(options_.duration_s);
  if (options_.workload.mode == "turns") {
    TakeTurns();
  } else {
    RunPart(Part::kRounds);
  }
  Tick();
  RunPart(Part::kEpilogue);
  usleep(kAfterMs * 1000);
  watch_.After();
  close(epoll_);
  return clean();
}

void Driver::RunPart(Part part) {
  part_ = part;
  for (Client& client : clients_) {
    client.verbs = VerbsOf(*client.work);
    client.next = client.rounds = 0;
    client.waiting = client.verbs.empty();
    if (!client.waiting) Turn(&client);
  }
  auto all_wait = [this] {
    return std::all_of(clients_.begin(), clients_.end(), [](const Client& c) { return c.waiting; });
  };
  while (!all_wait()) {
    epoll_event events[64];
    int n = epoll_wait(epoll_, events, 64, Wake());
    for (int i = 0; i < n; ++i) {
      auto* client = static_cast<Client*>(events[i].data.ptr);
      if (client->http.fd() >= 0 && !client->waiting) Follow(client, client->http.Step());
    }
    Tick();
  }
}

std::vector<Verb> Driver::VerbsOf(const Workload& work) const {
  switch (part_) {
    case Part::kPrologue:
      return work.Prologue();
    case Part::kRounds:
      return work.Round();
    case Part::kTurn:
      return {turn_};
    case Part::kEpilogue:
      return work.Epilogue();
  }
  return {};
}

// What one verb takes of the watched processes: nothing else is under way. The first turn of each
// does not count, the second one does however long it takes.
void Driver::TakeTurns() {
  for (bool first = true; first || turns_[0] == 0 || NowUs() < measure_to_us_; first = false) {
    for (const Verb verb : {Verb::kLock, Verb::kUnlock}) {
      const int64_t before_us = watch_.CpuUs();
      turn_ = verb;
      RunPart(Part::kTurn);
      if (first) continue;
      turn_cpu_us_[static_cast<size_t>(verb)] += watch_.CpuUs() - before_us;
      ++turns_[static_cast<size_t>(verb)];
    }
  }
}

// The measured part's begin and end, and what is looked at in between.
void Driver::Tick() {
  int64_t now = NowUs();
  if (!measuring_ && now >= measure_from_us_ && now < measure_to_us_) {
    measuring_ = true;
    watch_.Begin();
    own_cpu_us_ = -OwnCpuUs();
  }
  if (!measuring_) return;
  if (now - last_look_us_ >= kLookUs) {
    watch_.Look();
    last_look_us_ = now;
  }
  if (now >= measure_to_us_) {
    measuring_ = false;
    measure_to_us_ = now;
    watch_.End();
    own_cpu_us_ += OwnCpuUs();
  }
}

bool Driver::PartIsOver(const Client& client) const {
  if (part_ != Part::kRounds) return client.rounds == client.work->states();
  return NowUs() >= measure_to_us_;
}

void Driver::Turn(Client* client) {
  if (client->next == client->verbs.size()) {
    client->next = 0;
    ++client->rounds;
    client->work->NextState();
    if (measuring_) ++cycles_;
    if (PartIsOver(*client)) {
      client->waiting = true;
      return;
    }
  }
  if (options_.pause_us == 0 || part_ != Part::kRounds) return StartNext(client);
  // Half of it to one and a half, so that clients do not march in step.
  const int64_t pause = options_.pause_us / 2 + rand() % (options_.pause_us + 1);
  pausing_.emplace(NowUs() + pause, client);
}

void Driver::StartNext(Client* client) {
  Start(client, client->work->Make(client->verbs[client->next]));
}

// Those whose pause is over go on; how long until the next one is, in milliseconds.
int Driver::Wake() {
  while (!pausing_.empty()) {
    const int64_t wait_us = pausing_.begin()->first - NowUs();
    if (wait_us > 0) return static_cast<int>(std::min<int64_t>(wait_us / 1000 + 1, kWaitMs));
    Client* client = pausing_.begin()->second;
    pausing_.erase(pausing_.begin());
    StartNext(client);
  }
  return kWaitMs;
}

void Driver::Start(Client* client, Request request) {
  client->sent_us = NowUs();
  bool made = false;
  if (!client->http.Open(options_.address, &made)) {
    fprintf(stderr, "driver: cannot connect\n");
    exit(1);  // main's own file: nothing here outlives it
  }
  if (made) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = client;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, client->http.fd(), &event);
    client->watches_write = false;
  }
  Follow(client, client->http.Send(std::move(request), client->work->document().mark_at()));
}

void Driver::Follow(Client* client, Progress progress) {
  if (progress == Progress::kBroken) {
    ++errors_["broken connection"];
    client->http.Close();
    usleep(kPauseAfterErrorUs);
    Start(client, client->work->Again());
    return;
  }
  if (progress == Progress::kAnswered) {
    Note(client);
    if (options_.fresh) client->http.Close();
    ++client->next;
    Turn(client);
    return;
  }
  bool wants_write = progress == Progress::kWriting;
  if (wants_write == client->watches_write) return;
  client->watches_write = wants_write;
  epoll_event event{};
  event.events = wants_write ? EPOLLOUT : EPOLLIN;
  event.data.ptr = client;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, client->http.fd(), &event);
}

void Driver::Note(Client* client) {
  Verb verb = client->verbs[client->next];
  const HttpClient& http = client->http;
  if (measuring_) {
    auto us = static_cast<uint32_t>(NowUs() - client->sent_us);
    latency_us_[static_cast<size_t>(verb)].push_back(us);
  }
  if (http.status() != 200) {
    ++errors_[std::string(VerbName(verb)) + " " + std::to_string(http.status())];
    usleep(kPauseAfterErrorUs);
  } else if (verb == Verb::kGet && options_.check) {
    const Document& want = client->work->document();
    if (http.body_bytes() != want.text().size() || http.watched() != want.mark()) {
      ++errors_["GET of another document"];
    }
  }
}

struct VerbFigures {
  const char* name;
  size_t count;
  double per_s;  // had every client sent nothing else
  uint32_t p50_us, p99_us, max_us;
};

std::vector<VerbFigures> Figures(const std::vector<uint32_t> (&all)[kVerbs], size_t clients) {
  std::vector<VerbFigures> out;
  for (size_t i = 0; i < kVerbs; ++i) {
    std::vector<uint32_t> us = all[i];
    if (us.empty()) continue;
    std::sort(us.begin(), us.end());
    double sum = 0;
    for (uint32_t x : us) sum += x;
    double mean_s = sum / static_cast<double>(us.size()) / 1e6;
    out.push_back({VerbName(static_cast<Verb>(i)), us.size(), static_cast<double>(clients) / mean_s,
                   us[us.size() / 2], us[us.size() * 99 / 100], us.back()});
  }
  return out;
}

void Driver::Print() const { options_.json ? PrintJson() : PrintText(); }

void Driver::PrintText() const {
  double seconds = static_cast<double>(measure_to_us_ - measure_from_us_) / 1e6;
  printf("%s: %zu clients, %zu states of %zu bytes, %.1f s: %.0f cycles/s\n",
         options_.workload.mode.c_str(), options_.clients, options_.states, options_.workload.size,
         seconds, static_cast<double>(cycles_) / seconds);
  printf("  %-8s %10s %10s %10s %10s %10s\n", "verb", "count", "rate/s", "p50 ms", "p99 ms",
         "max ms");
  for (const VerbFigures& v : Figures(latency_us_, options_.clients)) {
    printf("  %-8s %10zu %10.0f %10.3f %10.3f %10.3f\n", v.name, v.count, v.per_s, v.p50_us / 1e3,
           v.p99_us / 1e3, v.max_us / 1e3);
  }
  for (const Usage& u : watch_.usage()) {
    printf("  pid %d: %.1f MiB at first, %.1f at most, %.1f after; processor %.2f s\n", u.pid,
           static_cast<double>(u.first_kib) / 1024, static_cast<double>(u.max_kib) / 1024,
           static_cast<double>(u.after_kib) / 1024, static_cast<double>(u.cpu_us) / 1e6);
  }
  for (size_t i = 0; i < kVerbs; ++i) {
    if (turns_[i] == 0 || options_.pids.empty()) continue;
    printf("  %s: %.1f us of their processor each\n", VerbName(static_cast<Verb>(i)), TurnUs(i));
  }
  printf("  driver: processor %.2f s\n", static_cast<double>(own_cpu_us_) / 1e6);
  for (const auto& [what, count] : errors_)
    printf("  ERROR %s: %" PRIu64 "\n", what.c_str(), count);
}

void Driver::PrintJson() const {
  double seconds = static_cast<double>(measure_to_us_ - measure_from_us_) / 1e6;
  printf("{\"mode\":\"%s\",\"clients\":%zu,\"size\":%zu,\"seconds\":%.3f,\"cycles_per_s\":%.1f,",
         options_.workload.mode.c_str(), options_.clients, options_.workload.size, seconds,
         static_cast<double>(cycles_) / seconds);
  const char* comma = "";
  printf("\"verbs\":{");
  for (const VerbFigures& v : Figures(latency_us_, options_.clients)) {
    printf("%s\"%s\":{\"count\":%zu,\"per_s\":%.1f,\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u}",
           comma, v.name, v.count, v.per_s, v.p50_us, v.p99_us, v.max_us);
    comma = ",";
  }
  printf("},\"errors\":{");
  comma = "";
  for (const auto& [what, count] : errors_) {
    printf("%s\"%s\":%" PRIu64, comma, what.c_str(), count);
    comma = ",";
  }
  printf("},\"processes\":[");
  comma = "";
  for (const Usage& u : watch_.usage()) {
    printf("%s{\"pid\":%d,\"first_kib\":%" PRId64 ",\"max_kib\":%" PRId64 ",\"after_kib\":%" PRId64
           ",\"cpu_us\":%" PRId64 "}",
           comma, u.pid, u.first_kib, u.max_kib, u.after_kib, u.cpu_us);
    comma = ",";
  }
  printf("],\"cpu_us_per_request\":{");
  PrintTurnsJson();
  printf("},\"driver_cpu_us\":%" PRId64 "}\n", own_cpu_us_);
}

void Driver::PrintTurnsJson() const {
  const char* comma = "";
  for (size_t i = 0; i < kVerbs; ++i) {
    if (turns_[i] == 0) continue;
    printf("%s\"%s\":%.2f", comma, VerbName(static_cast<Verb>(i)), TurnUs(i));
    comma = ",";
  }
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bench::Options options;
  if (!bench::Parse(argc, argv, &options)) {
    fputs(bench::kUsage, stderr);
    return 2;
  }
  bench::Driver driver(options);
  bool clean = driver.Run();
  driver.Print();
  return clean ? 0 : 1;
}
