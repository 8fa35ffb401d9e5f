// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace banger::agent {

/// One line on the guest's console, beginning with "banger: ". For what nobody could be told otherwise.
void say_on_console(const std::string& sentence);

}  // namespace banger::agent
