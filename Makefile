# ChatOps. Bare `make` lists the verbs; each says what it does while it does it.

.PHONY: help run test check advisories e2e bench fuzz sqlx clean

help:
	@echo 'ChatOps'
	@echo
	@echo '  make run         build and start everything here, then show the address and how to sign in'
	@echo '  make test        all tests: Rust against real servers, web app, browser'
	@echo '  make check       format, lints, docs, licences, house rules, web app types and budgets'
	@echo '  make advisories  known weaknesses of the crates that are used (needs the network)'
	@echo '  make e2e         only the browser tests'
	@echo '  make bench       measure throughput and latency beside the limits of this machine'
	@echo '  make fuzz        feed noise to every decoder that reads from the network (needs the nightly compiler)'
	@echo '  make sqlx        refresh the checked queries after a change of SQL or of a migration'
	@echo '  make clean       delete what was built and unpacked (ALL=1: also the data of make run)'
	@echo
	@echo 'ARGS="…" is passed on, as in: make run ARGS="--listen 127.0.0.1:9000"'

run:
	@exec deploy/run.sh $(ARGS)

test:
	@exec deploy/test.sh $(ARGS)

check:
	@exec deploy/check.sh $(ARGS)

advisories:
	@exec deploy/deny.sh

e2e:
	@exec deploy/e2e.sh $(ARGS)

bench:
	@exec deploy/bench.sh $(ARGS)

fuzz:
	@exec deploy/fuzz.sh $(ARGS)

sqlx:
	@exec deploy/sqlx.sh refresh

clean:
	@exec deploy/clean.sh $(if $(ALL),all)
