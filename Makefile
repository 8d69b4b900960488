# SPDX-License-Identifier: GPL-2.0-only
#
#   make                    xtcp.ko for the running kernel (KDIR=<headers> for another; W=1 C=2;
#                           SEPARATE=1 compiles file by file)
#   make demo               see XTCP at work in a virtual machine
#   make check              everything: three kernels, the debug kernel, all tests
#   make check-quick        one kernel, under five minutes once the machine room stands
#   make check-debug        KASAN, lockdep and kmemleak kernel only
#   make check-style        checkpatch, sparse, layers, lengths
#   make bench              XTCP beside the kernel's TCP: instructions, bytes, goodput
#   make shell KERNEL=6.12  a machine with the module loaded, to play in
#   make fuzz               the option parser under libFuzzer
#   make headers_install install clean

KDIR ?= /lib/modules/$(shell uname -r)/build
KERNEL ?= 6.1
DESTDIR ?=
PREFIX ?= /usr
ROOM := scripts/room

all: modules

modules modules_install:
	$(MAKE) -C $(KDIR) M=$(CURDIR) $(if $(DESTDIR),INSTALL_MOD_PATH=$(abspath $(DESTDIR))) $@

demo:
	scripts/demo/run

check:
	@$(ROOM)/check full

check-quick:
	@$(ROOM)/check quick

check-debug:
	@$(ROOM)/check debug

check-style:
	@$(ROOM)/setup
	@scripts/check-style

bench:
	@$(ROOM)/setup
	@scripts/bench/run

shell:
	@$(ROOM)/setup
	@$(ROOM)/build $(KERNEL)
	@$(ROOM)/shell $(KERNEL)

selftests:
	$(MAKE) -C selftests

fuzz:
	@$(ROOM)/setup
	@$(ROOM)/fuzz

headers_install:
	install -D -m 644 module/uapi/xtcp.h $(DESTDIR)$(PREFIX)/include/linux/xtcp.h

install: modules_install headers_install
	$(if $(DESTDIR),,depmod -a)

clean:
	@[ ! -d $(KDIR) ] || $(MAKE) -C $(KDIR) M=$(CURDIR) clean
	rm -rf build/6.1 build/6.12 build/sid build/debug build/selftests build/logs build/bench

.PHONY: all modules modules_install demo check check-quick check-debug check-style bench shell selftests \
	fuzz headers_install install clean
