// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <string>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "firecracker_snapshot.hpp"
#include "firecracker_vmm.hpp"

namespace banger::firecracker {

/// Both providers over a Firecracker that is fake, and misbehaves where it is told to.
class FakeFirecrackerTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        spec.owner = host.new_owner();
        spec.kernel = file("vmlinux");
        spec.memory_mib = 32;
        spec.disks = {{"root", file("root.raw"), "raw", false, 4096}};
    }
    void TearDown() override
    {
        if (!vmm)
            return;
        for (const auto& handle : vmm->list().value_or({}))
            EXPECT_TRUE(vmm->release(handle));
    }
    std::string file(const std::string& name, const std::string& content = "x") const
    {
        const std::string path = spec.owner.directory + "/" + name;
        EXPECT_TRUE(sdk::os::write_file_atomic(path, content));
        return path;
    }
    /// `config` has more members of the plugin's section.
    void use(const std::string& behaviour, const std::string& version = "1.16.1", const std::string& config = "")
    {
        const std::string program = host.directory() + "/firecracker-" + sdk::testing::FakeHost::random_hex(8);
        ASSERT_TRUE(sdk::os::write_file_atomic(program,
                                               "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'Firecracker v" +
                                                   version + "'; exit; fi\nexec '" BANGER_FAKE_FIRECRACKER "' '" + version + "' " +
                                                   behaviour + " \"$@\"\n",
                                               0700));
        const std::string text = R"({"firecracker_bin":")" + program + "\"" + config + "}";
        auto made = make_vmm(host, text);
        auto made_snapshot = make_snapshot(host, text);
        ASSERT_TRUE(made && made_snapshot) << (made ? made_snapshot.error() : made.error()).message;
        vmm = std::move(*made);
        snapshot = std::move(*made_snapshot);
    }
    void start()
    {
        const auto attached = vmm->attach(spec, call);
        ASSERT_TRUE(attached) << attached.error().message;
        machine = attached->handle;
        save.directory = new_directory();
    }
    [[nodiscard]] std::string new_directory() const
    {
        const std::string path = host.directory() + "/save-" + sdk::testing::FakeHost::random_hex(8);
        EXPECT_TRUE(sdk::os::make_private_directory(path));
        return path;
    }
    void write_save()
    {
        const auto begun = snapshot->begin_save(machine, save, call);
        ASSERT_TRUE(begun) << begun.error().message;
        const auto finished = snapshot->finish_save(machine, save, call);
        ASSERT_TRUE(finished) << finished.error().message;
    }
    void go_on_and_seal()
    {
        ASSERT_TRUE(snapshot->resume(machine));
        ASSERT_TRUE(snapshot->seal_save(save, call));
    }
    [[nodiscard]] sdk::Disk top(const std::string& name) const { return {"root", file(name), "raw", false, 4096}; }
    [[nodiscard]] std::string requests() const { return requests_of(spec.owner); }
    static std::string requests_of(const sdk::Owner& owner)
    {
        return sdk::os::read_file(owner.directory + "/requests").value_or("");
    }
    /// What the one that was started in this directory was told by its arguments.
    static std::string arguments_in(const std::string& directory)
    {
        return sdk::os::read_file(directory + "/arguments").value_or("");
    }
    template <typename T>
    static void expect_error(const sdk::Result<T>& done, sdk::Code code, const std::string& words)
    {
        ASSERT_FALSE(done);
        EXPECT_EQ(to_string(done.error().code), to_string(code)) << done.error().message;
        EXPECT_THAT(done.error().message, ::testing::HasSubstr(words));
    }

    sdk::testing::FakeHost host;
    sdk::testing::FakeCall call;
    std::unique_ptr<sdk::Vmm> vmm;
    std::unique_ptr<sdk::VmmSnapshot> snapshot;
    sdk::BootSpec spec;
    sdk::Handle machine;  ///< that was started
    sdk::SaveSpec save;
};

}  // namespace banger::firecracker
