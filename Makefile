# Sealway.  `make help` lists the targets; V=1 shows every command.
#
# Variants never mix: the release build stands in build/, the others in build/<variant>/.
#   make VARIANT=asan | tsan | cov | fuzz    (fuzz needs clang)

.DEFAULT_GOAL := all

CC      ?= cc
VARIANT ?=
B       := build$(if $(VARIANT),/$(VARIANT))
PKGS    := libevent_core libevent_extra libcurl libcjson libcrypto libssl yaml-0.1

PREFIX  ?= /usr/local
JOBS    ?= $(shell nproc)

VERSION := 0.1.0
COMMIT  := $(shell git -c safe.directory='*' rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

WARN    := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
           -Wwrite-strings -Wcast-qual -Wvla -Wformat=2 -Wundef -Werror
CFLAGS  ?= -O2 -g
HARDEN  := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fPIE
LINK    := -pie -Wl,-z,relro,-z,now,-z,noexecstack

# A finding ends the program; leaks are looked for at its end.
UBSAN   := undefined,float-cast-overflow

ifeq ($(VARIANT),asan)
HARDEN  := -fsanitize=address,$(UBSAN) -fno-sanitize-recover=$(UBSAN) -fno-omit-frame-pointer
LINK    := -fsanitize=address,$(UBSAN)
else ifeq ($(VARIANT),tsan)
HARDEN  := -fsanitize=thread
LINK    := -fsanitize=thread
else ifeq ($(VARIANT),cov)
HARDEN  := --coverage -O0
LINK    := --coverage
else ifeq ($(VARIANT),fuzz)
CC      := clang
HARDEN  := -fsanitize=fuzzer-no-link,address,$(UBSAN) -fno-sanitize-recover=$(UBSAN)
LINK    := -fsanitize=address,$(UBSAN)
else ifneq ($(VARIANT),)
$(error VARIANT=$(VARIANT) is none of asan, tsan, cov, fuzz)
endif

CPPFLAGS += -Iinclude -D_GNU_SOURCE $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
ALL_CFLAGS = -std=gnu11 -pthread $(WARN) $(CFLAGS) $(HARDEN)
LIBS     := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -pthread

# Modules, and which each may see: the linker holds tests to it, tests/checks/layers.sh the includes.
MODULES        := app controller admin proxy manifest kube model route tls base
SEES_base       := base
SEES_tls        := tls base
SEES_route      := route base
SEES_model      := model base
SEES_manifest   := manifest model base
SEES_kube       := kube base
SEES_proxy      := proxy route tls base
SEES_admin      := admin base
SEES_controller := controller manifest kube model route base
SEES_app        := $(MODULES)

objs  = $(patsubst %.c,$(B)/obj/%.o,$(1))
srcs  = $(wildcard src/$(1)/*.c)
lib   = $(B)/lib/lib$(1).a
libs  = $(foreach m,$(SEES_$(1)),$(if $(call srcs,$(m)),$(call lib,$(m))))

CMD_SRC   := $(wildcard cmd/sealway/*.c)
UNIT      := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))
INTEG     := $(patsubst tests/integration/%.c,$(B)/tests/%,$(wildcard tests/integration/test_*.c))
FUZZERS   := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAYS   := $(patsubst tests/fuzz/%.c,$(B)/replay/%,$(wildcard tests/fuzz/fuzz_*.c))
SIM_WRAP  := $(call objs,tests/support/sim_wrap.c)
SUPPORT   := $(filter-out $(SIM_WRAP),$(call objs,$(wildcard tests/support/*.c tests/fakes/*.c)))

# The module a unit test belongs to: the one that holds the file of the same name.
module_of = $(notdir $(patsubst %/,%,$(dir $(wildcard src/*/$(patsubst test_%,%,$(1)).c))))

# Torture: allocations of our own objects go through tests/support/failalloc.c; so do those that an
# arena would serve from the chunk it has.
WRAPPED := malloc calloc realloc strdup strndup arena_alloc arena_calloc arena_strdup arena_strndup
WRAP    := $(foreach f,$(WRAPPED),-Wl,--wrap=$(f)) -Wl,-u,__wrap_malloc

# Tests of the data plane let system calls fail, too: tests/support/failsys.c.
FAILSYS_WRAP := $(foreach f,socket listen accept4 connect send recv __recv_chk shutdown getsockopt \
                event_add event_new eventfd aligned_alloc pthread_create getrandom splice pipe2 fcntl,-Wl,--wrap=$(f))
$(addprefix $(B)/tests/test_,adminsocket listen clientcap acceptor conn conn_hello conn_relay conn_stats connlog relay_deadlines \
  flow hello_stats upstream pipepool refuse linger worker connbudget proxy siphash store registry statepool yamlanchors readiness): \
  WRAP += $(FAILSYS_WRAP)
