// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tests/fake_resolved.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <string_view>

namespace banger::tap::testing {
namespace {

constexpr const char* link_prefix = "/org/freedesktop/resolve1/link/";

int append_server(sd_bus_message* reply, const sdk::NameServer& server)
{
    in_addr address{};
    if (::inet_pton(AF_INET, server.address.c_str(), &address) != 1)
        return -EINVAL;
    int done = sd_bus_message_open_container(reply, 'r', "iayqs");
    if (done >= 0)
        done = sd_bus_message_append(reply, "i", AF_INET);
    if (done >= 0)
        done = sd_bus_message_append_array(reply, 'y', &address, sizeof address);
    if (done >= 0)
        done = sd_bus_message_append(reply, "qs", server.port, "");
    return done < 0 ? done : sd_bus_message_close_container(reply);
}

int append_servers(sd_bus_message* reply, const std::vector<sdk::NameServer>& servers)
{
    int done = sd_bus_message_open_container(reply, 'v', "a(iayqs)");
    if (done >= 0)
        done = sd_bus_message_open_container(reply, 'a', "(iayqs)");
    for (const auto& server : servers)
        if (done >= 0)
            done = append_server(reply, server);
    if (done >= 0)
        done = sd_bus_message_close_container(reply);
    return done < 0 ? done : sd_bus_message_close_container(reply);
}

int append_domains(sd_bus_message* reply, const std::vector<std::string>& domains)
{
    int done = sd_bus_message_open_container(reply, 'v', "a(sb)");
    if (done >= 0)
        done = sd_bus_message_open_container(reply, 'a', "(sb)");
    for (const auto& domain : domains)
        if (done >= 0)
            done = sd_bus_message_append(reply, "(sb)", domain.c_str(), 1);
    if (done >= 0)
        done = sd_bus_message_close_container(reply);
    return done < 0 ? done : sd_bus_message_close_container(reply);
}

}  // namespace

FakeResolved::~FakeResolved()
{
    for (auto& thread : threads_)
        thread.join();
}

sdk::Result<Resolved::Bus> FakeResolved::connect()
{
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0)
        return sdk::os_error("make a pair of sockets");
    {
        const std::lock_guard lock(mutex_);
        threads_.emplace_back([this, socket = ends[1]] { serve(socket); });
    }
    sd_bus* opened = nullptr;
    if (sd_bus_new(&opened) < 0)
        return sdk::make_error(sdk::Code::internal, "no bus");
    Resolved::Bus bus(opened);
    if (sd_bus_set_fd(opened, ends[0], ends[0]) < 0 || sd_bus_start(opened) < 0)
        return sdk::make_error(sdk::Code::internal, "the bus does not start");
    return bus;
}

FakeResolved::Link FakeResolved::link(int interface)
{
    const std::lock_guard lock(mutex_);
    return links_[interface];
}

std::vector<std::string> FakeResolved::calls()
{
    const std::lock_guard lock(mutex_);
    return calls_;
}

void FakeResolved::serve(int socket)
{
    sd_bus* opened = nullptr;
    sd_id128_t id{};
    if (sd_bus_new(&opened) < 0)
        return;
    const Resolved::Bus bus(opened);
    if (sd_id128_randomize(&id) < 0 || sd_bus_set_fd(opened, socket, socket) < 0 || sd_bus_set_server(opened, 1, id) < 0 ||
        sd_bus_add_filter(opened, nullptr, answer, this) < 0 || sd_bus_start(opened) < 0)
        return;
    for (int processed = 0; processed >= 0;) {
        processed = sd_bus_process(opened, nullptr);
        if (processed == 0)
            processed = sd_bus_wait(opened, UINT64_MAX);
    }
}

int FakeResolved::answer(sd_bus_message* message, void* self, sd_bus_error* /*error*/)
{
    return static_cast<FakeResolved*>(self)->answer(message);
}

