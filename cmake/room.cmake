# SPDX-License-Identifier: MIT
# octo_room(NAME SOURCES … [DEPENDS room …] [LIBRARIES asio ssl …] [PROTOS …] [TESTS …])
#   One folder = one target = one room. DEPENDS may name only rooms declared before, so no cycle can be written.
#   LIBRARIES are outside libraries, linked PRIVATE; TESTS become the program <name>_test.
function(octo_room NAME)
  cmake_parse_arguments(ROOM "" "" "SOURCES;DEPENDS;LIBRARIES;PROTOS;TESTS;TEST_DEPENDS" ${ARGN})
  if(ROOM_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "octo_room(${NAME}): unknown words ${ROOM_UNPARSED_ARGUMENTS}")
  endif()
  foreach(dependency IN LISTS ROOM_DEPENDS) # BOOTSTRAP
    string(REPLACE "/" "_" dependency_target "octo_${dependency}") # BOOTSTRAP
    if(NOT TARGET ${dependency_target}) # BOOTSTRAP
      message(STATUS "room ${NAME} waits for ${dependency}") # BOOTSTRAP
      return() # BOOTSTRAP
    endif() # BOOTSTRAP
  endforeach() # BOOTSTRAP
  foreach(file IN LISTS ROOM_SOURCES) # BOOTSTRAP
    if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${file} AND NOT IS_ABSOLUTE ${file}) # BOOTSTRAP
      message(STATUS "room ${NAME} waits for ${file}") # BOOTSTRAP
      return() # BOOTSTRAP
    endif() # BOOTSTRAP
  endforeach() # BOOTSTRAP
  foreach(file IN LISTS ROOM_TESTS) # BOOTSTRAP
    if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${file}) # BOOTSTRAP
      list(REMOVE_ITEM ROOM_TESTS ${file}) # BOOTSTRAP
    endif() # BOOTSTRAP
  endforeach() # BOOTSTRAP
  string(REPLACE "/" "_" target "octo_${NAME}")
  if(NOT ROOM_SOURCES)
    set(ROOM_SOURCES ${CMAKE_SOURCE_DIR}/cmake/empty.cpp)
  endif()
  add_library(${target} STATIC ${ROOM_SOURCES})
  target_link_libraries(${target} PUBLIC octo_flags)
  set(wants_asio FALSE)
  foreach(dependency IN LISTS ROOM_DEPENDS)
    string(REPLACE "/" "_" dependency_target "octo_${dependency}")
    if(NOT TARGET ${dependency_target})
      message(FATAL_ERROR "room ${NAME} uses ${dependency}, which is not declared above it: an arrow may only point down")
    endif()
    target_link_libraries(${target} PUBLIC ${dependency_target})
    get_target_property(dependency_asio ${dependency_target} OCTO_ASIO)
    if(dependency_asio)
      set(wants_asio TRUE)
    endif()
  endforeach()
  foreach(library IN LISTS ROOM_LIBRARIES)
    target_link_libraries(${target} PRIVATE octo_lib_${library})
    if(library STREQUAL "asio")
      set(wants_asio TRUE)
    endif()
  endforeach()
  set_target_properties(${target} PROPERTIES OCTO_ASIO ${wants_asio})
  if(ROOM_PROTOS)
    octo_protos(${target} ${ROOM_PROTOS})
  endif()
  octo_precompile(${target} ${wants_asio})
  if(ROOM_TESTS)
    add_executable(${target}_test ${ROOM_TESTS})
    target_link_libraries(${target}_test PRIVATE ${target} GTest::gmock GTest::gtest GTest::gtest_main)
    foreach(dependency IN LISTS ROOM_TEST_DEPENDS)
      string(REPLACE "/" "_" dependency_target "octo_${dependency}")
      target_link_libraries(${target}_test PRIVATE ${dependency_target})
    endforeach()
    target_compile_definitions(${target}_test PRIVATE OCTO_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    octo_precompile(${target}_test ${wants_asio})
    set_target_properties(${target}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test)
    add_test(NAME ${NAME} COMMAND ${target}_test --gtest_brief=1)
    set_tests_properties(${NAME} PROPERTIES TIMEOUT 120 LABELS unit)
  endif()
endfunction()

# octo_program(NAME SOURCES … DEPENDS … [LIBRARIES …]): one main per program, in build/bin.
function(octo_program NAME)
  cmake_parse_arguments(PROGRAM "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  foreach(dependency IN LISTS PROGRAM_DEPENDS) # BOOTSTRAP
    string(REPLACE "/" "_" dependency_target "octo_${dependency}") # BOOTSTRAP
    if(NOT TARGET ${dependency_target}) # BOOTSTRAP
      message(STATUS "program ${NAME} waits for ${dependency}") # BOOTSTRAP
      return() # BOOTSTRAP
    endif() # BOOTSTRAP
  endforeach() # BOOTSTRAP
  add_executable(${NAME} ${PROGRAM_SOURCES})
  target_link_libraries(${NAME} PRIVATE octo_flags)
  set(wants_asio FALSE)
  foreach(dependency IN LISTS PROGRAM_DEPENDS)
    string(REPLACE "/" "_" dependency_target "octo_${dependency}")
    target_link_libraries(${NAME} PRIVATE ${dependency_target})
    get_target_property(dependency_asio ${dependency_target} OCTO_ASIO)
    if(dependency_asio)
      set(wants_asio TRUE)
    endif()
  endforeach()
  foreach(library IN LISTS PROGRAM_LIBRARIES)
    target_link_libraries(${NAME} PRIVATE octo_lib_${library})
  endforeach()
  octo_precompile(${NAME} ${wants_asio})
endfunction()

# Two precompiled headers serve all: one with the standard library and fmt, one with Asio's coroutines besides.
function(octo_precompile TARGET ASIO)
  if(ASIO)
    set(which asio)
  else()
    set(which plain)
  endif()
  if(NOT TARGET octo_pch_${which})
    add_library(octo_pch_${which} OBJECT ${CMAKE_SOURCE_DIR}/cmake/empty.cpp)
    target_link_libraries(octo_pch_${which} PRIVATE octo_flags)
    target_precompile_headers(octo_pch_${which} PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch_${which}.hpp)
  endif()
  target_precompile_headers(${TARGET} REUSE_FROM octo_pch_${which})
endfunction()

# Protobuf messages of a room: generated beside the build, visible to whoever uses the room.
function(octo_protos TARGET)
  foreach(proto IN LISTS ARGN)
    get_filename_component(stem ${proto} NAME_WE)
    file(RELATIVE_PATH folder ${CMAKE_SOURCE_DIR}/src ${CMAKE_CURRENT_SOURCE_DIR})
    set(base ${CMAKE_BINARY_DIR}/generated/${folder}/${stem})
    add_custom_command(
      OUTPUT ${base}.pb.cc ${base}.pb.h
      COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/generated
      COMMAND ${OCTO_PROTOC} -I ${CMAKE_SOURCE_DIR}/src --cpp_out=${CMAKE_BINARY_DIR}/generated
              ${CMAKE_CURRENT_SOURCE_DIR}/${proto}
      DEPENDS ${proto} VERBATIM)
    target_sources(${TARGET} PRIVATE ${base}.pb.cc ${base}.pb.h)
    set_source_files_properties(${base}.pb.cc PROPERTIES COMPILE_OPTIONS "-w" SKIP_PRECOMPILE_HEADERS ON)
  endforeach()
  target_include_directories(${TARGET} SYSTEM PUBLIC ${CMAKE_BINARY_DIR}/generated)
  target_link_libraries(${TARGET} PUBLIC octo_lib_protobuf)
endfunction()
