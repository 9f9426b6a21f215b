# SPDX-License-Identifier: BSD-2-Clause
# Compiler flags: warnings for all our code, one flag set per kind of build.
option(CAPOS_TESTS "build the tests" ON)
option(CAPOS_OBSERVED "the rooms' accesses to memory shared with a device are told to the world that links them" OFF)
set(CAPOS_KIND ship CACHE STRING "ship, debug, sanitize, coverage or fuzz")
set_property(CACHE CAPOS_KIND PROPERTY STRINGS ship debug sanitize coverage fuzz)

set(CAPOS_WARNINGS -Wall -Wextra -Werror -Wconversion -Wsign-conversion -Wshadow -Wundef
    -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings
    -Wvla -Wformat=2 -Wimplicit-fallthrough)

if(CAPOS_KIND STREQUAL "ship")
  set(CAPOS_KIND_FLAGS -O2 -g)
elseif(CAPOS_KIND STREQUAL "debug")
  set(CAPOS_KIND_FLAGS -Og -g3)
elseif(CAPOS_KIND STREQUAL "sanitize")
  set(CAPOS_KIND_FLAGS -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
elseif(CAPOS_KIND STREQUAL "coverage")
  set(CAPOS_KIND_FLAGS -O0 -g --coverage)
  add_link_options(--coverage)
elseif(CAPOS_KIND STREQUAL "fuzz") # Clang's: the fuzzer sees which branches an input takes
  set(CAPOS_KIND_FLAGS -O2 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
else()
  message(FATAL_ERROR "CAPOS_KIND is ${CAPOS_KIND}: use ship, debug, sanitize, coverage or fuzz")
endif()

# User programs, and the rooms linked into them, have no runtime to report to: under the sanitizers undefined behaviour is a
# trap, which ends the program by a fault, and addresses are checked by pages alone.
if(CAPOS_KIND STREQUAL "ship" OR CAPOS_KIND STREQUAL "debug")
  set(CAPOS_PROGRAM_KIND_FLAGS ${CAPOS_KIND_FLAGS})
elseif(CAPOS_KIND STREQUAL "sanitize")
  set(CAPOS_PROGRAM_KIND_FLAGS -O1 -g -fsanitize=undefined -fsanitize-undefined-trap-on-error)
else()
  set(CAPOS_PROGRAM_KIND_FLAGS -O2 -g)
endif()

# The fuzzer follows the branches of the code under test, not those of the world around it.
string(REPLACE "fuzzer-no-link," "" CAPOS_HOST_KIND_FLAGS "${CAPOS_KIND_FLAGS}")

# No path of the machine that builds reaches an object: two clean builds anywhere are equal.
set(CAPOS_PREFIX_MAP -ffile-prefix-map=${CMAKE_SOURCE_DIR}=. -ffile-prefix-map=${CMAKE_BINARY_DIR}=build)

# The flags of everything that boots (design: one source, one object, two worlds).
set(CAPOS_ROOM_FLAGS -std=c17 -ffreestanding -fPIE -fvisibility=hidden -mno-red-zone -mgeneral-regs-only
    -fno-stack-protector -fcf-protection=none -fno-omit-frame-pointer -fno-asynchronous-unwind-tables
    -fno-common -ffunction-sections)
# A linker that merges constants would leave no room whole in the files linked from it. (Clang cannot be told; what boots is GCC's.)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  list(APPEND CAPOS_ROOM_FLAGS -fno-merge-constants)
endif()
# For every link of rooms: the bytes outside relocation fields stay as they are.
set(CAPOS_LINK_FLAGS --no-relax)
# The folder is the switch: one ringmem.h does the access, the other tells of it.
if(CAPOS_OBSERVED)
  set(CAPOS_RINGMEM_DIR ${CMAKE_SOURCE_DIR}/platform/explore)
else()
  set(CAPOS_RINGMEM_DIR ${CMAKE_SOURCE_DIR}/platform/ship)
endif()
set(CAPOS_PROGRAM_RINGMEM_DIR ${CMAKE_SOURCE_DIR}/platform/ship) # programs just do it, in every build
# Host code: simulator, device models, tests.
set(CAPOS_HOST_FLAGS -std=gnu17 -D_GNU_SOURCE -fno-omit-frame-pointer)