int FakeResolved::answer(sd_bus_message* message)
{
    if (sd_bus_message_is_method_call(message, nullptr, nullptr) <= 0)
        return 0;
    const std::lock_guard lock(mutex_);
    const std::string method = sd_bus_message_get_member(message);
    calls_.push_back(method);
    if (hangs.contains(method))
        return 1;
    if (method == refuses)
        return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_FAILED, "no, thank you");
    int interface = 0;
    if (method == "NameHasOwner")
        return sd_bus_reply_method_return(message, "b", runs ? 1 : 0);
    if (method == "Get")
        return property(message);
    if (const int read = sd_bus_message_read(message, "i", &interface); read < 0)
        return read;
    if (method == "GetLink")
        return sd_bus_reply_method_return(message, "o", (link_prefix + std::to_string(interface)).c_str());
    if (method == "RevertLink") {
        links_.erase(interface);
        return sd_bus_reply_method_return(message, "");
    }
    if (const int rewound = sd_bus_message_rewind(message, 1); rewound < 0)
        return rewound;
    if (method == "SetLinkDomains")
        return set_domains(message);
    if (method == "SetLinkDNSEx")
        return set_server(message);
    return set_word(message, method);
}

int FakeResolved::set_domains(sd_bus_message* message)
{
    int interface = 0;
    int more = sd_bus_message_read(message, "i", &interface);
    auto& link = links_[interface];
    link.domains.clear();
    if (more >= 0)
        more = sd_bus_message_enter_container(message, 'a', "(sb)");
    const char* domain = nullptr;
    int route_only = 0;
    while (more >= 0 && (more = sd_bus_message_read(message, "(sb)", &domain, &route_only)) > 0)
        if (route_only != 0)
            link.domains.emplace_back(domain);
    return more < 0 ? more : sd_bus_reply_method_return(message, "");
}

int FakeResolved::set_server(sd_bus_message* message)
{
    int interface = 0;
    int family = 0;
    const void* bytes = nullptr;
    std::size_t size = 0;
    std::uint16_t port = 0;
    const char* name = nullptr;
    int done = sd_bus_message_read(message, "i", &interface);
    if (done >= 0)
        done = sd_bus_message_enter_container(message, 'a', "(iayqs)");
    if (done >= 0)
        done = sd_bus_message_enter_container(message, 'r', "iayqs");
    if (done >= 0)
        done = sd_bus_message_read(message, "i", &family);
    if (done >= 0)
        done = sd_bus_message_read_array(message, 'y', &bytes, &size);
    if (done >= 0)
        done = sd_bus_message_read(message, "qs", &port, &name);
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (done < 0 || ::inet_ntop(family, bytes, text.data(), text.size()) == nullptr)
        return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_INVALID_ARGS, "no server");
    if (std::string_view(text.data()) == "127.0.0.53")  // where it answers itself
        return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_INVALID_ARGS, "Invalid DNS server address");
    // The usual port is none to it, whichever way it was said.
    links_[interface].servers = {{text.data(), port == 53 ? std::uint16_t{0} : port, {}}};
    return sd_bus_reply_method_return(message, "");
}

int FakeResolved::set_word(sd_bus_message* message, const std::string& method)
{
    int interface = 0;
    int truth = 0;
    const char* word = nullptr;
    const bool is_flag = method == "SetLinkDefaultRoute";
    const int read = is_flag ? sd_bus_message_read(message, "ib", &interface, &truth)
                             : sd_bus_message_read(message, "is", &interface, &word);
    if (read < 0)
        return read;
    links_[interface].settings[method] = is_flag ? (truth != 0 ? "yes" : "no") : word;
    return sd_bus_reply_method_return(message, "");
}

int FakeResolved::property(sd_bus_message* message)
{
    const char* of_interface = nullptr;
    const char* name = nullptr;
    if (const int read = sd_bus_message_read(message, "ss", &of_interface, &name); read < 0)
        return read;
    const std::string path = sd_bus_message_get_path(message);
    const auto& link = links_[std::atoi(path.c_str() + std::string(link_prefix).size())];
    sd_bus_message* reply = nullptr;
    int done = sd_bus_message_new_method_return(message, &reply);
    if (done >= 0)
        done = std::string(name) == "DNSEx" ? append_servers(reply, link.servers) : append_domains(reply, link.domains);
    if (done >= 0)
        done = sd_bus_send(nullptr, reply, nullptr);
    sd_bus_message_unref(reply);
    return done < 0 ? done : 1;
}

}  // namespace banger::tap::testing
