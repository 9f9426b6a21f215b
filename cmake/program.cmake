# SPDX-License-Identifier: BSD-2-Clause
# capos_program(NAME SOURCES ... [ROOMS ...] [INCLUDES ...] [FOLDER folder]): a user program. Its sources are joined into one
# object, FOLDER/NAME.o, as a room's are, and linked with room rt and the room objects named to FOLDER/NAME.elf, map beside it.
# FOLDER is build/<preset>/programs if not given. `programs` builds all of them. The program has program_main (user/rt/rt.h).
# Where the host's instrumentation needs a runtime, programs link the rooms' plain objects (flags.cmake says with what).
set(CAPOS_PROGRAMS_DIR ${CMAKE_BINARY_DIR}/programs)
if(NOT TARGET programs)
  add_custom_target(programs)
endif()

set(CAPOS_PROGRAM_LINK_FLAGS ${CAPOS_LINK_FLAGS} -static -pie --no-dynamic-linker -nostdlib --no-undefined --fatal-warnings
    --build-id=none -z max-page-size=4096 -z separate-code -z noexecstack -z norelro -z text -e rt_entry)

function(capos_program name)
  cmake_parse_arguments(PROGRAM "" "FOLDER" "SOURCES;ROOMS;INCLUDES" ${ARGN})
  if(NOT PROGRAM_FOLDER)
    set(PROGRAM_FOLDER ${CAPOS_PROGRAMS_DIR})
  endif()
  file(MAKE_DIRECTORY ${PROGRAM_FOLDER})
  set(parts program_${name}_parts)
  add_library(${parts} OBJECT ${PROGRAM_SOURCES})
  target_compile_options(${parts} PRIVATE
    ${CAPOS_WARNINGS} ${CAPOS_ROOM_FLAGS} ${CAPOS_PROGRAM_KIND_FLAGS} ${CAPOS_PREFIX_MAP})
  target_include_directories(${parts} PRIVATE
    ${CMAKE_SOURCE_DIR} ${CAPOS_PROGRAM_RINGMEM_DIR} ${CMAKE_BINARY_DIR}/generated ${PROGRAM_INCLUDES})
  set_target_properties(${parts} PROPERTIES C_EXTENSIONS OFF)
  set(rooms)
  set(targets)
  foreach(room rt ${PROGRAM_ROOMS})
    if(TARGET room_${room}_plain_object)
      list(APPEND rooms ${CAPOS_ROOMS_DIR}/${room}.plain.o)
      list(APPEND targets room_${room}_plain_object)
    else() # a room without instrumentation in any build
      list(APPEND rooms ${CAPOS_ROOMS_DIR}/${room}.o)
    endif()
  endforeach()
  set(object ${PROGRAM_FOLDER}/${name}.o)
  set(file ${PROGRAM_FOLDER}/${name}.elf)
  set(map ${PROGRAM_FOLDER}/${name}.map)
  add_custom_command(OUTPUT ${object}
    COMMAND ${CMAKE_LINKER} -r -o ${object} $<TARGET_OBJECTS:${parts}>
    DEPENDS ${parts} $<TARGET_OBJECTS:${parts}>
    COMMAND_EXPAND_LISTS VERBATIM COMMENT "Object of program ${name}")
  # A file that the loader refuses is not left behind.
  add_custom_command(OUTPUT ${file} BYPRODUCTS ${map}
    COMMAND ${CMAKE_LINKER} ${CAPOS_PROGRAM_LINK_FLAGS} -Map ${map} -o ${file}.unchecked ${object} ${rooms}
    COMMAND $<TARGET_FILE:capos-program-check> ${file}.unchecked
    COMMAND ${CMAKE_COMMAND} -E rename ${file}.unchecked ${file}
    DEPENDS ${object} ${rooms} capos-program-check
    COMMAND_EXPAND_LISTS VERBATIM COMMENT "Program ${name}")
  add_custom_target(program_${name} ALL DEPENDS ${file})
  add_dependencies(program_${name} rooms ${targets})
  set_property(TARGET program_${name} PROPERTY PROGRAM_FILE ${file})
  if("provider" IN_LIST PROGRAM_ROOMS) # its package says which
    list(FILTER rooms INCLUDE REGEX "/provider\\.")
    set_property(TARGET program_${name} PROPERTY PROGRAM_PROVIDER ${name}=${rooms})
  endif()
  if(CAPOS_LINKED)
    capos_linked_object(${name} FOLDER ${PROGRAM_FOLDER} SOURCES ${PROGRAM_SOURCES} ROOMS rt ${PROGRAM_ROOMS}
      INCLUDES ${PROGRAM_INCLUDES})
  endif()
  add_dependencies(programs program_${name})
endfunction()
