// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// The SDK's fakes as a plugin that banger does not know, with machines of which nobody hears how they are; those of "telling"
// are the same, and say so. Disks of "stubborn" are released when a test likes it.
#include <fcntl.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "banger/sdk/plugin.hpp"
#include "banger/sdk/testing/fake_storage.hpp"
#include "banger/sdk/testing/fake_storage_fork.hpp"
#include "banger/sdk/testing/fake_vmm.hpp"
#include "banger/sdk/testing/fake_vmm_snapshot.hpp"

namespace {

using namespace banger::sdk;
using Made = Result<std::unique_ptr<Provider>>;

std::shared_ptr<testing::FakeVmmWorld> machines()
{
    static const auto world = std::make_shared<testing::FakeVmmWorld>();
    return world;
}

class SilentVmm final : public testing::FakeVmm {
public:
    using FakeVmm::FakeVmm;
    Result<Inspection> inspect(const Handle& handle) override
    {
        auto inspection = FakeVmm::inspect(handle);
        if (inspection)
            for (const char* fact : {"paused", "saving"})
                inspection->facts.erase(fact);
        return inspection;
    }
};

/// Its resume waits a moment for more to be asked at the same time than a daemon should. How many that were at most is a
/// fact of its probe.
class SociableSnapshot final : public testing::FakeVmmSnapshot {
public:
    using FakeVmmSnapshot::FakeVmmSnapshot;
    Result<Probe> probe(Call& call) override
    {
        auto probe = FakeVmmSnapshot::probe(call);
        const std::lock_guard lock(mutex_);
        if (probe)
            probe->facts["most_at_once"] = std::to_string(most_);
        return probe;
    }
    Result<void> resume(const Handle& machine) override
    {
        {
            std::unique_lock lock(mutex_);
            most_ = std::max(most_, ++asked_);
            changed_.notify_all();
            changed_.wait_for(lock, std::chrono::milliseconds(300), [this] { return asked_ >= too_many_; });
            --asked_;
        }
        return FakeVmmSnapshot::resume(machine);
    }

private:
    static constexpr unsigned too_many_ = 16;
    std::mutex mutex_;
    std::condition_variable changed_;
    unsigned asked_ = 0;
    unsigned most_ = 0;
};

/// Whoever waits for a machine to go on makes a file `resumed` in its directory, and finds something in it.
class TellingSnapshot final : public testing::FakeVmmSnapshot {
public:
    using FakeVmmSnapshot::FakeVmmSnapshot;
    Result<void> resume(const Handle& machine) override
    {
        auto resumed = FakeVmmSnapshot::resume(machine);
        if (const auto file = os::open_file(machine.owner.directory + "/resumed", O_WRONLY); resumed && file)
            return os::write_all(file->get(), "it goes on");
        return resumed;
    }
};

/// Its release waits for whoever opens a FIFO `hold-release` in the VM's directory to write, and fails once for each byte of
/// a file `refuse-release` there.
class StubbornStorage final : public testing::FakeStorage {
public:
    using FakeStorage::FakeStorage;
    Result<void> release(const Handle& handle) override
    {
        (void)os::read_file(handle.owner.directory + "/hold-release");
        const std::string refusals = handle.owner.directory + "/refuse-release";
        if (auto left = os::read_file(refusals); left && !left->empty()) {
            left->pop_back();
            if (auto noted = os::write_file_atomic(refusals, *left); !noted)
                return noted;
            return make_error(Code::busy, "somebody has disk '" + handle.key + "' open");
        }
        return FakeStorage::release(handle);
    }
};

Made make_vmm(Host& host, const char*)
{
    return std::unique_ptr<Provider>(std::make_unique<SilentVmm>(host, machines()));
}

Made make_snapshot(Host& host, const char*)
{
    return std::unique_ptr<Provider>(std::make_unique<SociableSnapshot>(host, machines()));
}

Made make_telling_vmm(Host& host, const char*)
{
    return std::unique_ptr<Provider>(std::make_unique<testing::FakeVmm>(host, machines()));
}

Made make_telling_snapshot(Host& host, const char*)
{
    return std::unique_ptr<Provider>(std::make_unique<TellingSnapshot>(host, machines()));
}

Made make_storage(Host& host, const char*)
{
    static const auto world = std::make_shared<testing::FakeStorageWorld>();
    return std::unique_ptr<Provider>(std::make_unique<testing::FakeStorage>(host, world));
}

Made make_stubborn_storage(Host& host, const char*)
{
    static const auto world = std::make_shared<testing::FakeStorageWorld>();
    return std::unique_ptr<Provider>(std::make_unique<StubbornStorage>(host, world));
}

Made make_fork(Host& host, const char*)
{
    return std::unique_ptr<Provider>(std::make_unique<testing::FakeStorageFork>(host));
}

constexpr Capability capabilities[] = {{"vmm/0", "fake", make_vmm},
                                       {"vmm.snapshot/0", "fake", make_snapshot},
                                       {"vmm/0", "telling", make_telling_vmm},
                                       {"vmm.snapshot/0", "telling", make_telling_snapshot},
                                       {"storage/0", "fake", make_storage},
                                       {"storage/0", "stubborn", make_stubborn_storage},
                                       {"storage.fork/0", "fake", make_fork}};

}  // namespace

BANGER_PLUGIN(capabilities)
