# SPDX-License-Identifier: GPL-2.0-only
#
# What the Makefiles of the collections share: where the kernel's kselftest*.h are (scripts/room/setup puts
# them there), and where what is built goes if nobody says so.

TOP := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/..)
CACHE := $(or $(XTCP_CACHE),$(TOP)/build/cache)
KSELFTEST_DIR ?= $(CACHE)/src/linux-tools/tools/testing/selftests
OUTPUT ?= $(TOP)/build/selftests/$(notdir $(CURDIR))
INSTALL_PATH ?= $(TOP)/build/selftests/install/$(notdir $(CURDIR))
