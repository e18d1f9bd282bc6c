#include "cli/backend_block.h"

namespace stateward {
namespace {

std::string UrlOf(std::string site, const StateKey& key) {
  while (!site.empty() && site.back() == '/') site.pop_back();
  return site + "/" + key.project + "/" + key.name;
}

}  // namespace

std::string BackendBlock(const std::string& site, const StateKey& key) {
  const std::string url = UrlOf(site, key);
  std::string text = "terraform {\n  backend \"http\" {\n";
  for (const char* name : {"address       ", "lock_address  ", "unlock_address"}) {
    text += "    " + std::string(name) + " = \"" + url + "\"\n";
  }
  // Clients give up after three tries otherwise.
  return text + "    retry_max      = 10\n  }\n}\n";
}

std::string BackendEnvironment(const std::string& site, const StateKey& key) {
  const std::string url = UrlOf(site, key);
  std::string text = "\n# or, with an empty block `backend \"http\" {}`:\n";
  for (const char* name : {"TF_HTTP_ADDRESS", "TF_HTTP_LOCK_ADDRESS", "TF_HTTP_UNLOCK_ADDRESS"}) {
    text += "export " + std::string(name) + "=" + url + "\n";
  }
  return text +
         "export TF_HTTP_RETRY_MAX=10\n# who you are; never in the block, which is in "
         "everybody's plan:\nexport TF_HTTP_USERNAME=…\nexport TF_HTTP_PASSWORD=…\n";
}

}  // namespace stateward
