// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// The same machine over every combination of storage and network, each by one line of the configuration: what a user does
// with it, what it holds in the kernel, and that nothing of that is ever written into the database.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <set>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/installation.hpp"
#include "tests/e2e/openssh.hpp"

namespace banger::e2e {
namespace {

using ::testing::Contains;
using ::testing::IsSupersetOf;
using ::testing::Not;

struct Combined {
    std::string vmm;
    std::string storage;
    std::string network;

    friend void PrintTo(const Combined& combined, std::ostream* out)
    {
        *out << combined.vmm << " " << combined.storage << " " << combined.network;
    }
};

// What makes objects in the kernel is only used where this run was told that it may (installation.hpp).
bool may_use(const char* variable, const std::string& provider, const std::string& harmless)
{
    const char* value = std::getenv(variable);
    return provider == harmless || (value != nullptr && provider == value);
}

using Bound = std::map<std::string, std::set<std::string>>;

// Everything that its handles are bound to, by the kind of handle: names, and values.
std::pair<Bound, std::set<std::string>> held_by(const Installation& host, const std::string& vm)
{
    Bound names;
    std::set<std::string> values;
    const auto shown = host.json({"vm", "show", "--handles", vm});
    for (const auto& handle : json::find(shown, "handles")->GetArray())
        for (const auto& [name, value] : json::find(handle, "bound")->GetObject()) {
            names[json::string_or(handle, "kind")].insert(name.GetString());
            values.insert(value.GetString());
        }
    return {names, values};
}

bool is_digit(char letter)
{
    return letter >= '0' && letter <= '9';
}

// As a text of its own: a pid is no part of a longer number.
bool holds(const std::string& text, const std::string& value)
{
    for (auto at = text.find(value); at != std::string::npos; at = text.find(value, at + 1)) {
        const auto end = at + value.size();
        const bool cut = (is_digit(value.front()) && at > 0 && is_digit(text[at - 1])) ||
                         (is_digit(value.back()) && end < text.size() && is_digit(text[end]));
        if (!cut)
            return true;
    }
    return false;
}

// The database as it is on the disk, with what has not been merged into it yet.
std::string database(const Installation& host)
{
    std::string all;
    for (const char* part : {"", "-wal"})
        all += sdk::os::read_file(host.home() + "/state/banger.db" + part).value_or({});
    return all;
}

class Combination : public ::testing::TestWithParam<Combined> {
protected:
    void SetUp() override
    {
        if (!may_use("BANGER_TEST_STORAGE", GetParam().storage, "file") ||
            !may_use("BANGER_TEST_NETWORK", GetParam().network, "user"))
            GTEST_SKIP() << "nothing is made in this machine's own kernel and network: the lab runs it";
        if (GetParam().vmm == "firecracker" && !sdk::os::find_program("firecracker"))
            GTEST_SKIP() << "there is no firecracker on PATH";
    }

    // A service of this host's that no guest may reach, and its port: on the loopback, to which a user network could carry what is for
    // its gateway; of a bridge the gateway is an address of this host's own.
    [[nodiscard]] static std::pair<sdk::os::UniqueFd, std::string> listen_for(const std::string& network)
    {
        sdk::os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in name{};
        name.sin_family = AF_INET;
        name.sin_addr.s_addr = htonl(network == "tap" ? INADDR_ANY : INADDR_LOOPBACK);
        socklen_t length = sizeof name;
        EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
        EXPECT_EQ(::listen(socket.get(), 1), 0);
        EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &length), 0);
        return {std::move(socket), std::to_string(ntohs(name.sin_port))};
    }
};

