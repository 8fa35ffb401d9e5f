// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Proof: the writable tops of a running guest's disks become layers, all at one instant, and the guest goes on over
// them.
//
// The guest appends numbered records to one log on each of its disks in turn, and says a record's number only once it
// is on disk. So whatever is frozen must hold every record said before, and of two disks frozen at one instant neither
// can be more than one record ahead of the other.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <sstream>

#include "banger/sdk/os/file.hpp"
#include "reflink.hpp"
#include "tests/proofs/layered_disks.hpp"

namespace banger::proofs {

namespace os = sdk::os;

namespace {

// Where a log is: in the running guest, and in the disk's own file system.
const std::vector<std::string> logs_in_guest{"/var/lib/proof/log", "/root/proof/log"};
const std::vector<std::string> folders_on_disk{"/var/lib/proof", "/proof"};
const char* const guest_program = "/run/record-log";

constexpr std::uint64_t records_between_swaps = 150;
constexpr std::chrono::seconds patience_for_records{120};

std::vector<std::string> record_log(const std::string& program, const std::string& verb,
                                    const std::vector<std::string>& rest)
{
    std::vector<std::string> argv{program, verb};
    argv.insert(argv.end(), rest.begin(), rest.end());
    return argv;
}

/// How many records each log holds, as `record-log verify` prints it.
std::vector<std::uint64_t> counts_in(const std::string& printed)
{
    std::istringstream words(printed);
    std::vector<std::uint64_t> counts;
    for (std::uint64_t count = 0; words >> count;)
        counts.push_back(count);
    return counts;
}

/// FNV-1a over all that a sparse file holds, with its places.
std::uint64_t digest_of(const std::string& path)
{
    auto fd = os::open_file(path, O_RDONLY);
    EXPECT_TRUE(fd) << path;
    if (!fd)
        return 0;
    std::uint64_t digest = 0xcbf29ce484222325U;
    std::vector<std::uint64_t> words(1U << 17U);
    for (off_t at = ::lseek(fd->get(), 0, SEEK_DATA); at >= 0; at = ::lseek(fd->get(), at, SEEK_DATA)) {
        const off_t end = ::lseek(fd->get(), at, SEEK_HOLE);
        for (ssize_t got = 0; at < end; at += got) {
            std::fill(words.begin(), words.end(), 0);
            got = ::pread(fd->get(), words.data(),
                          std::min<std::size_t>(words.size() * 8, static_cast<std::size_t>(end - at)), at);
            if (got <= 0)
                return 0;
            for (std::size_t i = 0; i < (static_cast<std::size_t>(got) + 7) / 8; ++i)
                if (words[i] != 0)  // a hole that was filled with zeros is the same content
                    digest = (digest ^ words[i] ^ (static_cast<std::uint64_t>(at) + i * 8)) * 0x100000001b3U;
        }
    }
    return digest;
}

/// What a disk that no VMM writes to holds, found without changing it.
struct Findings {
    std::vector<std::uint64_t> counts;  ///< records in each log
    std::vector<int> untouched_status;  ///< of `e2fsck -fn` on each disk as it was frozen
    std::vector<bool> had_journal;      ///< the journal had something to replay
};

class Checker {
public:
    Checker(LayeredDisks& disks, std::string directory) : disks_(disks), directory_(std::move(directory)) {}

    /// Replays the journals in stand-ins; then each file system must be clean and each record good.
    Findings look(const std::vector<Side>& sides)
    {
        Findings found;
        std::vector<std::string> logs;
        for (std::size_t i = 0; i < sides.size(); ++i) {
            const std::string out = directory_ + "/" + roles[i] + ".out";
            (void)os::remove_tree(out);
            std::filesystem::create_directory(out);
            const std::string copy = disks_.scratch(sides[i], directory_ + "/" + roles[i] + ".copy");
            found.untouched_status.push_back(status_of({"e2fsck", "-fn", copy}));
            const std::string header = run_here({"dumpe2fs", "-h", copy});
            found.had_journal.push_back(header.find("needs_recovery") != std::string::npos);
            run_here({"e2fsck", "-y", "-E", "journal_only", copy}, {0, 1});
            run_here({"e2fsck", "-fn", copy});
            run_here({"debugfs", "-R", "rdump " + folders_on_disk[i] + " " + out, copy});
            logs.push_back(out + "/proof/log");
            disks_.remove_scratch(copy);
        }
        found.counts = counts_in(run_here(record_log(BANGER_RECORD_LOG, "verify", logs)));
        EXPECT_EQ(found.counts.size(), sides.size());
        found.counts.resize(sides.size());
        return found;
    }

private:
    static int status_of(const std::vector<std::string>& argv)
    {
        os::Command command;
        command.argv = argv;
        auto output = os::run(std::move(command));
        EXPECT_TRUE(output);
        return output ? output->status : -1;
    }

