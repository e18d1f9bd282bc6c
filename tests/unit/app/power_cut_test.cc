// The whole server above a disk that loses what was not synced. After each answer the power is cut
// and another server is started on what is left: what was acknowledged must be there.
#include <CppUTest/TestHarness.h>
#include <sys/stat.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/app.h"
#include "doubles/answer_to.h"
#include "doubles/power_cut_disk.h"
#include "stateward/observer.h"

namespace stateward {
namespace {

constexpr char kTarget[] = "/state/power/cut";

class NoObserver : public Observer {
 public:
  void OnRequest(RouteName, Method, int, int64_t) override {}
  void OnBackendCall(BackendKind, std::string_view, bool, int64_t) override {}
  void OnQuarantined() override {}
};

struct Reply {
  int status = 0;
  std::string body;
};

// A server as one process has it, without FastCGI.
class Server {
 public:
  Server(Disk& disk, const std::string& dir) {
    EnvMap settings;
    settings["STORAGE_FS_DIR"] = SecretString(dir);
    settings["STORAGE_INIT"] = SecretString("true");
    settings["KMS_KEY"] = SecretString("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    LoadedConfig loaded = LoadConfig(settings, "");
    CHECK(loaded.errors.empty());
    const auto no_metrics = [] { return std::string(); };
    Result<std::shared_ptr<App>> app =
        App::Build(loaded.config, disk, &kms_, observer_, no_metrics, log_, true);
    if (!app.ok()) FAIL(app.status().detail().c_str());
    app_ = *std::move(app);
  }
  Reply Ask(Method method, const std::string& query, const std::string& text) {
    Request request;
    request.method = method;
    request.target = kTarget + query;
    request.authorization = SecretString("Basic YmFzaWM6c2VjcmV0");  // basic:secret
    request.content_length = text.size();
    request.request_id = std::string(32, '0');
    Response response = AnswerTo(app_->handler(), std::move(request), text);
    return {response.status, std::string(ByteView(response.body).AsString())};
  }

 private:
  NoObserver observer_;
  KeptKms kms_;
  Log log_{LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kFatal};
  std::shared_ptr<App> app_;
};

struct Step {
  const char* name;
  Method method;
  std::string query;
  std::string body;
  int status;
  std::string document;  // what GET gives afterwards; "" = 404
  std::string holder;    // whose the lock is afterwards; "" = nobody's
};

std::string Document(int serial) {
  return "{\"version\":4,\"serial\":" + std::to_string(serial) + ",\"lineage\":\"l\",\"x\":\"" +
         std::string(3000, 'x') + "\"}";
}
std::string Info(const std::string& id) { return "{\"ID\":\"" + id + "\"}"; }

std::vector<Step> Steps() {
  const std::string one = Document(1);
  const std::string two = Document(2);
  const std::string three = Document(3);
  return {{"lock", Method::kLock, "", Info("a"), 200, "", "a"},
          {"first write", Method::kPost, "?ID=a", one, 200, one, "a"},
          {"write", Method::kPost, "?ID=a", two, 200, two, "a"},
          {"unlock", Method::kUnlock, "", Info("a"), 200, two, ""},
          {"second lock", Method::kLock, "", Info("b"), 200, two, "b"},
          {"force", Method::kUnlock, "", "", 200, two, ""},
          {"free write", Method::kPost, "", three, 200, three, ""},
          {"third lock", Method::kLock, "", Info("c"), 200, three, "c"},
          {"delete", Method::kDelete, "?ID=c", "", 200, "", "c"},
          {"last unlock", Method::kUnlock, "", Info("c"), 200, "", ""}};
}

class World {
 public:
  explicit World(bool has_journal = true, bool says_journal = true) {
    disk_.has_journal = has_journal;
    disk_.says_journal = says_journal;
    Make("/root");
    server_ = Process();
  }
  ~World() {
    server_.reset();
    [[maybe_unused]] int r = system(("rm -rf " + dir_).c_str());
  }
  PowerCutDisk& disk() { return disk_; }
  std::unique_ptr<Server> Process() {
    return std::make_unique<Server>(disk_, dir_ + "/root/store");
  }

