// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Any bytes may come as a Debian package: no path of it leads outside, whatever it says.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "deb_package.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace banger;
    const sdk::os::UniqueFd package(::memfd_create("package", MFD_CLOEXEC));
    if (!package || ::pwrite(package.get(), data, size, 0) != static_cast<ssize_t>(size))
        std::abort();
    const sdk::testing::FakeCall call;
    const auto destination = [](const std::string& path) {
        if (path.empty() || path.front() == '/' || ("/" + path + "/").find("/../") != std::string::npos)
            std::abort();
        return std::string();
    };
    const auto unpacked = debian::unpack_deb("/proc/self/fd/" + std::to_string(package.get()), destination, call);
    if (!unpacked && unpacked.error().message.empty())
        std::abort();
    return 0;
}

#include "corpus_main.hpp"
