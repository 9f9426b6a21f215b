# SPDX-License-Identifier: BSD-2-Clause
# Third-party sources: fetched, pinned by SHA-256 (sources.lock), unpacked in the build directory, never copied into the tree.
#   thirdparty_bearssl   SHA-256 and HMAC of BearSSL, one relocatable object rooms/bearssl.o with the flags of shipped code.
#   thirdparty_drbg      HMAC_DRBG of BearSSL, over the above. A room of its own: the kernel does not draw from it.
#   thirdparty_lwip      lwIP with the options of stack/lwip, where it is made.
#   thirdparty_argon2    Argon2, the reference code, where it is made: user/authd.
#   thirdparty_sha1      SHA-1 of BearSSL, over the first; thirdparty_picohttpparser (out of h2o), thirdparty_jsmn: all three
#                        where they are made, user/webd/protocol.
# A room that includes its headers: target_link_libraries(room_NAME_parts PRIVATE thirdparty_bearssl); what links the room
# links thirdparty_bearssl once. A program names it among its ROOMS.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/cmake/sources.lock ${CMAKE_SOURCE_DIR}/cmake/fetch_source.sh)

# capos_source(<name> <out-var> [pattern]): sets <out-var> to the folder of the unpacked source; of a large one, only of the files
# that fit the pattern.
function(capos_source name out)
  execute_process(COMMAND ${CMAKE_SOURCE_DIR}/cmake/fetch_source.sh ${name}
    OUTPUT_VARIABLE archive ERROR_VARIABLE error RESULT_VARIABLE status
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_STRIP_TRAILING_WHITESPACE)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${error}")
  endif()
  file(SHA256 ${archive} sha)
  set(folder ${CMAKE_BINARY_DIR}/thirdparty/${name}-${sha})
  if(NOT EXISTS ${folder})
    # Unpacked aside, then renamed: a configure that is interrupted leaves no half of a source behind.
    string(RANDOM LENGTH 8 suffix)
    set(aside ${CMAKE_BINARY_DIR}/thirdparty/.unpack-${suffix})
    file(ARCHIVE_EXTRACT INPUT ${archive} DESTINATION ${aside} PATTERNS ${ARGN})
    file(GLOB tops ${aside}/*)
    list(LENGTH tops count)
    if(NOT count EQUAL 1)
      message(FATAL_ERROR "${archive} holds ${count} top folders, one is expected")
    endif()
    file(RENAME ${tops} ${folder})
    file(REMOVE_RECURSE ${aside})
  endif()
  set(${out} ${folder} PARENT_SCOPE)
endfunction()

# capos_thirdparty_room(<name> INCLUDES ... [PRIVATE ...] [DEFINES ...] [LINKED ...] SOURCES ...): as capos_room, with their
# warnings off. INCLUDES are for who uses the room as well, PRIVATE for its own sources alone, LINKED definitions for the object
# that programs linked into a host executable have.
function(capos_thirdparty_room name)
  cmake_parse_arguments(TP "" "" "SOURCES;INCLUDES;PRIVATE;DEFINES;LINKED" ${ARGN})
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/rooms)
  # Their code is not instrumented: sanitizers and counters are for ours. Programs that are linked into a host executable link an
  # object of it that is, rooms/NAME.linked.o (linked.cmake): what they give it is seen there. It is built where one links it.
  set(kind_flags -O2 -g)
  set(linked_flags ${CAPOS_KIND_FLAGS})
  foreach(kind kind linked)
    set(parts thirdparty_${name}_parts)
    set(target thirdparty_${name}_object)
    set(object ${CMAKE_BINARY_DIR}/rooms/${name})
    if(kind STREQUAL linked)
      set(parts thirdparty_${name}_linked_parts)
      set(target thirdparty_${name}_linked_object)
      string(APPEND object .linked)
    endif()
    add_library(${parts} OBJECT EXCLUDE_FROM_ALL ${TP_SOURCES})
    target_compile_options(${parts} PRIVATE -w ${CAPOS_ROOM_FLAGS} ${${kind}_flags} ${CAPOS_PREFIX_MAP})
    target_compile_definitions(${parts} PRIVATE ${TP_DEFINES} "$<$<STREQUAL:${kind},linked>:${TP_LINKED}>")
    target_include_directories(${parts} PRIVATE ${TP_INCLUDES} ${TP_PRIVATE})
    set_target_properties(${parts} PROPERTIES C_EXTENSIONS OFF EXPORT_COMPILE_COMMANDS OFF)
    add_custom_command(OUTPUT ${object}.o
      COMMAND ${CMAKE_LINKER} -r -Map ${object}.map -o ${object}.o $<TARGET_OBJECTS:${parts}>
      DEPENDS ${parts} $<TARGET_OBJECTS:${parts}>
      COMMAND_EXPAND_LISTS VERBATIM COMMENT "Third-party room ${name}")
    add_custom_target(${target} DEPENDS ${object}.o)
  endforeach()
  set(object ${CMAKE_BINARY_DIR}/rooms/${name}.o)
  if(NOT TARGET rooms)
    add_custom_target(rooms)
  endif()
  add_dependencies(rooms thirdparty_${name}_object)
  add_library(thirdparty_${name} INTERFACE)
  add_dependencies(thirdparty_${name} thirdparty_${name}_object)
  target_link_libraries(thirdparty_${name} INTERFACE ${object})
  # SYSTEM: warnings inside their headers are theirs.
  target_include_directories(thirdparty_${name} SYSTEM INTERFACE ${TP_INCLUDES})
endfunction()

capos_source(bearssl BEARSSL_DIR)
capos_source(lwip LWIP_DIR)
capos_source(argon2 ARGON2_DIR)
capos_source(h2o H2O_DIR */deps/picohttpparser/*)
capos_source(jsmn JSMN_DIR)
set(BEARSSL_DEFINES BR_USE_URANDOM=0 BR_USE_UNIX_TIME=0 BR_RDRAND=0 BR_AES_X86NI=0 BR_SSE2=0 BR_USE_GETENTROPY=0)
# sha2small needs the 32-bit range encoder and decoder; hmac needs the hash's class table, which sha2small holds.
capos_thirdparty_room(bearssl
  INCLUDES ${BEARSSL_DIR}/inc PRIVATE ${BEARSSL_DIR}/src DEFINES ${BEARSSL_DEFINES}
  SOURCES ${BEARSSL_DIR}/src/hash/sha2small.c ${BEARSSL_DIR}/src/mac/hmac.c
          ${BEARSSL_DIR}/src/codec/dec32be.c ${BEARSSL_DIR}/src/codec/enc32be.c)
capos_thirdparty_room(drbg
  INCLUDES ${BEARSSL_DIR}/inc PRIVATE ${BEARSSL_DIR}/src DEFINES ${BEARSSL_DEFINES}
  SOURCES ${BEARSSL_DIR}/src/rand/hmac_drbg.c)
