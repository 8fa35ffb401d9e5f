// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tests/e2e/installation.hpp"

namespace banger::e2e {

/// Brings a program of this host, with its libraries, to /opt/NAME/NAME of a machine whose image has the same libc; it is run
/// with LD_LIBRARY_PATH=/opt/NAME. Done already is success.
void bring_program(const Installation& host, const std::string& vm, const std::string& program, const std::string& name);

}  // namespace banger::e2e
