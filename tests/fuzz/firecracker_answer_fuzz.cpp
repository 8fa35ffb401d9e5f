// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A Firecracker that its guest has taken over may answer anything: it is a state, a fault, or an error. So are notes of a
// machine that somebody wrote into: they are none, or read as they would be written again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "banger/sdk/machine_shape.hpp"
#include "messages.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto state = banger::firecracker::state_from(text);
    if (!state && state.error().message.empty())
        std::abort();
    (void)banger::firecracker::fault_from(text);
    const auto shape = banger::sdk::shape_from_text(std::string(text));
    if (shape && !banger::sdk::must_fit(*shape, *banger::sdk::shape_from_text(banger::sdk::to_text(*shape))))
        std::abort();
    return 0;
}

#include "corpus_main.hpp"
