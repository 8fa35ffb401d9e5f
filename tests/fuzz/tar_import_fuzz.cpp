// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Any bytes may come as an archive: the import refuses them or makes file systems that can be finished.
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "core/images/tar_import.hpp"

namespace {

using namespace banger;

constexpr std::uint64_t largest_disk = 64ULL << 20;

// The two files have no name: many may run at once and none leaves anything behind.
sdk::Result<images::Ext4Writer> nameless_writer()
{
    auto directory = (std::filesystem::temp_directory_path() / "banger-fuzz-XXXXXX").string();
    if (::mkdtemp(directory.data()) == nullptr)
        std::abort();
    images::Ext4Options options;
    options.journal_bytes = 0;
    options.grow_to_bytes = options.max_bytes = largest_disk;
    options.sync = false;
    auto writer = images::Ext4Writer::create(directory + "/disk", options);
    std::filesystem::remove_all(directory);
    return writer;
}

void import(const std::uint8_t* data, std::size_t size)
{
    const sdk::os::UniqueFd fd(::memfd_create("archive", MFD_CLOEXEC));
    if (!fd || ::pwrite(fd.get(), data, size, 0) != static_cast<ssize_t>(size))
        std::abort();
    auto root = nameless_writer();
    auto work = nameless_writer();
    if (!root || !work)
        std::abort();
    images::ImportPlan plan{*root};
    plan.work = &*work;
    plan.filter = images::pristine_root();
    const auto outcome = images::import_tar(fd.get(), plan);
    if (!outcome && outcome.error().message.empty())
        std::abort();
    if (!outcome)
        return;
    for (auto* writer : {&*root, &*work})
        if (auto finished = writer->finish(); !finished && finished.error().code == sdk::Code::internal)
            std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    import(data, size);
    return 0;
}

#include "corpus_main.hpp"
