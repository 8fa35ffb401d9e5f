// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <string>

#include "banger/sdk/jail.hpp"
#include "banger/sdk/os/file.hpp"

namespace banger::firecracker {

/// Starts programs in no jail at all, but in its directory and with its streams, and remembers what was to be in it.
class OpenJails final : public sdk::Jails {
public:
    sdk::Result<void> probe(sdk::Call& /*call*/) override
    {
        return works ? sdk::Result<void>() : sdk::make_error(sdk::Code::unavailable, "nobody jails here", "have somebody");
    }
    sdk::Result<sdk::os::ProcessId> start(const sdk::JailSpec& spec, sdk::Call& /*call*/) override
    {
        asked = spec;
        sdk::os::Command command;
        command.argv = spec.argv;
        command.argv[0] = source_of(spec.argv[0]);
        command.directory = source_of(spec.directory);
        const auto output = sdk::os::open_file(command.directory + "/" + spec.output, O_WRONLY | O_NONBLOCK);
        const auto errors = sdk::os::open_file(command.directory + "/" + spec.errors, O_WRONLY | O_NONBLOCK);
        EXPECT_TRUE(output && errors) << "nobody reads its streams";
        command.out = output->get();
        command.err = errors->get();
        auto started = sdk::os::spawn_detached(command);
        return dies_after_start ? sdk::Result<sdk::os::ProcessId>(sdk::make_error(sdk::Code::unavailable, "the helper went away"))
                                : started;
    }
    [[nodiscard]] std::string source_of(const std::string& inside) const
    {
        for (const auto& file : asked.files)
            if (file.inside == inside)
                return file.source;
        return {};
    }

    sdk::JailSpec asked;
    bool works = true;
    bool dies_after_start = false;
};

/// The same test with such a jail, and no disks, for their links lead to what is in a jail alone.
template <typename Test>
class InAJail : public Test {
protected:
    void SetUp() override
    {
        if (!sdk::os::exists("/dev/kvm"))
            GTEST_SKIP() << "a jail is given /dev/kvm, and there is none";
        Test::SetUp();
        this->host.set_jails(&jails);
        this->spec.disks.clear();
    }

    OpenJails jails;
};

}  // namespace banger::firecracker