# Clients of the admin port from elsewhere than this machine.
$(addprefix $(B)/tests/test_,adminaccess adminserver): WRAP += -Wl,--wrap=getpeername
# The simulation puts a kernel of its own in their place: tests/support/sim_wrap.c.
$(B)/tests/test_proxy_sim: WRAP += $(foreach f,socket listen accept4 connect send recv __recv_chk \
                poll ioctl shutdown getsockname getsockopt setsockopt close read write open eventfd event_add \
                event_del event_free event_base_loop pthread_create pthread_join splice pipe2 fcntl,-Wl,--wrap=$(f))
$(B)/tests/test_proxy_sim: $(SIM_WRAP) $(call libs,proxy)
$(B)/tests/test_sim_kernel: $(call libs,proxy)
$(addprefix $(B)/tests/test_fake_,apiserver apifaults): $(call libs,base)
$(B)/tests/test_jsonsplit_random: $(call libs,kube)
# Named apart from the integration tests test_hello and test_relay.
$(addprefix $(B)/tests/test_,adoption conn_hello conn_relay conn_stats hello_stats relay_deadlines): $(call libs,proxy)
$(addprefix $(B)/tests/test_,reflector_time reflector_model): $(call libs,kube)
$(B)/tests/test_eventlog_renew: $(call libs,controller)
$(B)/tests/test_store_changes: $(call libs,model)
# The commands, less the front door.
$(addprefix $(B)/tests/test_,cmd command_memory): $(call objs,$(filter-out %/main.c,$(CMD_SRC))) $(call libs,app)

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))

# A make of its own sees what deps.sh has just installed; parallel unless the caller said how much.
SUBMAKE = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))
DEPS    = $(Q)tests/support/deps.sh

.PHONY: all help deps test check demo docs-test e2e e2e-cluster full asan tsan m32 fuzz cov valgrind bench \
        stacks soak install clean tools syntax run-tests run-fuzz FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(B)/sealway

help:
	@echo 'make              build $(B)/sealway; make install: into $$(DESTDIR)$(PREFIX)/bin'
	@echo 'make deps         install what building needs (Debian packages; root or sudo)'
	@echo 'make clean        remove build/'
	@echo 'make demo         install, build, route real TLS by SNI from deploy/demo; KEEP=1 stays up'
	@echo 'make test         install, build, run every test'
	@echo 'make check        format, analysers, layers, prefixes, headers; make CC=clang syntax: what'
	@echo '                  another compiler says of the tests'
	@echo 'make asan|tsan    build and run the tests under a sanitizer; make m32: parsers of 32 bits'
	@echo 'make valgrind     run tests, and the program, under valgrind; make cov: coverage by file'
	@echo 'make fuzz         run every fuzz target for TIME each (default 60s; TIME=15m, JOBS=2)'
	@echo 'make soak         everything at once for TIME (default 30s; TIME=30m): flat, and every byte right'
	@echo 'make full         everything in its long form, for hours; soak, each fuzz target for TIME (default 10m)'
	@echo 'make stacks       real TLS clients and servers through the program; QUICK=1: two minutes'
	@echo 'make chart-test   the Helm chart; chart-update writes anew what is made from it'
	@echo 'make docs-test    run what the documents show, check their names and links'
	@echo 'make e2e          against a real API server, built once; takes root; FULL=1: the long forms'
	@echo 'make e2e-cluster  on a real node: containers, node ports, the chart; takes root; FULL=1'
	@echo 'make image        the container image, with docker, podman or buildah; BASE=local: pulls nothing'
	@echo '                  ARCHIVE=FILE: to a file, too; make sbom: what is inside it, as CycloneDX'
	@echo 'make image-test   build it in a base made here, look into it, run it; takes root'
	@echo 'make bench        side by side with nginx, haproxy, sniproxy and a Go program; QUICK=1: 3 minutes'
	@echo '                  make bench-test: that it works, and that what is wrong is found; times nothing'

deps:
	$(DEPS) build

test asan tsan cov:
	$(DEPS) test
	$(Q)$(if $(filter cov,$@),rm -rf build/cov)
	$(Q)$(SUBMAKE) $(if $(filter-out test,$@),VARIANT=$@) run-tests
	$(Q)$(if $(filter cov,$@),tests/support/coverage.py build/cov)

