// The ceiling: a libfcgi program that reads each request to its end and answers 200, and does
// nothing else. What a server behind the same web server shows in comparison.
//
//   ceiling keep PATH PROCESSES THREADS SIZE   connections may be kept: idle ones wait in a
//                                              one-shot epoll set, as in Stateward
//   ceiling once PATH PROCESSES THREADS SIZE   one connection per request: FCGX_Accept_r in threads
//
// PATH is the unix socket's, SIZE the bytes that a GET is answered with. Ends on TERM.
#include <fcgiapp.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int kListenMark = -1;

int Listen(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (strlen(path) >= sizeof address.sun_path) return -1;
  strcpy(address.sun_path, path);
  unlink(path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return -1;
  // The web server's workers may run as another user.
  if (chmod(path, 0666) != 0 || listen(fd, 1024) != 0) return -1;
  return fd;
}

void Answer(FCGX_Request* request, const std::string& document) {
  static thread_local char scratch[64 * 1024];
  while (FCGX_GetStr(scratch, sizeof scratch, request->in) > 0) {
  }
  const char* method = FCGX_GetParam("REQUEST_METHOD", request->envp);
  size_t size = method != nullptr && strcmp(method, "GET") == 0 ? document.size() : 0;
  std::string head = "Status: 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                     std::to_string(size) + "\r\n\r\n";
  FCGX_PutStr(head.data(), static_cast<int>(head.size()), request->out);
  FCGX_PutStr(document.data(), static_cast<int>(size), request->out);
}

void ServeOnce(int listen_fd, const std::string& document) {
  FCGX_Request request;
  FCGX_InitRequest(&request, listen_fd, 0);
  while (FCGX_Accept_r(&request) == 0) {
    Answer(&request, document);
    FCGX_Finish_r(&request);
  }
}

void Arm(int epoll, int operation, int fd, int mark) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLONESHOT;
  event.data.fd = mark;
  epoll_ctl(epoll, operation, fd, &event);
}

// One request on a connection that has something to read.
void ServeOne(int epoll, int fd, const std::string& document) {
  FCGX_Request request;
  FCGX_InitRequest(&request, -1, 0);
  request.ipcFd = fd;
  request.keepConnection = 1;  // FCGX_Accept_r "finishes" first, and is not to close it
  if (FCGX_Accept_r(&request) != 0) return;
  Answer(&request, document);
  bool keep = request.keepConnection != 0 && FCGX_HasSeenEOF(request.in) != 0;
  request.keepConnection = keep ? 1 : 0;
  FCGX_Finish_r(&request);
  if (!keep) return;
  Arm(epoll, EPOLL_CTL_MOD, fd, fd);
}

void ServeKept(int epoll, int listen_fd, const std::string& document) {
  for (;;) {
    epoll_event event{};
    if (epoll_wait(epoll, &event, 1, -1) != 1) continue;
    if (event.data.fd != kListenMark) {
      ServeOne(epoll, event.data.fd, document);
      continue;
    }
    int fd = accept4(listen_fd, nullptr, nullptr, SOCK_CLOEXEC);
    Arm(epoll, EPOLL_CTL_MOD, listen_fd, kListenMark);
    if (fd >= 0) Arm(epoll, EPOLL_CTL_ADD, fd, fd);
  }
}

void Work(bool keep, int listen_fd, int thread_count, const std::string& document) {
  FCGX_Init();
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTERM, SIG_DFL);  // FCGX_Init puts a handler of its own there
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (keep) {
    fcntl(listen_fd, F_SETFL, fcntl(listen_fd, F_GETFL) | O_NONBLOCK);
    Arm(epoll, EPOLL_CTL_ADD, listen_fd, kListenMark);
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < thread_count; ++i) {
    threads.emplace_back(
        [&] { keep ? ServeKept(epoll, listen_fd, document) : ServeOnce(listen_fd, document); });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

int main(int argc, char** argv) {
  std::string mode = argc == 6 ? argv[1] : "";
  if (mode != "keep" && mode != "once") {
    fputs("usage: ceiling keep|once PATH PROCESSES THREADS SIZE\n", stderr);
    return 2;
  }
  int listen_fd = Listen(argv[2]);
  if (listen_fd < 0) {
    perror(argv[2]);
    return 1;
  }
  std::string document(static_cast<size_t>(atoll(argv[5])), 'x');
  int processes = atoi(argv[3]);
  for (int i = 0; i < processes; ++i) {
    if (fork() != 0) continue;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    Work(mode == "keep", listen_fd, atoi(argv[4]), document);
    return 0;
  }
  pause();
  return 0;
}
