/* The disk's part of a request, and nothing else: the creates and syncs that the server makes for a
 * POST or for a LOCK or UNLOCK, in as many threads, each on a state of its own. The bound that a
 * server on this folder cannot pass.
 *
 *   loop post DIR THREADS SECONDS SIZE   O_TMPFILE, write SIZE, fsync, linkat, fsync(folder)
 *   loop lock DIR THREADS SECONDS SIZE   open, flock, pread both places, pwrite SIZE into the other
 *                                        one, fdatasync (src/lock/slot_file.cc)
 *
 * SIZE is what the server writes: the sealed record, or the lock record. Prints operations per
 * second. Leaves its files in DIR.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_THREADS = 1024, SLOT = 64 * 1024, FIRST_READ = 4096 };

static const char* dir;
static size_t size;
static atomic_bool stop;

struct worker {
  pthread_t thread;
  int number;
  int folder;
  uint64_t done;
  char* bytes;
};

static void die(const char* what) {
  perror(what);
  exit(1);
}

static void post_one(struct worker* w) {
  char name[32];
  char from[32];
  int fd = openat(w->folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) die("open O_TMPFILE");
  if (write(fd, w->bytes, size) != (ssize_t)size) die("write");
  if (fsync(fd) != 0) die("fsync");
  snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
  snprintf(name, sizeof name, "%020llu", (unsigned long long)w->done + 1);
  if (linkat(AT_FDCWD, from, w->folder, name, AT_SYMLINK_FOLLOW) != 0) die("linkat");
  if (fsync(w->folder) != 0) die("fsync folder");
  close(fd);
}

static void lock_one(struct worker* w) {
  char scratch[SLOT];
  int fd = openat(w->folder, "lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) die("open lock");
  if (flock(fd, LOCK_EX) != 0) die("flock");
  for (int place = 0; place < 2; ++place) {
    off_t at = (off_t)place * SLOT;
    ssize_t n = pread(fd, scratch, FIRST_READ, at);
    if (n < 0) die("pread");
    if (size > FIRST_READ && pread(fd, scratch, size - FIRST_READ, at + FIRST_READ) < 0) {
      die("pread");
    }
  }
  off_t at = (off_t)(w->done % 2) * SLOT;
  if (pwrite(fd, w->bytes, size, at) != (ssize_t)size) die("pwrite");
  if (fdatasync(fd) != 0) die("fdatasync");
  close(fd);
}

static void make_lock_file(const struct worker* w) {
  int fd = openat(w->folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) die("create lock");
  for (int place = 0; place < 2; ++place) {
    if (pwrite(fd, w->bytes, size, (off_t)place * SLOT) != (ssize_t)size) die("pwrite");
  }
  if (fsync(fd) != 0) die("fsync");
  close(fd);
}

static void* run_post(void* arg) {
  struct worker* w = arg;
  for (; !stop; ++w->done) post_one(w);
  return NULL;
}

static void* run_lock(void* arg) {
  struct worker* w = arg;
  make_lock_file(w);
  for (; !stop; ++w->done) lock_one(w);
  return NULL;
}

static void prepare(struct worker* w, int number) {
  char path[4096];
  snprintf(path, sizeof path, "%s/loop-%d-%d", dir, (int)getpid(), number);
  if (mkdir(path, 0700) != 0) die(path);
  w->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (w->folder < 0) die(path);
  w->bytes = malloc(size);
  if (w->bytes == NULL) die("malloc");
  memset(w->bytes, 'x', size);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char** argv) {
  static struct worker workers[MAX_THREADS];
  int is_post = argc == 6 && strcmp(argv[1], "post") == 0;
  int is_lock = argc == 6 && strcmp(argv[1], "lock") == 0;
  int threads = argc == 6 ? atoi(argv[3]) : 0;
  if ((!is_post && !is_lock) || threads < 1 || threads > MAX_THREADS || atoi(argv[5]) < 1 ||
      (is_lock && atoi(argv[5]) > SLOT)) {
    fputs("usage: loop post|lock DIR THREADS SECONDS SIZE\n", stderr);
    return 2;
  }
  dir = argv[2];
  size = (size_t)atoi(argv[5]);
  for (int i = 0; i < threads; ++i) prepare(&workers[i], i);
  double start = now();
  for (int i = 0; i < threads; ++i) {
    int r = pthread_create(&workers[i].thread, NULL, is_post ? run_post : run_lock, &workers[i]);
    if (r != 0) {
      errno = r;
      die("pthread_create");
    }
  }
  double seconds = atof(argv[4]);
  usleep((useconds_t)(seconds * 1e6));
  stop = 1;
  uint64_t done = 0;
  for (int i = 0; i < threads; ++i) {
    pthread_join(workers[i].thread, NULL);
    done += workers[i].done;
  }
  printf("%.1f\n", (double)done / (now() - start));
  return 0;
}
