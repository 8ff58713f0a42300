# Gatepost: make, make run, make check; README says more.

CARGO = cargo
PREFIX = /usr/local
SYSCONFDIR = /etc
DESTDIR =
MAIL = tests/data/demo.mbox

SBIN = $(DESTDIR)$(PREFIX)/sbin
MAN = $(DESTDIR)$(PREFIX)/share/man
CONF = $(DESTDIR)$(SYSCONFDIR)/gatepost

all:
	$(CARGO) build --release

# A server with mail in it, in ./run, until Ctrl-C.
run: all
	@MAIL="$(MAIL)" sh etc/run.sh

# Everything that must hold. Programs that are not installed are skipped by name.
check:
	$(CARGO) build --tests
	$(CARGO) test
	@if command -v mandoc >/dev/null; then mandoc -T lint -W warning man/*; \
	else echo "skipped: mandoc is not installed"; test -z "$$CI"; fi
	$(CARGO) fmt --check

# Rates of a running server, or of Gatepost and Dovecot side by side: tests/load/load.rs tells the arguments.
# What clients see on this machine as it is, and, as root, with processors that do not sleep between two commands.
bench: all
	$(CARGO) bench --bench load -- --compare
	$(CARGO) bench --bench load -- --compare --awake
	$(CARGO) bench --bench load -- --sizes
	$(CARGO) bench --bench load -- --disk
	$(CARGO) bench --bench load -- --disk --awake

# Longer runs of what `make check` samples, the shorter first. On two cores with other work to do they took 2, 6, 11 and 28
# minutes, of which the processor's own were 9 in all.
torture:
	GATEPOST_ROUNDS=200 $(CARGO) test --release --test damage -- --nocapture
	GATEPOST_ROUNDS=2000 $(CARGO) test --release --test model -- --nocapture
	GATEPOST_ROUNDS=500 $(CARGO) test --release --test crash -- --nocapture
	GATEPOST_ROUNDS=200 $(CARGO) test --release --test power -- --nocapture

# Eight targets of five minutes each, as many at a time as there are cores: 20 minutes on two.
fuzz:
	GATEPOST_FUZZ_SECS=300 $(CARGO) test --release --test fuzz -- --nocapture

install: all
	install -d $(SBIN) $(MAN)/man5 $(MAN)/man8 $(CONF) $(DESTDIR)$(SYSCONFDIR)/init.d $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -m 755 target/release/gatepostd target/release/gatepostctl $(SBIN)
	install -m 644 man/gatepostd.8 man/gatepostctl.8 $(MAN)/man8
	install -m 644 man/gatepost.ini.5 $(MAN)/man5
	install -m 644 etc/gatepost.ini $(CONF)/gatepost.ini.sample
	sed 's|@SBIN@|$(PREFIX)/sbin|; s|@CONF@|$(SYSCONFDIR)/gatepost|' etc/gatepost.init > $(DESTDIR)$(SYSCONFDIR)/init.d/gatepost
	chmod 755 $(DESTDIR)$(SYSCONFDIR)/init.d/gatepost
	sed 's|@SBIN@|$(PREFIX)/sbin|; s|@CONF@|$(SYSCONFDIR)/gatepost|' etc/gatepost.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/gatepost.service

uninstall:
	rm -f $(SBIN)/gatepostd $(SBIN)/gatepostctl $(MAN)/man8/gatepostd.8 $(MAN)/man8/gatepostctl.8
	rm -f $(MAN)/man5/gatepost.ini.5 $(CONF)/gatepost.ini.sample $(DESTDIR)$(SYSCONFDIR)/init.d/gatepost
	rm -f $(DESTDIR)$(PREFIX)/lib/systemd/system/gatepost.service

clean:
	$(CARGO) clean
	rm -rf run

.PHONY: all run check bench torture fuzz install uninstall clean
