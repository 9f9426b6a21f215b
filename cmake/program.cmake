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
    if(TARGET thirdparty_${room}) # for its headers
      target_link_libraries(${parts} PRIVATE thirdparty_${room})
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

# capos_own_package(NAME PROGRAM ...): the boot package NAME.pkg of the folder's manifest.json, target NAME_pkg. Its own
# programs are in the folder `programs` of the build; shipped ones are copied beside them.
function(capos_own_package name)
  cmake_parse_arguments(PACKAGE "" "MANIFEST" "" ${ARGN})
  if(NOT PACKAGE_MANIFEST)
    set(PACKAGE_MANIFEST ${CMAKE_CURRENT_SOURCE_DIR}/manifest.json)
  endif()
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/programs)
  set(package ${CMAKE_CURRENT_BINARY_DIR}/${name}.pkg)
  set(maker ${CMAKE_SOURCE_DIR}/user/make_package.py)
  set(markers ${CMAKE_SOURCE_DIR}/evidence/markers.json)
  set(tables ${CMAKE_BINARY_DIR}/user/tables.bin)
  set(manifest ${PACKAGE_MANIFEST})
  set(files)
  set(copies)
  set(targets)
  foreach(program ${PACKAGE_UNPARSED_ARGUMENTS})
    get_target_property(file program_${program} PROGRAM_FILE)
    list(APPEND files ${file})
    list(APPEND targets program_${program})
    get_filename_component(at ${file} DIRECTORY)
    if(NOT at STREQUAL folder)
      list(APPEND copies COMMAND ${CMAKE_COMMAND} -E copy ${file} ${folder})
    endif()
  endforeach()
  add_custom_command(OUTPUT ${package}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
    ${copies}
    COMMAND /usr/bin/python3 -B ${maker} --manifest ${manifest} --markers ${markers} --tables ${tables} --programs ${folder}
            --out ${package}.new
    COMMAND capos-package-check ${package}.new
    COMMAND ${CMAKE_COMMAND} -E rename ${package}.new ${package}
    DEPENDS ${maker} ${manifest} ${markers} ${tables} ${files} capos-package-check
    VERBATIM COMMENT "Package ${name}")
  add_custom_target(${name}_pkg ALL DEPENDS ${package})
  add_dependencies(${name}_pkg tables ${targets})
endfunction()
