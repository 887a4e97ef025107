# SPDX-License-Identifier: MIT
# Outside libraries, all from Debian. Linked static, so that a program needs nothing but the libc family
# on the machine it is copied to (the agent's ldd is a test).
find_package(Threads REQUIRED)
find_package(GTest REQUIRED)
find_package(Protobuf REQUIRED)
find_program(OCTO_PROTOC protoc REQUIRED)

function(octo_static NAME)
  add_library(octo_lib_${NAME} INTERFACE)
  foreach(archive IN LISTS ARGN)
    find_library(OCTO_ARCHIVE_${archive} lib${archive}.a REQUIRED)
    target_link_libraries(octo_lib_${NAME} INTERFACE ${OCTO_ARCHIVE_${archive}})
  endforeach()
endfunction()

octo_static(ssl ssl crypto)
target_link_libraries(octo_lib_ssl INTERFACE Threads::Threads ${CMAKE_DL_LIBS})
octo_static(sodium sodium)
octo_static(sqlite sqlite3)
target_link_libraries(octo_lib_sqlite INTERFACE Threads::Threads ${CMAKE_DL_LIBS} m)
octo_static(yaml yaml-cpp)
octo_static(protobuf protobuf-lite)
target_link_libraries(octo_lib_protobuf INTERFACE Threads::Threads)
octo_static(git git2 mbedcrypto z)
target_link_libraries(octo_lib_git INTERFACE Threads::Threads ${CMAKE_DL_LIBS})
octo_static(zstd zstd)
add_library(octo_lib_asio INTERFACE) # header only; Boost 1.81
target_link_libraries(octo_lib_asio INTERFACE Threads::Threads)
