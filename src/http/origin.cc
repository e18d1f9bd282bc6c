#include "http/origin.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

namespace stateward {
namespace {

bool SameText(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

}  // namespace

Status CheckOrigin(const Request& request) {
  if (request.origin.empty()) return Status();
  std::string_view origin = request.origin;
  std::string_view port;
  for (const auto& [scheme, usual] :
       {std::pair<std::string_view, std::string_view>{"https://", ":443"}, {"http://", ":80"}}) {
    // Who can change what goes over the net can put any page at the http address of this host.
    const bool may_be_ours = usual == ":443" || !request.https;
    if (!may_be_ours || !SameText(origin.substr(0, scheme.size()), scheme)) continue;
    origin.remove_prefix(scheme.size());
    port = usual;
    break;
  }
  // A Host may name the usual port, an Origin never does.
  std::string_view host = request.host;
  const bool usual =
      !port.empty() && host.size() > port.size() && host.substr(host.size() - port.size()) == port;
  if (usual) host.remove_suffix(port.size());
  if (!port.empty() && !host.empty() && SameText(origin, host)) return Status();
  return {Code::kPermissionDenied, "the request comes from a page of another site"};
}

}  // namespace stateward
