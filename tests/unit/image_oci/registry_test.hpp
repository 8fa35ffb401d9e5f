// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "fake_registry.hpp"
#include "layer_downloads.hpp"
#include "registry.hpp"

namespace banger::oci {

inline const std::string layer_bytes = [] {
    std::string bytes;
    for (int i = 0; i < 50'000; ++i)
        bytes += std::to_string(i) + "\n";
    return bytes;
}();

inline blobs::Patience short_patience()
{
    blobs::Patience patience;
    patience.stall = std::chrono::seconds(1);
    patience.first_wait = std::chrono::milliseconds(5);
    patience.longest_wait = std::chrono::seconds(5);
    return patience;
}

inline void wait_until(const std::atomic<int>& count, int wanted)
{
    for (int seen = count; seen < wanted; seen = count)
        count.wait(seen);
}

inline bool is_blob(const testing::Request& request, const std::string& bytes)
{
    return request.path.ends_with("/blobs/" + blobs::digest_of(bytes));
}

/// A cache of the test's own, and nobody's passwords.
class RegistryTest : public ::testing::Test {
protected:
    Registry open(const testing::FakeRegistry& registry)
    {
        return {*parse_reference(registry.reference()), {directory.path(), false, short_patience()}};
    }
    /// All of the image: its layers' bytes, from the cache.
    sdk::Result<std::vector<std::string>> pull(const testing::FakeRegistry& server)
    {
        auto registry = open(server);
        auto image = registry.fetch("linux/amd64", call);
        if (!image)
            return std::move(image).error();
        LayerDownloads downloads(registry, image->manifest.layers, call);
        std::vector<std::string> layers;
        for (std::size_t i = 0; i < image->manifest.layers.size(); ++i) {
            auto path = downloads.wait(i);
            if (!path)
                return std::move(path).error();
            layers.push_back(sdk::os::read_file(*path).value_or("unreadable"));
        }
        return layers;
    }
    sdk::Error failure_of(const testing::FakeRegistry& server)
    {
        auto pulled = pull(server);
        EXPECT_FALSE(pulled);
        return pulled ? sdk::Error{} : pulled.error();
    }
    std::vector<std::string> cached_layers()
    {
        std::vector<std::string> found;
        for (const auto& name : sdk::os::list_directory(directory.path()).value_or({}))
            if (sdk::os::read_file(directory.path() + "/" + name).value_or("").front() != '{')
                found.push_back(name);
        return found;
    }
    /// For what asks for passwords.
    void log_in(const std::string& host)
    {
        const auto file = directory.path() + "/auth.json";
        ASSERT_TRUE(sdk::os::write_file_atomic(
            file, R"({"auths": {")" + host + R"(": {"auth": "dGVzdGVyOnNlY3JldA=="}}})"));  // tester:secret
        ::setenv("REGISTRY_AUTH_FILE", file.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): before any other thread
    }
    void SetUp() override
    {
        ::setenv("HOME", directory.path().c_str(), 1);  // NOLINT(concurrency-mt-unsafe): before any other thread
        ::unsetenv("REGISTRY_AUTH_FILE");               // NOLINT(concurrency-mt-unsafe)
    }

    sdk::testing::TemporaryDirectory directory;
    sdk::testing::FakeCall call;
};

}  // namespace banger::oci
