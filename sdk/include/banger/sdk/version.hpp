// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

/// The plugin interface's version. While the major is 0 both numbers must match exactly. Until the first release the interface
/// changes under the number that it has.
#define BANGER_SDK_API_MAJOR 0
#define BANGER_SDK_API_MINOR 1
#define BANGER_SDK_TEXT_OF(number) #number
#define BANGER_SDK_TEXT(number) BANGER_SDK_TEXT_OF(number)
/// The same as text, as a sidecar has it: "0.1".
#define BANGER_SDK_API BANGER_SDK_TEXT(BANGER_SDK_API_MAJOR) "." BANGER_SDK_TEXT(BANGER_SDK_API_MINOR)

/// What must be equal in host and plugin for C++ values to cross: the standard library, its string layout, and modes
/// that change layouts. __GXX_ABI_VERSION is no use here: g++ 12 says 1017 and clang 14 says 1002 for the same layout.
#if defined(__GLIBCXX__) || __has_include(<bits/c++config.h>)
#include <cstddef>
#define BANGER_SDK_ABI_LIBRARY "libstdc++;cxx11="
#if _GLIBCXX_USE_CXX11_ABI
#define BANGER_SDK_ABI_STRING "1"
#else
#define BANGER_SDK_ABI_STRING "0"
#endif
#else
#define BANGER_SDK_ABI_LIBRARY "unknown"
#define BANGER_SDK_ABI_STRING ""
#endif

#ifdef _GLIBCXX_DEBUG
#define BANGER_SDK_ABI_DEBUG ";debug"
#else
#define BANGER_SDK_ABI_DEBUG ""
#endif

#ifdef __SANITIZE_ADDRESS__
#define BANGER_SDK_ABI_ASAN ";asan"
#else
#define BANGER_SDK_ABI_ASAN ""
#endif

#define BANGER_SDK_CXX_ABI BANGER_SDK_ABI_LIBRARY BANGER_SDK_ABI_STRING BANGER_SDK_ABI_DEBUG BANGER_SDK_ABI_ASAN
