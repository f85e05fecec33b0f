# What the README and HACKING.md name. `make test` is all a newcomer needs.

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOTESTSUM = gotest.tools/gotestsum@v1.13.0
GO ?= go
# How many packages are tested at once, and in each how many tests that call t.Parallel.
PACKAGES ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
PARALLEL ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) \* 2)
BUILD ?= build
FUZZTIME ?= 20s
FUZZJOBS ?= 1
N ?= 100
VERIFY ?= 2m
BACKUP ?= 5m
EVERY ?= 10s
COPIES ?= 10
FOLLOW ?= 2m
FLIPS ?= 250
STEPS ?= 100000
RACERS ?= 200
LENGTH ?= 30s
ROUNDS ?= 20
NAMES ?= 1000
PAIRS ?= 2000
RUNS ?= 3
# The version that the program says it is; without one, git's.
VERSION ?=

.PHONY: attack browser firefox screenshots meetings test check race chaos fuzz enumeration bigdirectory faults decisions doc bench crash mailcrash roomrace drills delegatedrills flips conversations powercut clients conformance generate generated deps convene clean

# Everything but fuzzing and crashing: installs the servers that the tests
# talk to (through apt, and says so), checks, and tests with the race detector
# and over an engine that misbehaves.
test: deps check race chaos generated

# Format, module files, vet and staticcheck.
check:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "gofmt -w is needed for:"; echo "$$unformatted"; exit 1; fi
	$(GO) mod tidy -diff
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

# All tests. A summary in the end names what failed and what was skipped;
# with CI=true nothing may be skipped. Of tests that fail a few run again, since many
# of them wait for real servers on a busy machine; the report names them, and a data race
# is none that gets a second chance. Two packages that take longest come first, so that
# none is left to run alone. Tests wait most of the time, so that more packages run at once than
# a small machine has processors, and in each more of those tests that call t.Parallel. What vet
# has to say is said by make check.
race: | $(BUILD)
	@rm -f $(BUILD)/again.txt
	$(GO) run $(GOTESTSUM) --format pkgname --jsonfile $(BUILD)/test.json --rerun-fails=2 --rerun-fails-max-failures=8 \
		--rerun-fails-abort-on-data-race --rerun-fails-run-root-test --rerun-fails-report $(BUILD)/again.txt \
		--packages './server ./cmd/convene ./...' -- -race -vet=off -shuffle=on -p $(PACKAGES) -parallel $(PARALLEL) -timeout 30m
	@if [ -s $(BUILD)/again.txt ]; then echo "failed at first, and passed alone:"; cat $(BUILD)/again.txt; fi
	@if [ "$$CI" = true ] && grep -qE '"Action":"skip".*"Test":' $(BUILD)/test.json; then \
		echo "with CI=true no test may be skipped; those that were are named above"; exit 1; fi

# The tests of what stands on the engine, over one that does whatever its contract
# allows: it runs functions again and lets reads fail. A failing test prints the
# seed; CONVENE_TEST_ENGINE=chaos:SEED repeats it, and SEED=N all of them. One or two tests
# that fail run again with the same seed, so that only what hangs on time has a second chance;
# the report names them. Left out are long tests of what is not on the engine or not on this
# one, and that make race has run as they are: programs, which have their own; certificates;
# directories and what they say of accounts; and the conversations over an engine that
# misbehaves anyway.
PROGRAMS = WorstRequests|FullDisk|InvitationsOnFullDisk|ReadOnly|UnderSystemd
CERTIFICATES = ACME|ACMERenewal|ACMENotRenewed|ACMEAway
DIRECTORIES = DigestOfDirectory|DirectoryOutage|DirectoryFailover|DirectoryFaults|ControllerFaults|TwoControllers|DecisionsOfSlapd|DecisionsOfSamba|ChangesAreFollowed|SambaAccountStates|SlapdAccountStates|DigestLDAP.*
chaos: SEED := $(or $(SEED),$(strip $(shell od -An -N4 -tu4 /dev/urandom)))
chaos: | $(BUILD)
	@rm -f $(BUILD)/chaosagain.txt
	CONVENE_TEST_ENGINE=chaos:$(SEED) $(GO) run $(GOTESTSUM) --format pkgname --rerun-fails=2 --rerun-fails-max-failures=2 \
		--rerun-fails-run-root-test --rerun-fails-report $(BUILD)/chaosagain.txt \
		--packages './server ./store/... ./snapshot ./calendar ./caldav ./auth' -- -vet=off -p $(PACKAGES) -parallel $(PARALLEL) -timeout 30m -skip '^Test($(PROGRAMS)|$(CERTIFICATES)|$(DIRECTORIES)|ConversationsOnChaos)$$'
	@if [ -s $(BUILD)/chaosagain.txt ]; then echo "failed at first, and passed alone with CONVENE_TEST_ENGINE=chaos:$(SEED):"; cat $(BUILD)/chaosagain.txt; fi

