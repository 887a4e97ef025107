# SPDX-License-Identifier: MIT
# One compiler, one set of flags, for every target.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR "Octopoda is built with clang 19 (see docs/adr/0001): run ./dev build, which chooses it.")
endif()

set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

option(OCTO_SANITIZE "Build with AddressSanitizer and UndefinedBehaviorSanitizer" OFF)

add_library(octo_flags INTERFACE)
target_include_directories(octo_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(octo_flags INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wunused -Woverloaded-virtual -Wno-missing-field-initializers
  -Werror -fno-omit-frame-pointer -Xclang -fno-pch-timestamp -ffunction-sections -fdata-sections)
target_compile_definitions(octo_flags INTERFACE
  OCTO_VERSION="${PROJECT_VERSION}"
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_ARRAY BOOST_ASIO_DISABLE_BOOST_REGEX)
target_link_options(octo_flags INTERFACE -fuse-ld=lld -Wl,--gc-sections)
if(OCTO_SANITIZE)
  # Coverage for the fuzzers everywhere: a precompiled header and its users must agree on it.
  target_compile_options(octo_flags INTERFACE -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all -O1 -g1)
  target_link_options(octo_flags INTERFACE -fsanitize=address,undefined)
else()
  target_compile_options(octo_flags INTERFACE $<$<CONFIG:Release>:-fstack-protector-strong>)
  target_link_options(octo_flags INTERFACE -static-libstdc++ -static-libgcc -Wl,--icf=safe -Wl,-z,relro,-z,now,-z,pack-relative-relocs)
endif()
