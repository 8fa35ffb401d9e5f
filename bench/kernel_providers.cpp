// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// kernel-providers-bench [ROUNDS [disks|links]]: the time that storage-dm and net-tap take to attach, against that of the same steps by
// losetup and dmsetup, or ip and nft, from a shell, round by round in one run. Prints medians and ratios; asserts nothing.
// Makes real objects in the kernel: for a host of its own.
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "dm_storage.hpp"
#include "links.hpp"
#include "rules.hpp"
#include "tap_network.hpp"

namespace banger {
namespace {

namespace os = sdk::os;
using Milliseconds = std::chrono::duration<double, std::milli>;

[[noreturn]] void give_up(const sdk::Error& error)
{
    std::fprintf(stderr, "%s\n", error.message.c_str());
    std::exit(1);
}

template <typename T>
T must(sdk::Result<T> result)
{
    if (!result)
        give_up(result.error());
    return std::move(*result);
}
void must(const sdk::Result<void>& result)
{
    if (!result)
        give_up(result.error());
}

double timed(const std::function<void()>& work)
{
    const auto began = std::chrono::steady_clock::now();
    work();
    return Milliseconds(std::chrono::steady_clock::now() - began).count();
}

std::string shell(const std::string& script)
{
    os::Command command;
    command.argv = {"sh", "-ec", script};
    return must(os::run_checked(command)).out;
}

double median(std::vector<double> times)
{
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

void row(const std::string& what, double milliseconds, const std::string& against = {})
{
    std::printf("%-58s %8.2f ms  %s\n", what.c_str(), milliseconds, against.c_str());
    std::fflush(stdout);
}

std::string times_of(double one, double other, const std::string& what)
{
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.2f x ", one / other);
    return text.data() + what;
}

// In milliseconds.
struct Times {
    double attach = 0;
    double connect = 0;  ///< of a link
    double release = 0;
};

void settle()
{
    shell("udevadm settle");
}

// A disk over a sparse layer of that length, one GiB longer than it.
class DiskOver {
public:
    DiskOver(sdk::testing::FakeHost& host, std::uint64_t layer_bytes)
        : layer_{host.directory() + "/layer-" + std::to_string(layer_bytes >> 30U), layer_bytes, "raw"},
          storage_(dm::make_storage(host, {4096})), spec_{host.new_owner(), "root", layer_, layer_bytes + (1ULL << 30U), "disk:raw"}
    {
        const auto fd = must(os::open_file(layer_.path, O_RDWR | O_CREAT));
        if (::ftruncate(fd.get(), static_cast<off_t>(layer_bytes)) != 0)
            give_up(sdk::os_error("make " + layer_.path));
        sdk::testing::FakeCall call;
        must(storage_->create(spec_, call));
    }

    Times attach_and_release()
    {
        sdk::testing::FakeCall call;
        sdk::Handle handle;
        Times times;
        times.attach = timed([&] { handle = must(storage_->attach(spec_, call)).handle; });
        settle();
        times.release = timed([&] { must(storage_->release(handle)); });
        settle();
        return times;
    }

    // The same two loop devices, and the same two tables.
    double attach_by_shell() const
    {
        const std::string layer_sectors = std::to_string(layer_.bytes >> 9U);
        const std::string sectors = std::to_string(spec_.bytes >> 9U);
        const std::string script =
            "base=$(losetup --find --show --read-only " + layer_.path + ")\n" +
            "cow=$(losetup --find --show " + spec_.owner.directory + "/root.cow)\n" +
            "printf '0 " + layer_sectors + " linear %s 0\\n" + layer_sectors + " " +
            std::to_string((spec_.bytes - layer_.bytes) >> 9U) + " zero\\n' $base | dmsetup create bench-longer --readonly\n" +
            "dmsetup create bench --table \"0 " + sectors + " snapshot /dev/mapper/bench-longer $cow P 8\"\n";
        const double took = timed([&] { shell(script); });
        shell("dmsetup remove bench; dmsetup remove bench-longer; losetup --detach-all");
        settle();
        return took;
    }

private:
    sdk::Layer layer_;
    std::unique_ptr<sdk::Storage> storage_;
    sdk::DiskSpec spec_;
};

void measure_disks(int rounds)
{
    sdk::testing::FakeHost host;
    DiskOver small(host, 1ULL << 30U);
    DiskOver large(host, 64ULL << 30U);
    std::vector<double> of_small, of_large, releases, by_shell;
    for (int round = 0; round <= rounds; ++round) {
        const Times one = small.attach_and_release();
        const Times other = large.attach_and_release();
        const double shells = large.attach_by_shell();
        if (round == 0)  // which does not count
            continue;
        of_small.push_back(one.attach);
        of_large.push_back(other.attach);
        releases.push_back(other.release);
        by_shell.push_back(shells);
    }
    row("disk attach, layer of 1 GiB", median(of_small));
    row("disk attach, layer of 64 GiB", median(of_large), times_of(median(of_large), median(of_small), "the smaller layer's (wanted: at most 1.2)"));
    row("the same by losetup and dmsetup from a shell", median(by_shell),
        "attach takes " + times_of(median(of_large), median(by_shell), "that (wanted: at most 0.5)"));
    row("disk release", median(releases));
}

class Taps {
public:
    explicit Taps(sdk::testing::FakeHost& host) : host_(host), network_(tap::make_network(host, config_)) {}

    Times attach_and_release()
    {
        sdk::testing::FakeCall call;
        const sdk::LinkSpec spec{host_.new_owner(), sdk::Egress::internet, "link:tap"};
        sdk::Handle handle;
        Times times;
        times.attach = timed([&] { handle = must(network_->attach(spec, call)).handle; });
        times.connect = timed([&] { must(network_->connect(handle, call)); });
        wait_for_pool();
        times.release = timed([&] { must(network_->release(handle)); });
        return times;
    }

    // As one would write it down by hand, with the very same rules, in tables that are none of the provider's: it would go after
    // who changes its own.
    double attach_by_shell() const
    {
        const std::string rules = host_.directory() + "/rules";
        const tap::Address address = *tap::address_from_string("172.16.0.250");
        const std::string by_hand = "0badcafe";
        must(os::write_file_atomic(rules, tap::rules::of_network({by_hand, "br-banger", must(tap::Subnet::parse("172.16.0.0/24")), {}})));
        shell("nft -f " + rules);
        must(os::write_file_atomic(
            rules, tap::rules::of_tap(by_hand, "bench0") +
                       tap::text_of(tap::rules::to_admit(by_hand, {"bench0", "52:54:00:00:00:01", address, sdk::Egress::internet}))));
        const double took = timed([&] {
            shell("ip tuntap add bench0 mode tap vnet_hdr\n"
                  "ip link set bench0 alias 'banger bench'\n"
                  "ip link set bench0 master br-banger\n"
                  "bridge link set dev bench0 isolated on\n"
                  "nft -f " + rules + "\n"
                  "ip link set bench0 up\n");
        });
        must(os::write_file_atomic(rules, tap::rules::to_remove(by_hand)));
        shell("nft -f " + rules + "; ip link delete bench0");
        return took;
    }

private:
    // The provider fills its pool behind every link. Nobody starts machines without a pause: its thread has come to rest, also
    // from the last tap, which is seen before it is done.
    void wait_for_pool() const
    {
        constexpr int most_looks = 60;
        bool was_full = false;
        for (int look = 0;; ++look) {
            if (look == most_looks)
                give_up(sdk::make_error(sdk::Code::timed_out, "the pool of taps does not fill"));
            std::this_thread::sleep_for(std::chrono::milliseconds(500));
            const auto all = must(must(tap::Links::open()).list());
            const auto ready = std::count_if(all.begin(), all.end(),
                                             [&](const auto& one) { return one.alias == "banger " + host_.instance(); });
            const bool is_full = static_cast<std::size_t>(ready) >= config_.pool;
            if (was_full && is_full)
                return;
            was_full = is_full;
        }
    }

    sdk::testing::FakeHost& host_;
    tap::Config config_;
    std::unique_ptr<sdk::Network> network_;
};

void measure_links(int rounds)
{
    if (::unshare(CLONE_NEWNET) != 0)
        give_up(sdk::os_error("make a network namespace"));
    shell("ip link set lo up");
    sdk::testing::FakeHost host;
    Taps taps(host);
    std::vector<double> behind_others, from_pool, waited_for, releases, by_shell;
    for (int round = 0; round <= rounds; ++round) {
        const Times first = taps.attach_and_release();  // which finds that the shell has changed rules
        const Times one = taps.attach_and_release();
        const double other = taps.attach_by_shell();
        if (round == 0)  // the pool is filled then
            continue;
        behind_others.push_back(first.attach + first.connect);
        from_pool.push_back(one.attach + one.connect);
        waited_for.push_back(one.attach);
        releases.push_back(one.release);
        by_shell.push_back(other);
    }
    row("network attach from the pool, and connected", median(from_pool));
    row("the same by ip and nft from a shell", median(by_shell),
        "attach takes " + times_of(median(from_pool), median(by_shell), "that (wanted: at most 0.1)"));
    row("of it before the VMM starts", median(waited_for));
    row("network attach, when somebody has changed rules of his own", median(behind_others));
    row("network release", median(releases));
}

}  // namespace
}  // namespace banger

int main(int argc, char** argv)
{
    const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 15;
    const std::string_view only = argc > 2 ? argv[2] : "";
    if (only != "links")
        banger::measure_disks(rounds);
    if (only != "disks")
        banger::measure_links(rounds);
}
