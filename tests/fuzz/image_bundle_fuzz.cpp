// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Any bytes may come as a bundle, of an image or of a kernel: they are refused with a reason and leave nothing, or both file
// systems come out of them, or a kernel and what belongs to it.
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

namespace {

// What was unpacked is there, and nothing of what was not.
template <typename T>
void check(const banger::sdk::Result<T>& unpacked, const std::string& directory, const std::vector<std::string>& wanted)
{
    const auto left = banger::sdk::os::list_directory(directory).value_or({});
    if (unpacked ? left != wanted : !left.empty() || unpacked.error().message.empty())
        std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace banger;
    constexpr std::uint64_t most_bytes = 16U << 20;
    const sdk::os::UniqueFd file(::memfd_create("bundle", MFD_CLOEXEC));
    if (!file || ::pwrite(file.get(), data, size, 0) != static_cast<ssize_t>(size))
        std::abort();
    sdk::testing::FakeCall call;
    const auto path = "/proc/self/fd/" + std::to_string(file.get());
    const catalog::BundleFile bundle{path, blobs::digest_of({reinterpret_cast<const char*>(data), size}), most_bytes};
    const sdk::testing::TemporaryDirectory image;
    check(catalog::unpack_bundle(bundle, image.path(), call), image.path(), {"rootfs.ext4", "work.ext4"});
    const sdk::testing::TemporaryDirectory directory;
    const auto kernel = catalog::unpack_kernel_bundle(bundle, directory.path(), call);
    check(kernel, directory.path(),
          kernel && kernel->modules.empty() ? std::vector<std::string>{"config", "vmlinux"}
                                            : std::vector<std::string>{"config", "modules", "modules.ext4", "vmlinux"});
    return 0;
}

#include "corpus_main.hpp"