    LayeredDisks& disks_;
    std::string directory_;
};

std::uint64_t sum(const std::vector<std::uint64_t>& counts)
{
    std::uint64_t all = 0;
    for (const auto count : counts)
        all += count;
    return all;
}

std::uint64_t apart(const std::vector<std::uint64_t>& counts)
{
    const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
    return *most - *least;
}

// A file that the VMM may still write to is no layer.
void expect_nobody_writes(pid_t vmm, const std::string& path)
{
    const std::string fds = "/proc/" + std::to_string(vmm) + "/fd";
    auto names = os::list_directory(fds);
    ASSERT_TRUE(names);
    for (const auto& name : *names) {
        std::error_code gone;
        if (std::filesystem::read_symlink(fds + "/" + name, gone) != path)
            continue;
        auto text = os::read_file("/proc/" + std::to_string(vmm) + "/fdinfo/" + name);
        ASSERT_TRUE(text);
        const unsigned long flags = std::stoul(text->substr(text->find("flags:") + 6), nullptr, 8);
        EXPECT_EQ(flags & O_ACCMODE, static_cast<unsigned long>(O_RDONLY)) << "QEMU can write to " << path;
    }
}

struct Form {
    const char* name;
    std::unique_ptr<LayeredDisks> (*make)();

    friend void PrintTo(const Form& form, std::ostream* out) { *out << form.name; }
};

[[maybe_unused]] bool has_device_mapper()
{
    return ::access("/dev/mapper/control", R_OK | W_OK) == 0;
}

class SwapLayers : public ::testing::TestWithParam<Form> {
protected:
    void SetUp() override
    {
        seed_ = Seed::load(host_.directory());
        ASSERT_TRUE(seed_);
        if (GetParam().make == make_raw_clones && !bring_seed_near())
            GTEST_SKIP() << "raw disks are clones, and TMPDIR is on a file system without reflinks: on-xfs makes one";
#ifdef BANGER_PROOF_WITH_DM
        if (GetParam().make == make_dm_disks && !has_device_mapper())
            GTEST_SKIP() << "this kernel has no device-mapper, or this user may not use it";
#endif
        disks_ = GetParam().make();
        owner_ = host_.new_owner();
        disks_->create(*seed_, host_, owner_);
        guest_ = std::make_unique<ProofGuest>(*seed_, host_, owner_, disks_->tops());
        ASSERT_TRUE(guest_->up());
        equip(*guest_);
        if (HasFatalFailure())
            return;
        writer_ = std::make_unique<GuestProgram>(guest_->agent(), record_log(guest_program, "write", logs_in_guest));
    }

    // Clones need image and disks on one file system.
    bool bring_seed_near()
    {
        if (!file::can_clone(host_.directory(), host_.directory()))
            return false;
        for (sdk::Layer* layer : {&seed_->image.root, &seed_->image.work}) {
            const std::string near = host_.directory() + "/" + layer->path.substr(layer->path.rfind('/') + 1);
            run_here({"cp", "--sparse=always", layer->path, near});
            layer->path = near;
        }
        return true;
    }

    static void equip(ProofGuest& guest)
    {
        guest.install(BANGER_RECORD_LOG, guest_program);
        for (const auto& log : logs_in_guest)
            guest.run({"mkdir", "-p", log.substr(0, log.rfind('/'))});
    }

    void TearDown() override
    {
        writer_.reset();
        guest_.reset();
        disks_.reset();
    }

    void wait_for_more_records(std::uint64_t more = records_between_swaps)
    {
        ASSERT_TRUE(writer_->wait_for_lines(writer_->lines() + more, patience_for_records))
            << "the guest stopped writing; " << guest_->condition();
    }

    Checker checker_on(const std::string& name)
    {
        std::filesystem::create_directory(host_.directory() + "/" + name);
        return {*disks_, host_.directory() + "/" + name};
    }

    void expect_all(const Findings& found, std::uint64_t acknowledged)
    {
        EXPECT_GE(sum(found.counts), acknowledged) << "records that the guest had on disk are not there";
        EXPECT_LE(apart(found.counts), 1U) << "the disks were not frozen at one instant";
    }

