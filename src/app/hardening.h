// What a process that holds keys and states gives up at start.
#ifndef STATEWARD_APP_HARDENING_H_
#define STATEWARD_APP_HARDENING_H_

namespace stateward {

// No core files, no debugger of the same user, no new privileges, files for the owner alone; large
// buffers go back to the system when they are freed.
void HardenProcess();

}  // namespace stateward

#endif  // STATEWARD_APP_HARDENING_H_