TEST_P(Combination, IsOneLineOfConfigurationAndTheSameMachine)
{
    const auto& [vmm, storage, network] = GetParam();
    const Installation host("\n[backends]\nvmm = \"" + vmm + "\"\nstorage = \"" + storage + "\"\nnetwork = \"" + network +
                            "\"\n");
    const auto created = host.banger({"vm", "create", "--no-start", "--name", "same", "--ready", "agent"});
    ASSERT_EQ(created.status, 0) << created.err;
    const auto rows_before = database(host);  // its sizes and digests, of which any short number may be a part
    const auto started = host.banger({"vm", "start", "same"});
    ASSERT_EQ(started.status, 0) << started.err;
    const auto show = host.json({"vm", "show", "same"});
    for (const auto& [kind, name] : {std::pair{"vmm", vmm}, {"storage", storage}, {"network", network}})
        EXPECT_EQ(json::string_or(*json::find(show, "providers"), kind), name);

    // What it holds is plain to see, and is in no row of the database.
    const auto [names, values] = held_by(host, "same");
    EXPECT_THAT(names.at("vmm/0"), IsSupersetOf({"pid", "start_time"}));
    if (storage == "dm") {
        EXPECT_THAT(names.at("storage/0"), IsSupersetOf({"base_loop", "cow_loop", "dm_name", "dm_device"}));
    }
    EXPECT_THAT(names.at("network/0"), Contains(network == "tap" ? "tap" : "pid"));
    const auto rows = database(host);
    ASSERT_TRUE(holds(rows, json::string_or(show, "id"))) << "then this test shows nothing";
    for (const auto& value : values)
        if (value != json::string_or(show, "address") && !holds(rows_before, value)) {
            EXPECT_FALSE(holds(rows, value)) << "the database holds '" << value << "'";
        }

    // The daemon dies; the next one has the same machine.
    const auto in_guest = [&](const std::string& script) {
        const auto called = host.banger({"vm", "exec", "same", "--", "bash", "-c", script});
        EXPECT_EQ(called.status, 0) << called.err;
        return called.out;
    };
    in_guest("echo kept >/var/kept; echo kept >/root/kept; sync");
    const auto session = host.banger({"vm", "session", "start", "--name", "kept", "same", "--", "sh", "-c", "read line; echo got $line; exit 7"});
    EXPECT_EQ(session.status, 0) << session.err;
    host.kill_daemon();
    EXPECT_EQ(pid_of(host, "same"), json::uint_or(show, "pid"));
    EXPECT_EQ(held_by(host, "same").second, values) << "it holds what it held";
    EXPECT_EQ(in_guest("cat /var/kept /root/kept; hostname"), "kept\nkept\nsame\n");

    // So has it its session, and ssh gets in, which needs no network.
    EXPECT_EQ(host.banger({"vm", "session", "send", "same", "kept", "words"}).status, 0);
    const auto attached = host.banger({"vm", "session", "attach", "same", "kept"});
    EXPECT_EQ(attached.status, 7) << attached.err;
    EXPECT_EQ(attached.out, "got words\n");
    EXPECT_TRUE(gets_in_by_ssh(host, "same"));

    // It has a network, and no service of this host's is behind it.
    const auto [service, port] = listen_for(network);
    EXPECT_EQ(in_guest("while read -r _ to via _; do [ \"$to\" != 00000000 ] || gateway=$via; done </proc/net/route\n"
                       "gateway=$(printf %d.%d.%d.%d 0x${gateway:6:2} 0x${gateway:4:2} 0x${gateway:2:2} 0x${gateway:0:2})\n"
                       "timeout 3 bash -c \"echo >/dev/tcp/$gateway/" +
                       port + "\" 2>/dev/null && echo reached; test \"$gateway\" != 0.0.0.0 && echo routed"),
              "routed\n");

    const auto deleted = host.banger({"vm", "delete", "-f", "same"});
    EXPECT_EQ(deleted.status, 0) << deleted.err;
    expect_clean(host);
}

std::string combination_name(const ::testing::TestParamInfo<Combined>& info)
{
    return info.param.vmm + "_" + info.param.storage + "_" + info.param.network;
}

std::vector<Combined> combinations()
{
    std::vector<Combined> all;
    for (const char* storage : {"file", "dm"})
        for (const char* network : {"user", "tap"})
            all.push_back({"qemu", storage, network});
    // Which opens raw disks and taps only; files are raw where they can be cloned.
    for (const char* storage : {"file", "dm"})
        all.push_back({"firecracker", storage, "tap"});
    return all;
}

INSTANTIATE_TEST_SUITE_P(Every, Combination, ::testing::ValuesIn(combinations()), combination_name);

}  // namespace
}  // namespace banger::e2e
