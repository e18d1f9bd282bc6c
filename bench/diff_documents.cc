// Time and memory of a comparison of two large state documents: `diff_documents [MIB]`.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "document/document_diff.h"

namespace {

using namespace stateward;

// Instances of 2 KB with 24 attributes; every tenth of them changes with `round`.
size_t Write(const char* path, size_t bytes, int round) {
  std::ofstream out(path);
  out << R"({"version":4,"terraform_version":"1.12.6","serial":)" << 7 + round
      << R"(,"lineage":"e0d0d0a7-2da6-c78c-0bcd-ceca6c3c612a","outputs":{},"resources":[)";
  size_t n = 0;
  for (; static_cast<size_t>(out.tellp()) < bytes; ++n) {
    out << (n > 0 ? "," : "") << R"({"mode":"managed","type":"aws_instance","name":"r)" << n
        << R"(","provider":"provider[\"registry.opentofu.org/hashicorp/aws\"]","instances":[)"
        << R"({"schema_version":1,"attributes":{"id":"i-)" << n << '"';
    for (int i = 0; i < 23; ++i) {
      const bool changes = i == 5 && n % 10 == 0;
      out << R"(,"attribute_)" << i << R"(":{"a":)" << n + (changes ? round : 0)
          << R"(,"text":["some words that stand in it","and some more"]})";
    }
    out << R"(},"sensitive_attributes":[],"private":"eyJzY2hlbWFfdmVyc2lvbiI6IjEifQ=="}]})";
  }
  out << "]}";
  return n;
}

OpenDocumentFn Opens(const char* path) {
  return [path]() -> Result<SecretBytes> {
    struct stat about {};
    FILE* file = fopen(path, "re");
    if (file == nullptr || fstat(fileno(file), &about) != 0) return Status::NotFound(path);
    SecretBytes bytes(static_cast<size_t>(about.st_size));
    const size_t got = fread(bytes.data(), 1, bytes.size(), file);
    fclose(file);
    if (got != bytes.size()) return Status::Unavailable(path);
    return bytes;
  };
}

double CpuSeconds() {
  struct rusage used {};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double HighWaterMiB() {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return std::atof(line.c_str() + 6) / 1024;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const size_t mib = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100;
  const char* const kBefore = "/tmp/diff_documents.before";
  const char* const kAfter = "/tmp/diff_documents.after";
  const size_t parts = Write(kBefore, mib << 20, 0);
  Write(kAfter, mib << 20, 1);
  const double start = HighWaterMiB();
  for (bool values : {false, true}) {
    const double begin = CpuSeconds();
    Result<DocumentDiff> diff = DiffDocuments(Opens(kBefore), Opens(kAfter), values);
    const double seconds = CpuSeconds() - begin;
    if (!diff.ok()) {
      fprintf(stderr, "%s\n", diff.status().detail().c_str());
      return 1;
    }
    printf(
        "%zu MiB, %zu resources, %zu differ%s: %.2f s of CPU, %.0f MiB at most (%.0f at the "
        "start)\n",
        mib, parts, diff->rows.size(), values ? ", with values" : "", seconds, HighWaterMiB(),
        start);
  }
  unlink(kBefore);
  unlink(kAfter);
  return 0;
}
