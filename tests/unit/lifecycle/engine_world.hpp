// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "banger/sdk/testing/fake_host.hpp"
#include "core/lifecycle/engine.hpp"

namespace banger::lifecycle {

/// An engine in a directory of its own, with test plugins (tests/plugins) as its only ones.
class EngineWorld : public ::testing::Test {
protected:
    explicit EngineWorld(const std::vector<std::string>& plugins)
    {
        EXPECT_TRUE(paths_.make());
        plugins::Registry::Settings settings;
        for (const auto& name : plugins)
            settings.directories.push_back(std::string(BANGER_TEST_PLUGINS) + "/" + name);
        settings.instance = "0123abcd";
        settings.cache_directory = paths_.plugin_cache();
        settings.vms_directory = paths_.vms();
        registry_ = std::move(*plugins::Registry::open(std::move(settings)));
        store_ = std::make_unique<store::VmStore>(paths_.database(), paths_.vms());
        operations_ = std::make_unique<ProviderOperations>(*registry_, *store_, config_.backends, paths_.vms());
    }

    ~EngineWorld() override
    {
        for (const auto& machine : machines_)
            EXPECT_TRUE(provider<sdk::Vmm>(machine.provider)->release(machine));
    }

    /// As a new daemon makes it.
    std::unique_ptr<Engine> fresh()
    {
        return std::unique_ptr<Engine>(new Engine{paths_, config_, host_, images::Catalogue::built_in(), "0123abcd", {},
                                                  *registry_, *store_, images_, kernels_, *operations_, agents_,
                                                  {}, {}, {}, {}, usage_, [](const auto&, const auto&) {}, {}, addresses_,
                                                  {}, {}});
    }
    /// A VM as its last daemon left it: its row and its directory.
    model::VmRecord add(const std::string& id, const std::string& vmm, const std::string& storage)
    {
        model::VmRecord vm;
        vm.id = id;
        vm.name = "vm-" + id;
        vm.desired = model::Desired::running;
        vm.vmm = vmm;
        vm.storage = storage;
        EXPECT_TRUE(store_->reserve(vm));
        EXPECT_TRUE(sdk::os::make_private_directory(owner_of(id).directory));
        EXPECT_TRUE(store_->update(vm));
        return vm;
    }
    /// Has a fake machine run as that VM's, as its journal says. It outlives its provider, and ends with this world.
    sdk::Handle run_machine(Engine& engine, const model::VmRecord& vm)
    {
        sdk::BootSpec boot;
        boot.owner = owner_of(vm.id);
        boot.memory_mib = 1;
        auto machine = provider<sdk::Vmm>(vm.vmm)->attach(boot, call_);
        EXPECT_TRUE(machine) << machine.error().message;
        if (!machine)
            return {};
        machine->handle.provider = vm.vmm;
        machines_.push_back(machine->handle);
        EXPECT_TRUE(engine.journal_of(vm.id)->note_bound(machine->handle));
        return machine->handle;
    }
    [[nodiscard]] sdk::Owner owner_of(const std::string& id) const { return {"0123abcd", id, paths_.vms() + "/" + id}; }
    template <typename Interface>
    std::shared_ptr<Interface> provider(const std::string& name)
    {
        auto got = registry_->get<Interface>(name);
        EXPECT_TRUE(got) << got.error().message;
        return got ? *got : nullptr;
    }

    sdk::testing::TemporaryDirectory directory_;
    sdk::testing::FakeCall call_;
    sdk::ImageSource* image_source_ = nullptr;  // of every image, if a test sets it
    std::unique_ptr<plugins::Registry> registry_;
    std::unique_ptr<store::VmStore> store_;
    std::unique_ptr<ProviderOperations> operations_;
    boost::asio::io_context loop_;

private:
    std::vector<sdk::Handle> machines_;
    const config::Paths paths_{directory_.path() + "/config.toml", directory_.path() + "/state",
                               directory_.path() + "/cache", directory_.path() + "/run"};
    const config::HostFacts host_{2, 4096};

protected:
    config::Config config_ = config::defaults(host_);  ///< as the engine has it

private:
    images::ImageStore images_{
        paths_.images(), images::Catalogue::built_in(), [this](const std::string& name) -> sdk::Result<sdk::ImageSource*> {
            if (image_source_ == nullptr)
                return sdk::make_error(sdk::Code::not_found, "there is no image source '" + name + "' here");
            return image_source_;
        }};
    images::KernelStore kernels_{paths_.kernels(), images::Catalogue::built_in(), {}};
    Agents agents_{loop_};
    Usage usage_{paths_.vms()};
    forward::LoopbackAddresses addresses_{*base::LoopbackRange::parse(config_.ports.addresses.value), "0123abcd"};
};

}  // namespace banger::lifecycle
