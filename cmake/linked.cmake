# SPDX-License-Identifier: BSD-2-Clause
# Programs linked into a host executable, so that the sanitizers see into them (sim/program_source.h). In the sanitize build
# alone: elsewhere capos_linked() links a source without any, and every program runs as its file.
if(CAPOS_KIND STREQUAL "sanitize" AND NOT CAPOS_OBSERVED)
  set(CAPOS_LINKED ON)
else()
  set(CAPOS_LINKED OFF)
endif()
set(CAPOS_LINKED_FOLDER ${CMAKE_SOURCE_DIR}/sim/linked)

# Of capos_program(): the program's sources and its rooms' instrumented objects, third-party ones too, in one object,
# FOLDER/NAME.linked.o. All that is writable lies in section linked_data_NAME, and linked_begin_NAME is the only name that is
# left. Built where one links it.
function(capos_linked_object name)
  cmake_parse_arguments(PROGRAM "" "FOLDER" "SOURCES;ROOMS;INCLUDES" ${ARGN})
  set(parts program_${name}_linked_parts)
  add_library(${parts} OBJECT EXCLUDE_FROM_ALL ${PROGRAM_SOURCES} ${CAPOS_LINKED_FOLDER}/begin.c)
  target_compile_options(${parts} PRIVATE ${CAPOS_WARNINGS} ${CAPOS_ROOM_FLAGS} ${CAPOS_KIND_FLAGS} ${CAPOS_PREFIX_MAP})
  target_include_directories(${parts} PRIVATE
    ${CMAKE_SOURCE_DIR} ${CAPOS_RINGMEM_DIR} ${CMAKE_BINARY_DIR}/generated ${PROGRAM_INCLUDES})
  set_target_properties(${parts} PROPERTIES C_EXTENSIONS OFF)
  set(rooms)
  set(targets)
  foreach(room ${PROGRAM_ROOMS})
    if(TARGET thirdparty_${room}) # for its headers
      target_link_libraries(${parts} PRIVATE thirdparty_${room})
      list(APPEND rooms ${CAPOS_ROOMS_DIR}/${room}.linked.o)
      list(APPEND targets thirdparty_${room}_linked_object)
    else()
      list(APPEND rooms ${CAPOS_ROOMS_DIR}/${room}.o)
      list(APPEND targets room_${room}_object)
    endif()
  endforeach()
  set(script ${PROGRAM_FOLDER}/${name}.linked.ld)
  file(CONFIGURE OUTPUT ${script} @ONLY CONTENT "SECTIONS {
  .data.rel.ro 0 : { *(.data.rel.ro .data.rel.ro.*) }
  linked_data_@name@ 0 : { *(.data .data.*) *(.bss .bss.* COMMON) }
}
")
  set(object ${PROGRAM_FOLDER}/${name}.linked.o)
  add_custom_command(OUTPUT ${object}
    COMMAND ${CMAKE_LINKER} -r -T ${script} -o ${object}.whole $<TARGET_OBJECTS:${parts}> ${rooms}
    COMMAND ${CMAKE_OBJCOPY} --redefine-sym linked_begin=linked_begin_${name} --keep-global-symbol=linked_begin_${name}
            ${object}.whole ${object}
    DEPENDS ${parts} $<TARGET_OBJECTS:${parts}> ${rooms} ${script}
    COMMAND_EXPAND_LISTS VERBATIM COMMENT "Linked program ${name}")
  add_custom_target(program_${name}_linked DEPENDS ${object})
  add_dependencies(program_${name}_linked ${targets})
  set_property(TARGET program_${name} PROPERTY LINKED_OBJECT ${object})
endfunction()

# capos_linked(TARGET [PROGRAMS ...] [FILES ...]): the source of programs of an executable that opens the simulator's processor.
# PROGRAMS are linked in, FILES run as their files; any other program ends a run of the executable. Without PROGRAMS: no source.
function(capos_linked target)
  cmake_parse_arguments(LINKED "" "" "PROGRAMS;FILES" ${ARGN})
  if(NOT CAPOS_LINKED OR NOT LINKED_PROGRAMS)
    target_sources(${target} PRIVATE ${CAPOS_LINKED_FOLDER}/none.c)
    return()
  endif()
  set(table ${CMAKE_CURRENT_BINARY_DIR}/${target}_linked.c)
  set(arguments)
  set(files)
  set(objects)
  foreach(kind IN ITEMS linked file)
    set(programs ${LINKED_FILES})
    if(kind STREQUAL linked)
      set(programs ${LINKED_PROGRAMS})
    endif()
    foreach(program ${programs})
      get_target_property(file program_${program} PROGRAM_FILE)
      list(APPEND arguments ${kind} ${program} ${file})
      list(APPEND files ${file})
      if(kind STREQUAL linked)
        get_target_property(object program_${program} LINKED_OBJECT)
        list(APPEND objects ${object})
        add_dependencies(${target} program_${program} program_${program}_linked)
      endif()
    endforeach()
  endforeach()
  add_custom_command(OUTPUT ${table}
    COMMAND capos-linked-table ${arguments} >${table}.new
    COMMAND ${CMAKE_COMMAND} -E rename ${table}.new ${table}
    DEPENDS capos-linked-table ${files} COMMENT "Linked programs of ${target}")
  target_sources(${target} PRIVATE ${CAPOS_LINKED_FOLDER}/linked.c ${table})
  target_link_libraries(${target} PRIVATE ${objects})
endfunction()
