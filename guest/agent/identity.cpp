// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/identity.hpp"

#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "guest/agent/small_files.hpp"
#include "guest/agent/sshd.hpp"

namespace banger::agent {
namespace {

/// Credits the seed (random(4)) and makes the generator use it at once: two forks of one VM share all state up to here.
sdk::Result<void> feed_random_pool(const std::string& seed)
{
    if (seed.empty())
        return {};
    const std::string bytes = decode_base64(seed);
    std::vector<char> request(sizeof(rand_pool_info) + bytes.size());
    auto* info = reinterpret_cast<rand_pool_info*>(request.data());
    info->entropy_count = static_cast<int>(bytes.size() * 8);
    info->buf_size = static_cast<int>(bytes.size());
    std::memcpy(request.data() + sizeof(rand_pool_info), bytes.data(), bytes.size());
    const sdk::os::UniqueFd pool(open("/dev/urandom", O_RDWR | O_CLOEXEC));
    if (!pool || ioctl(pool.get(), RNDADDENTROPY, info) != 0)
        return sdk::os_error("seed the guest's random pool");
    ioctl(pool.get(), RNDRESEEDCRNG);
    return {};
}

sdk::Result<void> set_name(const std::string& hostname)
{
    if (sethostname(hostname.data(), hostname.size()) != 0)
        return sdk::os_error("set the guest's host name");
    make_directories("/etc");
    if (auto written = replace_file("/etc/hostname", hostname + "\n", 0644); !written)
        return written;
    return replace_file("/etc/hosts", hosts_with_name(small_file("/etc/hosts"), hostname), 0644);
}

}  // namespace

std::string decode_base64(std::string_view text)
{
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string bytes;
    unsigned window = 0;
    int bits = 0;
    for (const char c : text) {
        const auto value = alphabet.find(c);
        if (value == std::string_view::npos)
            continue;
        window = (window << 6U | static_cast<unsigned>(value)) & 0xFFFFU;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes.push_back(static_cast<char>(window >> static_cast<unsigned>(bits)));
        }
    }
    return bytes;
}

std::string hosts_with_name(const std::string& existing, const std::string& hostname)
{
    constexpr std::string_view own_address = "127.0.1.1";
    std::string hosts;
    std::string_view rest = existing;
    if (rest.empty())
        rest = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
    while (!rest.empty()) {
        const auto line = take_line(rest);
        const bool ours = line.starts_with(own_address) && line.size() > own_address.size() &&
                          (line[own_address.size()] == ' ' || line[own_address.size()] == '\t');
        if (!ours)
            hosts.append(line).push_back('\n');
    }
    return hosts.append(own_address).append("\t").append(hostname).append("\n");
}

void set_clock(std::int64_t nanoseconds)
{
    constexpr std::int64_t second = 1'000'000'000;
    constexpr std::int64_t close_enough = second / 50;
    if (nanoseconds == 0)
        return;
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    // A guest that booted has the time of its hardware clock, which knows whole seconds only; a copy's clock stood still
    // for as long as the copy did.
    if (std::llabs(now.tv_sec * second + now.tv_nsec - nanoseconds) < close_enough)
        return;
    const timespec wanted{nanoseconds / second, nanoseconds % second};
    clock_settime(CLOCK_REALTIME, &wanted);
}

sdk::Result<void> apply_identity(const Configuration& configuration, Before before)
{
    if (auto done = feed_random_pool(configuration.seed); !done)
        return done;
    if (auto done = set_name(configuration.hostname); !done)
        return done;
    if (!configuration.machine_id.empty())
        if (auto done = replace_file("/etc/machine-id", configuration.machine_id + "\n", 0444); !done)
            return done;
    return install_ssh(configuration, before);
}

}  // namespace banger::agent
