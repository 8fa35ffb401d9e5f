// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Any bytes may come as a bundle: they are refused with a reason and leave nothing, or both file systems come out of them.
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "blobs/digest.hpp"
#include "bundle.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace banger;
    constexpr std::uint64_t most_bytes = 16U << 20;
    const sdk::os::UniqueFd file(::memfd_create("bundle", MFD_CLOEXEC));
    if (!file || ::pwrite(file.get(), data, size, 0) != static_cast<ssize_t>(size))
        std::abort();
    const sdk::testing::TemporaryDirectory directory;
    sdk::testing::FakeCall call;
    const auto path = "/proc/self/fd/" + std::to_string(file.get());
    const auto digest = blobs::digest_of({reinterpret_cast<const char*>(data), size});
    const auto unpacked = catalog::unpack_bundle({path, digest, most_bytes}, directory.path(), call);
    const auto left = sdk::os::list_directory(directory.path()).value_or({});
    if (unpacked ? left != std::vector<std::string>{"rootfs.ext4", "work.ext4"} : !left.empty())
        std::abort();
    if (!unpacked && unpacked.error().message.empty())
        std::abort();
    return 0;
}

#include "corpus_main.hpp"