# Files that are written by programs are what those would write today.
generated: generate
	@git diff --exit-code -- convene.example.toml || { echo "convene.example.toml was not up to date: commit the new one"; exit 1; }

# Meetings of other projects' test data, each written as it was read: MEETINGS=DIR.
meetings:
	CONVENE_MEETINGS=$(MEETINGS) $(GO) test ./caldav -run TestUnchangedMeetingsOfOthers -v

generate:
	$(GO) run ./cmd/convene config example >convene.example.toml.new
	@mv convene.example.toml.new convene.example.toml

# The pages in Chromium: policy, accessibility, keyboard, without script, on a demonstration
# server of its own. Where that can be made it is in a network without routes, so that
# nothing is fetched from elsewhere. Two files of tests run at once, each with a server and a
# browser of its own, since each waits for these. CHROMIUM names another browser than Debian's.
ALONE = $(shell unshare -rn ip link set lo up 2>/dev/null && echo unshare -rn)
browser: convene
	cd webtest && npm ci --ignore-scripts --silent
	@[ -n "$(ALONE)" ] || echo "browser: no network without routes can be made here; the tests have this machine's"
	cd webtest && CONVENE=../$(BUILD)/convene $(ALONE) sh -c '$(if $(ALONE),ip link set lo up && )exec node --test --test-concurrency=2'

# What people do every day, in Firefox: FIREFOX, which is not installed by make deps.
FIREFOX ?= /usr/bin/firefox-esr
firefox: convene
	@[ -x $(FIREFOX) ] || { echo "firefox: there is none at $(FIREFOX); FIREFOX names another"; exit 1; }
	cd webtest && npm ci --ignore-scripts --silent
	cd webtest && BROWSER=firefox FIREFOX=$(FIREFOX) CONVENE=../$(BUILD)/convene $(ALONE) sh -c '$(if $(ALONE),ip link set lo up && )exec node --test --test-concurrency=1 keyboard.test.mjs drag.test.mjs languages.test.mjs'

# The pictures of docs/, made anew of the demonstration: docs/images. Look at each.
screenshots: convene
	cd webtest && npm ci --ignore-scripts --silent && CONVENE=../$(BUILD)/convene node screenshots.mjs

# The outside servers and clients that tests use; nothing if all are there.
deps:
	@scripts/install-test-deps.sh

# Each fuzz target FUZZTIME long, FUZZJOBS of them at once.
fuzz:
	@FUZZTIME=$(FUZZTIME) FUZZJOBS=$(FUZZJOBS) scripts/fuzz.sh

# N simulated power cuts of the engine, and N more after a kill and a restart: all
# that was acknowledged is there, and no file is refused. V=1 says more.
powercut:
	@V=$(V) GO=$(GO) BUILD=$(BUILD) scripts/powercut.sh $(N)

# kill -9 under concurrent writes, N times: nothing acknowledged may be missing.
crash: $(BUILD)/harness
	@$(BUILD)/harness crash -n $(N)

# Whether names that somebody has can be told from names that nobody has, with slapd, by
# Basic, device passwords and Digest: the statuses of NAMES of each, and the times of PAIRS
# pairs, RUNS times.
enumeration: $(BUILD)/harness
	@$(BUILD)/harness enumeration -names $(NAMES) -pairs $(PAIRS) -runs $(RUNS)

# All attacks that docs/security.md names, and how many of each were tried.
attack: deps
	@GO=$(GO) CONVENE_TEST_ATTACKS=all scripts/attack.sh

# What log-ins, groups and searches cost with 100,000 people in slapd, with limits; and the
# program before it, with tickets of a KDC for 5,000 people.
bigdirectory:
	BIGDIRECTORY=100000 $(GO) test -count 1 -timeout 40m -run '^TestBig(Directory|Company)$$' -v ./directory ./server

