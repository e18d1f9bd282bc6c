#include "app/hardening.h"

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace stateward {

void HardenProcess() {
  prctl(PR_SET_DUMPABLE, 0);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  umask(077);
  // glibc raises its threshold to the largest block that was freed, up to 32 MiB, and then keeps
  // blocks of that size; a fixed one gives each state's buffer back at once.
  mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
}

}  // namespace stateward
