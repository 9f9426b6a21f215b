# SPDX-License-Identifier: BSD-2-Clause
# kernel.elf: the room objects as the simulator links them, the machine's two rooms and the entry code. Builds with
# instrumentation need a host to report to: they have no kernel image.

# capos_kernel_image(<target> <file> ROOMS ... [MAIN file]): links room objects behind the entry code. MAIN is compiled as a
# room is, and has the kernel_main of an image without the room boot: a test's, or a measurement's.
function(capos_kernel_image target image)
  cmake_parse_arguments(IMAGE "" "MAIN" "ROOMS" ${ARGN})
  list(TRANSFORM IMAGE_ROOMS REPLACE "(.+)" "${CAPOS_ROOMS_DIR}/\\1.o")
  set(main)
  if(IMAGE_MAIN)
    add_library(${target}_main OBJECT ${IMAGE_MAIN})
    target_compile_options(${target}_main PRIVATE
      ${CAPOS_WARNINGS} ${CAPOS_ROOM_FLAGS} ${CAPOS_KIND_FLAGS} ${CAPOS_PREFIX_MAP})
    target_include_directories(${target}_main PRIVATE
      ${CMAKE_SOURCE_DIR} ${CAPOS_RINGMEM_DIR} ${CMAKE_BINARY_DIR}/generated)
    set_target_properties(${target}_main PROPERTIES C_EXTENSIONS OFF)
    add_dependencies(${target}_main rooms)
    set(main $<TARGET_OBJECTS:${target}_main>)
  endif()
  set(script ${CMAKE_SOURCE_DIR}/kernel/arch/x86_64/kernel.ld)
  string(REGEX REPLACE "\\.elf$" ".map" map ${image})
  add_custom_command(OUTPUT ${image} BYPRODUCTS ${map}
    COMMAND ${CMAKE_LINKER} ${CAPOS_LINK_FLAGS} -static -nostdlib --fatal-warnings --no-undefined
            --orphan-handling=error --build-id=none -z noexecstack -z max-page-size=4096 -T ${script} -Map ${map}
            -o ${image} $<TARGET_OBJECTS:arch_entry> ${main} ${IMAGE_ROOMS}
    DEPENDS $<TARGET_OBJECTS:arch_entry> ${main} ${IMAGE_ROOMS} ${script}
    COMMAND_EXPAND_LISTS VERBATIM COMMENT "Kernel image ${target}")
  add_custom_target(${target} ALL DEPENDS ${image})
  add_dependencies(${target} rooms)
endfunction()

if((CAPOS_KIND STREQUAL "ship" OR CAPOS_KIND STREQUAL "debug") AND NOT CAPOS_OBSERVED)
  capos_kernel_image(kernel ${CMAKE_BINARY_DIR}/kernel.elf
    ROOMS boot evidence calls device core format bearssl arch pc)
endif()