# One of two directory servers, or of two controllers of a domain, fails in each of the ways
# for a while, under load; a controller is restored from a backup.
faults:
	CONVENE_FAULTS=1 $(GO) test -count 1 -timeout 20m -run '^Test(Directory|Controller)Faults$$' -v ./server | grep -v '=== '

# Who is let in how, on slapd and on Samba: every combination of scheme, state of the
# account and of the directory, access list, calendar flag and depth of the group.
decisions:
	CONVENE_DECISIONS=1 $(GO) test -count 1 -timeout 20m -run '^TestDecisions' -v ./server | grep -e '^---' -e '^ok' -e '^FAIL' -e decision

# Beside clients that write: VERIFY long verify in a loop, BACKUP long a backup each
# EVERY that is restored and verified, COPIES slow copies of the running files, and FOLLOW
# long a backup that follows, killed and started again: in the end it has all.
drills: $(BUILD)/harness
	@$(BUILD)/harness drill -verify $(VERIFY) -backup $(BACKUP) -every $(EVERY) -copies $(COPIES) -follow $(FOLLOW)

# FLIPS files with one bit that is wrong in a page in use.
flips:
	CONVENE_TEST_FLIPS=$(FLIPS) $(GO) test -count 1 -timeout 60m -run '^TestFlippedBits$$' -v ./store | grep -v -e '=== RUN' -e '    --- PASS'

# What can happen to the delegate database: kill -9 under changes N times, 250 wrong
# bits, and on a server a file that is lost, damaged, rolled back, forked, another
# server's, on a full disk, replaced; each with its cure.
delegatedrills:
	CONVENE_CRASHES=$(N) $(GO) test -count 1 -timeout 60m -run '^Test(Kill|BitFlips|States|FullOrReadOnly|Replaced)$$' -v ./delegation | grep -v -e '=== ' -e '    --- PASS'
	$(GO) test -count 1 -run '^TestDelegate(Drills|Reset|sVanish|sOnFullDisk|sAndBackups)$$' -v ./server | grep -v -e '=== ' -e '    --- PASS'

# STEPS steps of conversations about meetings by people, rooms and an assistant, after
# each of which all copies must agree. A seed that fails is printed, with as few steps as
# fail; SEED=N has that conversation alone.
conversations:
	CONVENE_TEST_STEPS=$(STEPS) CONVENE_TEST_SEED=$(SEED) $(GO) test -count 1 -timeout 24h -run '^TestConversations$$' ./caldav

# kill -9 while invitations go out by mail, N times: each reaches a counting mail
# server at least once, and twice only what was under way.
mailcrash: $(BUILD)/harness
	@$(BUILD)/harness mailcrash -n $(N)

# RACERS clients that book one room for LENGTH by every way there is, and then while
# the server is killed ROUNDS times: no overlap, one winner a slot, all calendars agree,
# and there is an order of all requests in which every answer was right.
roomrace: $(BUILD)/harness
	@$(BUILD)/harness roomrace -clients $(RACERS) -length $(LENGTH) -n $(ROUNDS)

# The conformance runner in CDT with the scripts in SUITE, each file from the
# same data, against this server with slapd. ARGS go to the runner. Ends with
# the runner's TOTAL line.
conformance: deps $(BUILD)/harness
	@$(BUILD)/harness conformance -cdt "$(CDT)" -suite "$(SUITE)" -- $(ARGS)

# Real clients against the demonstration, over http and https; CLIENTS names some
# of them. Installs what is missing; ends with the number of checks and failures.
clients:
	@scripts/clients.sh $(CLIENTS)

# The load driver in CALBENCH against this server with slapd. ARGS go to the
# driver; the report is build/bench.json.
bench: deps $(BUILD)/harness
	@$(BUILD)/harness bench -calbench "$(CALBENCH)" -- $(ARGS)

.PHONY: $(BUILD)/harness
$(BUILD)/harness: | $(BUILD)
	@$(GO) build -o $@ ./testenv/cmd/harness

# The packages' documentation, as text.
doc:
	@for p in $$($(GO) list ./...); do $(GO) doc -all $$p; done

# The program as it is shipped: one static file.
convene: | $(BUILD)
	CGO_ENABLED=0 $(GO) build -trimpath $(if $(VERSION),-ldflags '-X main.release=$(VERSION)') -o $(BUILD)/convene ./cmd/convene

$(BUILD):
	@mkdir -p $(BUILD)

clean:
	rm -rf $(BUILD)
