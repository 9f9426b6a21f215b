# SPDX-License-Identifier: BSD-2-Clause
# kernel.elf: the room objects as the simulator links them, the machine's two rooms and the entry code. Builds with
# instrumentation need a host to report to: they have no kernel image.
if(CAPOS_KIND STREQUAL "ship" OR CAPOS_KIND STREQUAL "debug")
  set(KERNEL_ROOMS boot evidence device core provider format bearssl facts arch pc)
  list(TRANSFORM KERNEL_ROOMS PREPEND ${CAPOS_ROOMS_DIR}/)
  list(TRANSFORM KERNEL_ROOMS APPEND .o)
  set(KERNEL_SCRIPT ${CMAKE_SOURCE_DIR}/kernel/arch/x86_64/kernel.ld)
  set(KERNEL_IMAGE ${CMAKE_BINARY_DIR}/kernel.elf)
  add_custom_command(OUTPUT ${KERNEL_IMAGE}
    COMMAND ${CMAKE_LINKER} -static -nostdlib --fatal-warnings --no-undefined --orphan-handling=error --build-id=none
            -z noexecstack -z max-page-size=4096 -T ${KERNEL_SCRIPT} -Map ${CMAKE_BINARY_DIR}/kernel.map
            -o ${KERNEL_IMAGE} ${CAPOS_ENTRY_OBJECTS} ${KERNEL_ROOMS}
    DEPENDS ${CAPOS_ENTRY_OBJECTS} ${KERNEL_ROOMS} ${KERNEL_SCRIPT}
    COMMAND_EXPAND_LISTS VERBATIM COMMENT "Kernel image")
  add_custom_target(kernel ALL DEPENDS ${KERNEL_IMAGE})
endif()
