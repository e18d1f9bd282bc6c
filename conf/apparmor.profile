# What the server may touch: the same as the units' sandbox allows (docs/running.md).
#
# It only complains and forbids nothing: it has not been tested in enforce mode. After a while without complaints in
# the journal: aa-enforce /etc/apparmor.d/usr.bin.stateward
# For a store in another place, add a line to /etc/apparmor.d/local/usr.bin.stateward.
abi <abi/3.0>,
include <tunables/global>

profile stateward /usr/bin/stateward flags=(complain) {
  include <abstractions/base>
  include <abstractions/nameservice>
  include <abstractions/openssl>
  include <abstractions/ssl_certs>

  network unix stream,
  network unix dgram,
  signal (send, receive) peer=stateward,
  signal receive peer=unconfined,
  ptrace read peer=stateward,

  /usr/bin/stateward mr,
  /etc/stateward/** r,
  /run/credentials/** r,
  owner /var/lib/stateward/ r,
  owner /var/lib/stateward/** rwlk,
  owner /var/log/stateward/** rwlk,
  owner /run/stateward/ r,
  owner /run/stateward/** rwlk,
  /run/systemd/notify w,
  @{PROC}/@{pid}/stat r,
  owner @{PROC}/@{pid}/fd/* r,
  @{PROC}/sys/kernel/random/boot_id r,

  include if exists <local/usr.bin.stateward>
}
