// A page of another site must not act with what a browser knows of its user.
#ifndef STATEWARD_HTTP_ORIGIN_H_
#define STATEWARD_HTTP_ORIGIN_H_

#include "stateward/http.h"
#include "stateward/status.h"

namespace stateward {

// kPermissionDenied: `Origin`, which browsers send and programs do not, is not this server's own,
// which is what `Host` says. Of a request that came by TLS an http:// page is another site; the
// other way round it need not be, since TLS may end before the web server. Pure.
Status CheckOrigin(const Request& request);

}  // namespace stateward

#endif  // STATEWARD_HTTP_ORIGIN_H_
