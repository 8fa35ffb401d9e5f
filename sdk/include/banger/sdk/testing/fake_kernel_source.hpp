// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <string>

#include "banger/sdk/kernel_source.hpp"
#include "banger/sdk/os/file.hpp"

namespace banger::sdk::testing {

/// kernel/0 with a kernel that boots nowhere: an ELF header, and one module. It counts its fetches.
class FakeKernelSource : public KernelSource {
public:
    static constexpr const char* recipe = R"({"fake":"kernel"})";  ///< the only one it understands
    static constexpr const char* version = "0.0.0-fake";

    Result<Probe> probe(Call& /*call*/) override
    {
        Probe probe;
        probe.usable = true;
        probe.reason = "its kernel boots nowhere";
        return probe;
    }

    Result<KernelBundle> fetch(const KernelRequest& request, Call& call) override
    {
        if (request.recipe != recipe)
            return make_error(Code::invalid, "the recipe of kernel '" + request.name + "' is not a fake one");
        ++fetches_;
        const std::string modules = request.directory + "/modules/" + version;
        for (const char* stage : {"pretend to download", "pretend to unpack"}) {
            call.progress({stage, 0, 0, {}});
            if (call.cancelled())
                return make_error(Code::cancelled, "cancelled");
        }
        if (auto made = os::make_directories(modules); !made)
            return std::move(made).error();
        // e_ident, e_type=ET_EXEC, e_machine=EM_X86_64: elf(5)
        std::string elf("\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\76\0\1\0\0\0", 24);
        elf.resize(64, '\0');
        for (const auto& [path, content] : {std::pair{request.directory + "/vmlinux", elf},
                                            {modules + "/fake.ko", std::string("a module")},
                                            {modules + "/modules.dep", std::string("fake.ko:\n")}})
            if (auto written = os::write_file_atomic(path, content, 0644); !written)
                return std::move(written).error();
        return KernelBundle{version, "vmlinux", "modules", "fake", {{"package", "fake"}}};
    }

    [[nodiscard]] int fetches() const { return fetches_; }

private:
    std::atomic<int> fetches_ = 0;
};

}  // namespace banger::sdk::testing