    sdk::testing::FakeHost host_;
    std::optional<Seed> seed_;
    sdk::Owner owner_;
    std::unique_ptr<LayeredDisks> disks_;
    std::unique_ptr<ProofGuest> guest_;
    std::unique_ptr<GuestProgram> writer_;
};

std::string fsfreeze_took(double frozen_ms, double all_ms)
{
    std::array<char, 80> text{};
    std::snprintf(text.data(), text.size(), "fsfreeze %.0f ms, thawed after %.0f ms", frozen_ms, all_ms);
    return text.data();
}

struct Freeze {
    std::vector<Side> layers;
    std::vector<std::uint64_t> digests;
    std::uint64_t acknowledged = 0;
    bool quiet = false;
};

TEST_P(SwapLayers, EverySideHasWhatTheGuestHadOnDisk)
{
    std::vector<Freeze> freezes;
    wait_for_more_records();
    writer_->longest_silence_ms();
    wait_for_more_records();
    const double usual_ms = writer_->longest_silence_ms();
    for (const bool quiet : {false, false, true, true}) {
        Freeze freeze;
        freeze.quiet = quiet;
        freeze.acknowledged = writer_->lines();
        const auto asked = Clock::now();
        std::unique_ptr<GuestProgram> freezer;
        if (quiet) {
            freezer =
                std::make_unique<GuestProgram>(guest_->agent(), record_log(guest_program, "freeze", {"/root", "/"}));
            ASSERT_TRUE(freezer->wait_for_lines(1, std::chrono::seconds(30)));
        }
        const double frozen_ms = milliseconds_since(asked);
        freeze.layers = disks_->freeze(*guest_, {0, 1});
        if (freezer)
            freezer->finish();
        const double all_ms = milliseconds_since(asked);
        wait_for_more_records();
        std::printf("swap %zu: %.1f ms (%s); %s; longest silence of the guest %.0f ms, without a swap %.0f ms\n",
                    freezes.size() + 1, disks_->pause_ms(), disks_->told().c_str(),
                    quiet ? fsfreeze_took(frozen_ms, all_ms).c_str() : "no fsfreeze", writer_->longest_silence_ms(),
                    usual_ms);
        for (const auto& layer : freeze.layers) {
            expect_nobody_writes(guest_->pid(), layer.path);
            freeze.digests.push_back(digest_of(layer.stored));
        }
        freezes.push_back(std::move(freeze));
    }

    // A second machine over layers that were frozen under a mounted file system, while the first writes on.
    {
        const auto& from = freezes[1];
        const auto owner = host_.new_owner();
        const auto disks = disks_->fork(from.layers, owner);
        const std::uint64_t before = writer_->lines();
        {
            ProofGuest second(*seed_, host_, owner, disks);
            ASSERT_TRUE(second.up());
            equip(second);
            const auto counts = counts_in(second.run(record_log(guest_program, "verify", logs_in_guest)));
            ASSERT_EQ(counts.size(), 2U);
            EXPECT_GE(sum(counts), from.acknowledged);
            EXPECT_LE(apart(counts), 1U);
            second.run({"sh", "-c", "echo second > /var/lib/proof/who; echo second > /root/proof/who"});
            {
                GuestProgram writes(second.agent(), record_log(guest_program, "write", logs_in_guest));
                EXPECT_TRUE(writes.wait_for_lines(20, patience_for_records));
            }
            second.power_off();
        }
        EXPECT_GT(writer_->lines(), before) << "the first guest stood still meanwhile";
        std::vector<Side> sides;
        for (const auto& disk : disks)
            sides.push_back({disk.path, disk.format, disk.path});
        const auto found = checker_on("second").look(sides);
        expect_all(found, from.acknowledged + 20);
        EXPECT_EQ(found.untouched_status, (std::vector<int>{0, 0})) << "a guest that was powered off left errors";
    }

    const std::uint64_t acknowledged = writer_->lines();
    writer_.reset();
    EXPECT_EQ(guest_->run({"sh", "-c", "cat /var/lib/proof/who /root/proof/who 2>&1 || true"}).find("second\n"),
              std::string::npos)
        << "what the second guest wrote reached the first";
    const auto in_guest = counts_in(guest_->run(record_log(guest_program, "verify", logs_in_guest)));
    EXPECT_GE(sum(in_guest), acknowledged);
    guest_->power_off();
    const auto last = checker_on("first").look(disks_->sides());
    expect_all(last, acknowledged);
    EXPECT_EQ(last.untouched_status, (std::vector<int>{0, 0}));

    for (std::size_t i = 0; i < freezes.size(); ++i) {
        const auto& freeze = freezes[i];
        const auto found = checker_on("layers-" + std::to_string(i)).look(freeze.layers);
        expect_all(found, freeze.acknowledged);
        for (std::size_t k = 0; k < freeze.layers.size(); ++k) {
            EXPECT_EQ(digest_of(freeze.layers[k].stored), freeze.digests[k]) << freeze.layers[k].stored << " changed";
            std::printf("layer %zu %s: %llu records (%llu acknowledged on both), e2fsck -fn %d as frozen, %s\n", i + 1,
                        roles[k].c_str(), static_cast<unsigned long long>(found.counts[k]),
                        static_cast<unsigned long long>(freeze.acknowledged), found.untouched_status[k],
                        found.had_journal[k] ? "0 after its journal" : "no journal to replay");
            if (freeze.quiet) {
                EXPECT_EQ(found.untouched_status[k], 0) << "a frozen file system is not clean";
                EXPECT_FALSE(found.had_journal[k]);
            }
        }
    }
}

// The daemon or the VMM may be killed at any moment of a swap: the newest top that exists is always the right one.
TEST_P(SwapLayers, TheNewestTopIsRightWheneverTheVmmDies)
{
    wait_for_more_records();
    const auto too_old = disks_->freeze(*guest_, {0, 1});
    wait_for_more_records(30);
    const std::uint64_t behind_a_swap = writer_->lines();
    disks_->prepare();  // the next swap has begun, and the VMM has not heard of it
    wait_for_more_records(30);
    const std::uint64_t acknowledged = writer_->lines();
    EXPECT_GT(acknowledged, behind_a_swap);
    guest_->cut();
    disks_->recover();
    const auto found = checker_on("cut").look(disks_->sides());
    expect_all(found, acknowledged);
    // The check itself: on the top before, records would be missing.
    EXPECT_LT(sum(checker_on("too-old").look(too_old).counts), acknowledged);
}

// The check itself: two instants a hundred records apart are seen as two.
TEST_P(SwapLayers, TwoInstantsAreNotTakenForOne)
{
    wait_for_more_records();
    auto layers = disks_->freeze(*guest_, {0});
    wait_for_more_records();
    const auto later = disks_->freeze(*guest_, {1});
    layers.push_back(later.front());
    const auto found = checker_on("two").look(layers);
    EXPECT_GT(apart(found.counts), 1U);
    guest_->cut();
}

// What the guest wrote and nobody flushed is in the host's page cache, and a swap has to wait for it, unless it was
// flushed before.
TEST_P(SwapLayers, ThePauseIsShortWhenUnwrittenDataIsFlushedBefore)
{
    writer_.reset();
    const auto freeze_with_unwritten = [&](bool flush_before) {
        guest_->run({"dd", "if=/dev/urandom", "of=/run/noise", "bs=1M", "count=16", "status=none"});
        for (int i = 0; i < 8; ++i)
            guest_->run({"dd", "if=/run/noise", "of=/root/big", "bs=1M", "seek=" + std::to_string(i * 16), "count=16",
                         "conv=notrunc", "oflag=direct", "status=none"});
        disks_->flush_before(flush_before);
        (void)disks_->freeze(*guest_, {0, 1});
        return disks_->pause_ms();
    };
    for (int i = 0; i < 2; ++i) {
        const double unflushed_ms = freeze_with_unwritten(false);
        const double flushed_ms = freeze_with_unwritten(true);
        std::printf("128 MiB unwritten: %.1f ms, flushed before: %.1f ms\n", unflushed_ms, flushed_ms);
    }
    guest_->cut();
}

INSTANTIATE_TEST_SUITE_P(Files, SwapLayers,
                         ::testing::Values(Form{"Qcow2Overlays", make_qcow2_overlays},
                                           Form{"Qcow2SnapshotSync", make_qcow2_snapshot_sync},
                                           Form{"RawClones", make_raw_clones}),
                         [](const auto& form) { return std::string(form.param.name); });

#ifdef BANGER_PROOF_WITH_DM
using SwapDevices = SwapLayers;

TEST_P(SwapDevices, AFreezeThatIsKilledAnywhereIsFinishedByTheNextProcess)
{
    struct Killed {
        std::vector<Side> layers;
        std::uint64_t acknowledged;
    };
    std::vector<Killed> all;
    for (std::size_t steps = 1; steps <= dm_steps; ++steps) {
        wait_for_more_records(50);
        const std::uint64_t acknowledged = writer_->lines();
        all.push_back({freeze_killed(*disks_, steps), acknowledged});
        std::printf("killed behind step %zu: rolled forward in %.1f ms\n", steps, disks_->pause_ms());
    }
    wait_for_more_records(50);
    for (std::size_t i = 0; i < all.size(); ++i)
        expect_all(checker_on("killed-" + std::to_string(i)).look(all[i].layers), all[i].acknowledged);
    const std::uint64_t acknowledged = writer_->lines();
    guest_->cut();
    disks_->recover();
    expect_all(checker_on("after").look(disks_->sides()), acknowledged);
}

INSTANTIATE_TEST_SUITE_P(Devices, SwapDevices, ::testing::Values(Form{"DmSnapshots", make_dm_disks}),
                         [](const auto& form) { return std::string(form.param.name); });
INSTANTIATE_TEST_SUITE_P(Devices, SwapLayers, ::testing::Values(Form{"DmSnapshots", make_dm_disks}),
                         [](const auto& form) { return std::string(form.param.name); });
#endif

}  // namespace
}  // namespace banger::proofs