  // "" when everything that was acknowledged is there after a power cut.
  std::string LostAfter(const Step& step) {
    const std::string place = Make("/cut" + std::to_string(++cuts_));
    disk_.CutTo(place);
    Server server(PosixDisk(), place + "/store");
    const Reply get = server.Ask(Method::kGet, "", "");
    const Reply want = step.document.empty() ? Reply{404, ""} : Reply{200, step.document};
    if (get.status != want.status || (get.status == 200 && get.body != want.body)) {
      return std::string(step.name) + ": GET gives " + std::to_string(get.status);
    }
    const Reply probe = server.Ask(Method::kLock, "", Info("probe"));
    const bool held =
        probe.status == 423 && probe.body.find(Info(step.holder).substr(1, 8)) != std::string::npos;
    if (step.holder.empty() ? probe.status != 200 : !held) {
      return std::string(step.name) + ": LOCK gives " + std::to_string(probe.status);
    }
    return "";
  }
  // Runs the steps with a power cut after each; what was lost, or "".
  std::string Run() {
    for (const Step& step : Steps()) {
      const Reply reply = server_->Ask(step.method, step.query, step.body);
      if (reply.status != step.status) return std::string(step.name) + " was refused";
      if (std::string lost = LostAfter(step); !lost.empty()) return lost;
    }
    return "";
  }

 private:
  std::string Make(const std::string& name) {
    const std::string path = dir_ + name;
    mkdir(path.c_str(), 0700);
    return path;
  }

  static std::string TempFolder() {
    char path[] = "/tmp/stateward-power-XXXXXX";
    if (mkdtemp(path) == nullptr) FAIL("mkdtemp");
    return path;
  }

  const std::string dir_ = TempFolder();
  PowerCutDisk disk_{dir_ + "/root"};
  int cuts_ = 0;
  std::unique_ptr<Server> server_;
};

// A worker dies at one of its syncs, when others can see already what it made; its client repeats
// the request, and another worker finds it done, or half done. That one's 200 must hold, too.
void DieAtEachSync(bool journal) {
  const std::vector<Step> steps = Steps();
  for (size_t at = 0; at < steps.size(); ++at) {
    const Step& step = steps[at];
    Reply reply;
    for (int syncs = 0; reply.status != step.status; ++syncs) {
      CHECK_TEXT(syncs < 20, "it ends at its last sync");
      World world(journal, journal);
      std::unique_ptr<Server> server = world.Process();
      for (size_t i = 0; i < at; ++i) server->Ask(steps[i].method, steps[i].query, steps[i].body);
      world.disk().syncs_left = syncs;
      reply = server->Ask(step.method, step.query, step.body);
      world.disk().syncs_left = INT_MAX;
      server = world.Process();
      LONGS_EQUAL(step.status, server->Ask(step.method, step.query, step.body).status);
      const std::string lost = world.LostAfter(step);
      STRCMP_EQUAL_TEXT("", lost.c_str(), ("died at sync " + std::to_string(syncs)).c_str());
    }
  }
}

}  // namespace

TEST_GROUP(PowerCut){};

TEST(PowerCut, NothingAcknowledgedIsLost) { STRCMP_EQUAL("", World().Run().c_str()); }

// The model must be able to fail: a server that does not sync loses at once.
TEST(PowerCut, WithoutSyncItIsLost) {
  for (bool files : {false, true}) {
    for (bool folders : {false, true}) {
      if (files && folders) continue;
      World world;
      world.disk().sync_files = files;
      world.disk().sync_folders = folders;
      CHECK(!world.Run().empty());
    }
  }
}

// A file that has its name but still no link in its inode is taken away by the file system's check.
TEST(PowerCut, WithoutAJournalNothingIsLostEither) {
  // The model must be able to fail: a journal that is not there.
  for (bool known : {false, true}) {
    World world(false, known);
    CHECK_EQUAL(known, !world.Run().empty());
  }
}

// From each step on: each of them syncs what it needs, and none lives on the syncs of an earlier.
TEST(PowerCut, WithoutSyncFromAStepOnThatStepIsLost) {
  const std::vector<Step> steps = Steps();
  for (size_t from = 0; from < steps.size(); ++from) {
    World world;
    std::unique_ptr<Server> server = world.Process();
    for (size_t i = 0; i <= from; ++i) {
      const Step& step = steps[i];
      world.disk().sync_files = i < from;
      world.disk().sync_folders = i < from;
      LONGS_EQUAL(step.status, server->Ask(step.method, step.query, step.body).status);
      CHECK_TEXT(world.LostAfter(step).empty() == (i < from), step.name);
    }
  }
}

TEST(PowerCut, RepeatsSettleWhatADeadWorkerLeft) { DieAtEachSync(true); }
TEST(PowerCut, RepeatsSettleWhatADeadWorkerLeftWithoutAJournal) { DieAtEachSync(false); }

}  // namespace stateward
