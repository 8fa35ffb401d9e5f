// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/app.hpp"
#include "cli/terminal.hpp"

int main(int argc, char** argv)
{
    banger::cli::fill_standard_descriptors();
    banger::cli::leave(banger::cli::run_app({argv + 1, argv + argc}));
}
