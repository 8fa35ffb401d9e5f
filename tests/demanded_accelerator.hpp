// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::tests {

/// What the tests of vmm-qemu must run on: $BANGER_TEST_ACCELERATOR, "kvm" in the lab, where it works by construction.
/// Without it the provider picks by its own probe, as it does for everybody.
inline std::string demanded_accelerator()
{
    const char* demanded = std::getenv("BANGER_TEST_ACCELERATOR");  // NOLINT(concurrency-mt-unsafe)
    return demanded == nullptr || *demanded == '\0' ? "auto" : demanded;
}

/// A provider of vmm-qemu's with that accelerator: `make` takes its configuration. Never one that fell back to another.
template <typename Interface, typename Make>
std::unique_ptr<Interface> on_demanded_accelerator(sdk::Host& host, const Make& make)
{
    const std::string demanded = demanded_accelerator();
    auto provider = make(R"({"accelerator":")" + demanded + "\"}");
    EXPECT_TRUE(provider) << provider.error().message;
    if (!provider || demanded == "auto")
        return provider ? std::move(*provider) : nullptr;
    // A trial takes a second of a test host that is emulated itself: what one test found is the next one's cache.
    static std::string known;
    const std::string cache = host.cache_directory() + "/qemu.json";
    if (!known.empty()) {
        EXPECT_TRUE(sdk::os::write_file_atomic(cache, known));
    }
    // It has a bound of its own, which a busy host may miss; it is kept once it did not.
    sdk::testing::FakeCall call;
    constexpr int most_tries = 3;
    sdk::Result<sdk::Probe> probe = (*provider)->probe(call);
    for (int tries = 1; tries < most_tries && !(probe && probe->usable); ++tries)
        probe = (*provider)->probe(call);
    EXPECT_TRUE(probe && probe->usable) << "demanded is " << demanded << ", and "
                                        << (probe ? probe->reason : probe.error().message);
    known = sdk::os::read_file(cache).value_or({});
    return std::move(*provider);
}

}  // namespace banger::tests
