// SPDX-License-Identifier: MIT
// OCTO_EXPECTS(condition): what must hold unless we have a bug. Stays on in release; never used for input.
#pragma once

namespace octo {
[[noreturn]] void expectation_failed(const char* condition, const char* file, int line) noexcept;
}

#define OCTO_EXPECTS(condition) \
  ((condition) ? static_cast<void>(0) : ::octo::expectation_failed(#condition, __FILE__, __LINE__))
