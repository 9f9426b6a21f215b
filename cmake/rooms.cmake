# SPDX-License-Identifier: BSD-2-Clause
# capos_room(NAME SOURCES ... [INCLUDES ...]): compiles a room's sources with the flags of shipped code and joins them into
# one object, build/<preset>/rooms/<name>.o, the link's map beside it. Kernel image, user programs and simulator link that file
# and no other copy. In builds whose instrumentation needs a runtime, and in observed ones, there is a second object without,
# rooms/<name>.plain.o, for user programs; it is built only where one links it.
# capos_host(TARGET): warnings and host flags for a target that runs on the build machine.
set(CAPOS_ROOMS_DIR ${CMAKE_BINARY_DIR}/rooms)
file(MAKE_DIRECTORY ${CAPOS_ROOMS_DIR})
if(NOT TARGET rooms)
  add_custom_target(rooms) # every room object
endif()

function(capos_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;INCLUDES" ${ARGN})
  add_library(room_${name}_parts OBJECT ${ROOM_SOURCES})
  target_compile_options(room_${name}_parts PRIVATE
    ${CAPOS_WARNINGS} ${CAPOS_ROOM_FLAGS} ${CAPOS_KIND_FLAGS} ${CAPOS_PREFIX_MAP})
  target_include_directories(room_${name}_parts PRIVATE
    ${CMAKE_SOURCE_DIR} ${CAPOS_RINGMEM_DIR} ${CMAKE_BINARY_DIR}/generated ${ROOM_INCLUDES})
  set_target_properties(room_${name}_parts PROPERTIES C_EXTENSIONS OFF)
  set(object ${CAPOS_ROOMS_DIR}/${name}.o)
  add_custom_command(OUTPUT ${object}
    COMMAND ${CMAKE_LINKER} -r -Map ${CAPOS_ROOMS_DIR}/${name}.map -o ${object} $<TARGET_OBJECTS:room_${name}_parts>
    DEPENDS room_${name}_parts $<TARGET_OBJECTS:room_${name}_parts>
    COMMAND_EXPAND_LISTS VERBATIM
    COMMENT "Room ${name}")
  add_custom_target(room_${name}_object DEPENDS ${object})
  add_dependencies(rooms room_${name}_object)
  add_library(room_${name} INTERFACE)
  add_dependencies(room_${name} room_${name}_object)
  target_link_libraries(room_${name} INTERFACE ${object})
  target_include_directories(room_${name} INTERFACE
    ${CMAKE_SOURCE_DIR} ${CAPOS_RINGMEM_DIR} ${CMAKE_BINARY_DIR}/generated)
  set_property(GLOBAL APPEND PROPERTY CAPOS_ROOM_OBJECTS ${object})
  if(CAPOS_OBSERVED OR NOT CAPOS_PROGRAM_KIND_FLAGS STREQUAL CAPOS_KIND_FLAGS)
    capos_plain_room(${name} ${ROOM_SOURCES})
  endif()
endfunction()

function(capos_plain_room name) # and the sources
  add_library(room_${name}_plain_parts OBJECT EXCLUDE_FROM_ALL ${ARGN})
  target_compile_options(room_${name}_plain_parts PRIVATE
    ${CAPOS_WARNINGS} ${CAPOS_ROOM_FLAGS} ${CAPOS_PROGRAM_KIND_FLAGS} ${CAPOS_PREFIX_MAP})
  target_include_directories(room_${name}_plain_parts PRIVATE ${CAPOS_PROGRAM_RINGMEM_DIR}
    $<TARGET_PROPERTY:room_${name}_parts,INCLUDE_DIRECTORIES>)
  set_target_properties(room_${name}_plain_parts PROPERTIES C_EXTENSIONS OFF)
  set(object ${CAPOS_ROOMS_DIR}/${name}.plain.o)
  add_custom_command(OUTPUT ${object}
    COMMAND ${CMAKE_LINKER} -r -o ${object} $<TARGET_OBJECTS:room_${name}_plain_parts>
    DEPENDS room_${name}_plain_parts $<TARGET_OBJECTS:room_${name}_plain_parts>
    COMMAND_EXPAND_LISTS VERBATIM
    COMMENT "Room ${name} without instrumentation")
  add_custom_target(room_${name}_plain_object DEPENDS ${object})
endfunction()

function(capos_host target)
  target_compile_options(${target} PRIVATE
    ${CAPOS_WARNINGS} ${CAPOS_HOST_FLAGS} ${CAPOS_HOST_KIND_FLAGS} ${CAPOS_PREFIX_MAP})
endfunction()
