// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Any bytes may come as a layer: it is refused with a reason that names it, or what comes out of it fills whole blocks.
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "banger/sdk/testing/fake_host.hpp"
#include "blobs/digest.hpp"
#include "layer_stream.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace banger;
    sdk::os::UniqueFd file(::memfd_create("layer", MFD_CLOEXEC));
    const sdk::os::UniqueFd output(::memfd_create("stream", MFD_CLOEXEC));
    if (!file || !output || ::pwrite(file.get(), data, size, 0) != static_cast<ssize_t>(size))
        std::abort();
    const auto digest = blobs::digest_of({reinterpret_cast<const char*>(data), size});
    const oci::LayerBlob blob{"the layer", digest, {}, size, std::move(file)};
    sdk::testing::FakeCall call;
    const auto streamed = oci::stream_layer(blob, output.get(), call);
    if (!streamed && streamed.error().message.find("the layer") == std::string::npos)
        std::abort();
    struct stat status {};
    if (::fstat(output.get(), &status) != 0 || (streamed && status.st_size % 512 != 0))
        std::abort();
    return 0;
}

#include "corpus_main.hpp"
