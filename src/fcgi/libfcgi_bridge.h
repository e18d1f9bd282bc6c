// libfcgi without a descriptor: it parses the head of a request from memory, and never reads from,
// writes to or closes anything.
//
// libfcgi does its input and output by OS_Read, OS_Write, OS_Close and OS_IpcClose, which it calls
// through its procedure linkage table. This file defines functions of those names; in a program
// that is linked with it they come before the shared library's own. What they serve is the request
// that the calling thread has in hand; a descriptor's number is never looked at.
//
// libfcgi sees no byte of a connection but the parameters that RecordsIn has checked: the records
// around them are made here. So its overflow on management records, its unbounded parameters and
// its silence about a stream that breaks off are out of reach.
//
// The only user of fcgiapp.h. Thread-safe.
#ifndef STATEWARD_FCGI_LIBFCGI_BRIDGE_H_
#define STATEWARD_FCGI_LIBFCGI_BRIDGE_H_

#include "stateward/bytes.h"
#include "stateward/http.h"
#include "stateward/result.h"

namespace stateward {

// Once, before threads and after signals were blocked; SIGPIPE is ignored afterwards. kInternal:
// libfcgi does its own input and output in this program (it was linked in another way), or parses
// otherwise than expected; then nothing may be served.
Status InitFcgiLibrary();

// The request that this parameter stream describes. Identities that the web server vouches for are
// taken only when `may_vouch`. kInvalidArgument: no HTTP request. REQUIRES: the stream was
// accepted by RecordsIn.
Result<Request> ParseParams(ByteView params, bool may_vouch);

}  // namespace stateward

#endif  // STATEWARD_FCGI_LIBFCGI_BRIDGE_H_
