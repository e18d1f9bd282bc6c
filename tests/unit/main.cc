// Runs all unit tests. Leaks are AddressSanitizer's to find, not CppUTest's.
#include <CppUTest/CommandLineTestRunner.h>
// Needs the header above first.
#include <CppUTest/MemoryLeakWarningPlugin.h>

int main(int argc, char** argv) {
  MemoryLeakWarningPlugin::turnOffNewDeleteOverloads();
  // The count of failures could be 256, which a shell reads as success.
  return RUN_ALL_TESTS(argc, argv) == 0 ? 0 : 1;
}