run-tests: tools
	$(Q)$(if $(filter cov,$(VARIANT)),FAILALLOC_LOG=$(abspath $(B))/failalloc.log) VARIANT=$(VARIANT) \
		JOBS=$(JOBS) SEALWAY_BIN=$(abspath $(B)/sealway) tests/support/run_tests.sh $(B) \
		$(wildcard tests/integration/*.sh) $(INTEG) $(UNIT) $(REPLAYS)

# By turns the tests themselves, and the program that integration tests start: those whose limits of
# time and memory suit a program that is thirty times slower.  What is still on the heap at its end is
# an error, too.
VALGRIND       := valgrind -q --leak-check=full --show-leak-kinds=all --error-exitcode=99
VALGRIND_INTEG := $(addprefix $(B)/tests/test_,relay relay_resets kube_serve routing hello admin resources_peers files drain drain_load \
                    first_flights_wire)

valgrind:
	$(DEPS) ci
	$(Q)$(SUBMAKE) tools
	$(Q)RUN_UNDER='$(VALGRIND)' TEST_TIMEOUT=600 JOBS=$(JOBS) tests/support/run_tests.sh $(B) $(UNIT) $(REPLAYS)
	$(Q)printf '#!/bin/sh\nexec %s %s "$$@"\n' '$(VALGRIND) --fair-sched=try --errors-for-leak-kinds=all' \
		'$(abspath $(B))/sealway' >$(B)/sealway.valgrind
	$(Q)chmod +x $(B)/sealway.valgrind
	$(Q)SEALWAY_UNDER=valgrind SEALWAY_BIN=$(abspath $(B))/sealway.valgrind TEST_TIMEOUT=600 JOBS=$(JOBS) \
		tests/support/run_tests.sh $(B) $(VALGRIND_INTEG)

m32:
	$(Q)tests/support/m32.sh build

fuzz:
	$(DEPS) ci
	$(Q)$(SUBMAKE) VARIANT=fuzz run-fuzz

run-fuzz: $(FUZZERS)
	$(Q)JOBS=$(JOBS) tests/support/run_fuzz.sh $(B) $(FUZZERS)

soak:
	$(DEPS) test
	$(Q)$(SUBMAKE) $(B)/sealway
	$(Q)SEALWAY_BIN=$(abspath $(B)/sealway) tests/integration/soak/run.sh

check:
	$(DEPS) ci
	$(Q)$(SUBMAKE) $(B)/sealway
	$(Q)B=$(B) tests/support/run_checks.sh

demo:
	$(DEPS) demo
	$(Q)$(SUBMAKE) $(B)/sealway
	$(Q)deploy/demo/demo.sh

# QUICK=1: every pair, what takes long with one server a client.  BROWSERS=no: all but the browsers.
stacks:
	$(DEPS) stacks $(if $(filter no,$(BROWSERS)),,browsers)
	$(Q)$(SUBMAKE) $(B)/sealway
	$(Q)SEALWAY_BIN=$(abspath $(B)/sealway) tests/stacks/run.py \
		$(if $(QUICK),--quick) $(if $(filter no,$(BROWSERS)),,--browsers)

# Kubernetes itself is built from its Go modules and kept outside the tree: see tests/e2e/kube; KUBE
# says which version.
e2e:
	$(DEPS) e2e
	$(Q)$(SUBMAKE) $(B)/sealway
	$(Q)SEALWAY_BIN=$(abspath $(B)/sealway) tests/e2e/run.sh

# The node is made of the same program, of Debian's containerd, and of namespaces: see tests/cluster.
e2e-cluster:
	$(DEPS) cluster
	$(Q)tests/cluster/run.sh

# The chart, and what is made from it: its README, table of options and golden files, and
# deploy/kubernetes.yaml.
.PHONY: chart-test chart-update
chart-test chart-update:
	$(DEPS) chart
	$(Q)$(SUBMAKE) $(B)/sealway
	$(Q)UPDATE=$(if $(filter %-update,$@),1) SEALWAY_BIN=$(abspath $(B)/sealway) tests/chart/run.sh

# Every command, output, link and name in the documents: see tests/docs.
docs-test:
	$(DEPS) demo e2e
	$(Q)$(SUBMAKE) $(B)/sealway
	$(Q)SEALWAY_BIN=$(abspath $(B)/sealway) tests/docs/run.sh

# The image, and what is inside it: deploy/image/build.sh says what BASE, BUILDER and ARCHIVE do.
.PHONY: image image-test sbom
IMAGE      ?= sealway
TAG        ?= $(VERSION)
SBOM       ?= $(B)/sealway.cdx.json
IMAGE_MAKE  = VERSION='$(VERSION)' COMMIT='$(COMMIT)' IMAGE='$(IMAGE)' TAG='$(TAG)' BASE='$(BASE)' \
              BUILDER='$(BUILDER)' BUILD_FLAGS='$(BUILD_FLAGS)' deploy/image/build.sh

image:
	$(Q)ARCHIVE='$(ARCHIVE)' $(IMAGE_MAKE)

sbom: ARCHIVE := $(or $(ARCHIVE),$(B)/sealway-image.tar)
sbom: image
	$(Q)mkdir -p '$(dir $(SBOM))'
	$(Q)deploy/image/sbom.py '$(ARCHIVE)' >'$(SBOM)'
	@echo 'wrote $(SBOM)'

image-test:
	$(DEPS) image
	$(Q)tests/image/run.sh

full:
	$(Q)tests/support/run_full.sh

# QUICK=1: under three minutes; BENCH='--also before=/tmp/sealway': another build beside this one.
bench:
	$(DEPS) bench
	$(Q)$(SUBMAKE) $(B)/sealway $(B)/bench/bench_load $(B)/bench/bench_backend
	$(Q)tests/bench/run.py --build $(B) $(BENCH)

# That the benchmark works, and that its checks find what is wrong; no figures.
.PHONY: bench-test
bench-test:
	$(DEPS) bench
	$(Q)$(SUBMAKE) $(B)/sealway $(B)/bench/bench_load $(B)/bench/bench_backend
	$(Q)tests/bench/smoke.py $(B)

install: $(B)/sealway
	install -D -m 0755 $< $(DESTDIR)$(PREFIX)/bin/sealway

$(B)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(if $(filter tests/%,$<),-Itests) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Rewritten only when it differs, so that a new commit compiles one file.
$(B)/commit: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION) $(COMMIT)' | cmp -s - $@ || echo '$(VERSION) $(COMMIT)' >$@

# Sanitized tests take longer to optimise than optimised ones save.
ifneq ($(filter asan tsan,$(VARIANT)),)
$(B)/obj/tests/unit/%.o $(B)/obj/tests/integration/%.o: ALL_CFLAGS += -O0
endif

$(B)/obj/cmd/sealway/version.o: $(B)/commit
$(B)/obj/cmd/sealway/version.o: CPPFLAGS += -DSEALWAY_VERSION='"$(VERSION)"' -DSEALWAY_COMMIT='"$(COMMIT)"' \
	-DSEALWAY_BUILD='"$(or $(VARIANT),release)"'

# $(call link,flags before,flags behind): the recipe of every program.  What an object defines is not
# looked for in an archive.
define link
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LINK) $(1) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS) $(2)
endef

define module_rule
$(call lib,$(1)): $(call objs,$(call srcs,$(1)))
	@mkdir -p $$(@D)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach m,$(MODULES),$(eval $(call module_rule,$(m))))

$(B)/sealway: $(call objs,$(CMD_SRC)) $(call libs,app)
	$(call link)

$(B)/lib/libsupport.a: $(SUPPORT)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^

.SECONDEXPANSION:
$(UNIT): $(B)/tests/%: $(B)/obj/tests/unit/%.o $(B)/lib/libsupport.a $$(call libs,$$(call module_of,$$*))
	$(call link,$(WRAP),-lcmocka)

$(INTEG): $(B)/tests/%: $(B)/obj/tests/integration/%.o $(B)/lib/libsupport.a $(call libs,app)
	$(call link,,-lcmocka)

$(FUZZERS): $(B)/fuzz/%: $(B)/obj/tests/fuzz/%.o $(B)/lib/libsupport.a $(call libs,app)
	$(call link,-fsanitize=fuzzer)

# Benchmarks in C that need the program's own objects.
$(B)/bench/kube_scale: $(B)/obj/tests/bench/kube_scale.o $(B)/lib/libsupport.a $(call libs,app)
	$(call link,,-lcmocka)

$(B)/bench/table_scale: $(B)/obj/tests/bench/table_scale.o $(call libs,route)
	$(call link)

# The load and the backends of `make bench`.
BENCH_WIRE := $(call objs,tests/bench/wire.c tests/support/hello_builder.c) $(call libs,tls)
$(B)/bench/bench_load: $(call objs,tests/bench/bench_load.c $(wildcard tests/bench/load/*.c)) $(BENCH_WIRE)
	$(call link)

$(B)/bench/bench_backend: $(call objs,tests/bench/bench_backend.c) $(BENCH_WIRE)
	$(call link)

# The same fuzz target without a fuzzer, over the files of its corpus: any compiler, seconds.
$(REPLAYS): $(B)/replay/%: $(B)/obj/tests/fuzz/%.o $(B)/obj/tests/fuzz/replay.o \
		$(B)/lib/libsupport.a $(call libs,app)
	$(call link)

tools: $(UNIT) $(INTEG) $(REPLAYS) $(B)/sealway

# What another compiler says of the tests, without the time to compile them.
syntax:
	$(Q)printf '%s\n' $(wildcard tests/*/*.c tests/bench/load/*.c) | \
		xargs -n 16 -P $(JOBS) $(CC) $(CPPFLAGS) -Itests $(ALL_CFLAGS) -fsyntax-only

clean:
	$(Q)rm -rf build

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
