// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>

#include "banger/sdk/os/file.hpp"
#include "tests/lab/proofs/dm_stack.hpp"
#include "tests/proofs/layered_disks.hpp"

namespace banger::proofs {
namespace {

namespace os = sdk::os;

void expect(const sdk::Result<void>& result)
{
    EXPECT_TRUE(result) << result.error().message;
}

/// The VMM has one device open per disk, and that device's table changes under it.
class DmDisks final : public LayeredDisks {
public:
    ~DmDisks() override
    {
        for (auto* stacks : {&forked_, &stacks_})
            for (auto& stack : *stacks)
                expect(stack.stop());
    }

    void create(const Seed& seed, sdk::testing::FakeHost& /*host*/, const sdk::Owner& owner) override
    {
        owner_ = owner;
        const std::array bases{seed.image.root.path, seed.image.work.path};
        stacks_ = start(owner, {bases.begin(), bases.end()});
        tops_ = disks_of(stacks_);
    }

    std::vector<Side> freeze(ProofGuest& /*guest*/, const std::vector<std::size_t>& which) override
    {
        flush_tops(which);
        for (const std::size_t i : which) {
            expect(stacks_[i].make_cow());
            expect(stacks_[i].load_layer());
            expect(stacks_[i].load_top());
        }
        // The order is the kernel's, too: a layer cannot take a cow from a top that still writes to it.
        EXPECT_FALSE(stacks_[which.front()].hand_over()) << "the kernel let a layer have what the top still writes to";
        const auto start = Clock::now();
        std::string how;
        for (const auto& [step, name] : {std::pair{&DmStack::suspend, "suspend"},
                                         {&DmStack::hand_over, "hand over"},
                                         {&DmStack::resume, "resume"}}) {
            const auto began = Clock::now();
            for (const std::size_t i : which)
                expect((stacks_[i].*step)());
            how += std::string(how.empty() ? "" : ", ") + name + " " +
                   std::to_string(static_cast<int>(milliseconds_since(began)));
        }
        tell(milliseconds_since(start), how + " ms");
        for (const std::size_t i : which)
            stacks_[i].wait_for_udev();
        return newest_layers(which);
    }

    void prepare() override
    {
        for (auto& stack : stacks_)
            expect(stack.make_cow());
    }

    // As after a boot of the host: nothing is left but files.
    void recover() override
    {
        for (auto& stack : stacks_)
            expect(stack.stop());
        for (std::size_t i = 0; i < stacks_.size(); ++i)
            expect(stacks_[i].start(bases_[i]));
    }

    std::vector<sdk::Disk> fork(const std::vector<Side>& layers, const sdk::Owner& owner) override
    {
        forked_ = start(owner, {layers[0].path, layers[1].path});
        return disks_of(forked_);
    }

    std::string scratch(const Side& side, const std::string& path) override
    {
        auto made = stacks_.front().scratch(side.path, path);
        EXPECT_TRUE(made) << made.error().message;
        return made.value_or({});
    }

    void remove_scratch(const std::string& /*path*/) override { expect(stacks_.front().remove_scratch()); }

    /// A freeze that is killed behind its n-th step, and what another process makes of it. The guest waits meanwhile.
    std::vector<Side> freeze_killed(std::size_t steps)
    {
        std::vector<std::string> argv{BANGER_DM_SWAP, std::to_string(steps)};
        for (const auto& role : roles)
            argv.insert(argv.end(), {id_of(owner_, role), owner_.directory, std::to_string(disk_bytes)});
        run_here(argv, {128 + SIGKILL});
        const auto start = Clock::now();
        std::vector<DmStack> another;
        for (const auto& role : roles)
            another.emplace_back(id_of(owner_, role), owner_.directory, disk_bytes);
        expect(DmStack::roll_forward(another));
        tell(milliseconds_since(start), "rolled forward");
        return newest_layers({0, 1});
    }

private:
    static std::string id_of(const sdk::Owner& owner, const std::string& role)
    {
        return "banger-" + owner.instance + "-" + owner.vm + "-" + role;
    }

    std::vector<DmStack> start(const sdk::Owner& owner, const std::vector<std::string>& bases)
    {
        std::vector<DmStack> stacks;
        if (bases_.empty())
            bases_ = bases;
        for (std::size_t i = 0; i < roles.size(); ++i) {
            stacks.emplace_back(id_of(owner, roles[i]), owner.directory, disk_bytes);
            expect(stacks.back().start(bases[i]));
        }
        return stacks;
    }

    static std::vector<sdk::Disk> disks_of(const std::vector<DmStack>& stacks)
    {
        std::vector<sdk::Disk> disks;
        for (std::size_t i = 0; i < roles.size(); ++i)
            disks.push_back({roles[i], stacks[i].top_path(), "raw", false, disk_bytes});
        return disks;
    }

    std::vector<Side> newest_layers(const std::vector<std::size_t>& which) const
    {
        std::vector<Side> layers;
        for (const std::size_t i : which) {
            const unsigned k = stacks_[i].newest() - 1;
            layers.push_back({stacks_[i].layer_path(k), "raw", stacks_[i].cow_path(k)});
        }
        return layers;
    }

    std::vector<std::string> bases_;
    std::vector<DmStack> stacks_;
    std::vector<DmStack> forked_;
};

}  // namespace

std::unique_ptr<LayeredDisks> make_dm_disks()
{
    return std::make_unique<DmDisks>();
}

std::vector<Side> freeze_killed(LayeredDisks& disks, std::size_t steps)
{
    return dynamic_cast<DmDisks&>(disks).freeze_killed(steps);
}

}  // namespace banger::proofs
