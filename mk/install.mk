# `make install` on the host itself; `make install-files DESTDIR=… PREFIX=…` into a folder, what is built
# already (packages): programs, unit files, snippets, example settings, documents, manual pages.
UNITDIR ?= $(PREFIX)/lib/systemd/system
DOCDIR  ?= $(PREFIX)/share/doc/stateward
SHARE   := $(DESTDIR)$(PREFIX)/share
UNITS   := stateward.service stateward-fcgi.service stateward-fcgi.socket stateward-spawn.service
# Only packages have the profile: it is of /usr/bin/stateward.
PROFILE := $(if $(filter /usr,$(PREFIX)),$(DESTDIR)/etc/apparmor.d)

# In their folders, so that they link to each other as they do here.
DOCS    := README.md CHANGELOG.md LICENSE $(shell find docs tests/data/envelope -type f) \
           tests/reader/stateward_reader.py conf/policy.example.toml

.PHONY: install install-files man completion
# Manual pages and completion, in build/man and build/completion; mk/reference.mk makes those of statewardctl.
man:
	$(Q)mkdir -p build/man && cp man/*.8 build/man
install-files: man completion
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(UNITDIR) $(DESTDIR)$(PREFIX)/lib/tmpfiles.d $(PROFILE)
	install -d $(DESTDIR)$(PREFIX)/lib/sysusers.d $(SHARE)/stateward/nginx $(SHARE)/stateward/apache
	install -d $(SHARE)/man/man8
	install -m 0644 build/man/*.8 $(SHARE)/man/man8
	install -D -m 0644 -t $(SHARE)/man/man1 build/man/statewardctl.1
	install -D -m 0644 build/completion/statewardctl.bash $(SHARE)/bash-completion/completions/statewardctl
	install -D -m 0644 -t $(SHARE)/zsh/vendor-completions build/completion/_statewardctl
	install -m 0755 build/release/stateward build/release/statewardctl $(DESTDIR)$(PREFIX)/bin
	$(Q)for unit in $(UNITS); do sed 's#/usr/local/share/doc/stateward/#$(DOCDIR)/#; s#/usr/local/#$(PREFIX)/#g' \
	  conf/$$unit > $(DESTDIR)$(UNITDIR)/$$unit; chmod 0644 $(DESTDIR)$(UNITDIR)/$$unit; done
	install -m 0644 conf/stateward.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/stateward.conf
	install -m 0644 conf/stateward.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/stateward.conf
	$(if $(PROFILE),install -m 0644 conf/apparmor.profile $(PROFILE)/usr.bin.stateward)
	install -m 0644 conf/stateward.env conf/policy.example.toml $(SHARE)/stateward
	install -m 0644 nginx/* $(SHARE)/stateward/nginx
	install -m 0644 apache/* $(SHARE)/stateward/apache
	install -m 0644 tests/reader/stateward_reader.py $(SHARE)/stateward
	install -m 0755 packaging/setup.sh $(SHARE)/stateward
	$(Q)for file in $(DOCS); do install -D -m 0644 $$file $(DESTDIR)$(DOCDIR)/$$file; done
install: all
	$(MAKE) install-files
	$(if $(DESTDIR),,packaging/setup.sh $(PREFIX))
