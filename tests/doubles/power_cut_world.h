// A server above a disk that loses what was not synced, the requests of a state's life, and what
// must be there after a power cut behind each of them.
#ifndef STATEWARD_TESTS_DOUBLES_POWER_CUT_WORLD_H_
#define STATEWARD_TESTS_DOUBLES_POWER_CUT_WORLD_H_

#include <CppUTest/TestHarness.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/app.h"
#include "doubles/answer_to.h"
#include "doubles/power_cut_disk.h"
#include "stateward/observer.h"

namespace stateward::power_cut {

inline constexpr char kTarget[] = "/state/power/cut";

class NoObserver : public Observer {
 public:
  void OnRequest(RouteName, Method, int, int64_t) override {}
  void OnBackendCall(BackendKind, std::string_view, bool, int64_t) override {}
  void OnUploadKept() override {}
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
        App::Build(loaded.config, disk, &kms_, observer_, nullptr, no_metrics, log_, true);
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
  Kept kms_;
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

inline std::string Document(int serial) {
  return "{\"version\":4,\"serial\":" + std::to_string(serial) + ",\"lineage\":\"l\",\"x\":\"" +
         std::string(3000, 'x') + "\"}";
}
inline std::string Info(const std::string& id) { return "{\"ID\":\"" + id + "\"}"; }

inline std::vector<Step> Steps() {
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
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }
  PowerCutDisk& disk() { return disk_; }
  Server& server() { return *server_; }
  std::string StoreDir() const { return dir_ + "/root/store"; }
  std::unique_ptr<Server> Process() { return std::make_unique<Server>(disk_, StoreDir()); }

  // What a power cut leaves of the store, in a folder of its own.
  std::string Cut() {
    const std::string place = Make("/cut" + std::to_string(++cuts_));
    disk_.CutTo(place);
    return place + "/store";
  }
  // "" when everything that was acknowledged is there after a power cut.
  std::string LostAfter(const Step& step) {
    Server server(PosixDisk(), Cut());
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
    // Thousands of small files: in memory where the system has such a place.
    std::string path = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    path += "/stateward-power-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) FAIL("mkdtemp");
    return path;
  }

  const std::string dir_ = TempFolder();
  PowerCutDisk disk_{dir_ + "/root"};
  int cuts_ = 0;
  std::unique_ptr<Server> server_;
};

}  // namespace stateward::power_cut

#endif  // STATEWARD_TESTS_DOUBLES_POWER_CUT_WORLD_H_
