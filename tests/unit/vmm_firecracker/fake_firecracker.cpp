// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
//
// fake-firecracker BEHAVIOUR ARGUMENT...
// Serves api.sock in its directory as Firecracker does, and refuses what Firecracker's published API description
// (firecracker.yaml, 1.16.1) does not have. Each request is appended to `requests`. Behaviours, from the first drive on:
// good, 400, 500, garbage, close (the connection), slow (no answer); die: before it serves anything.
#include <rapidjson/document.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "banger/sdk/os/file.hpp"

namespace {

namespace os = banger::sdk::os;

struct Described {
    std::set<std::string> required;
    std::set<std::string> optional;
};

const std::map<std::string, Described>& description()
{
    static const std::map<std::string, Described> all{
        {"GET /", {}},
        {"PUT /boot-source", {{"kernel_image_path"}, {"boot_args", "initrd_path"}}},
        {"PUT /machine-config",
         {{"mem_size_mib", "vcpu_count"}, {"cpu_template", "smt", "track_dirty_pages", "huge_pages"}}},
        {"PUT /drives",
         {{"drive_id", "is_root_device"},
          {"partuuid", "cache_type", "is_read_only", "path_on_host", "rate_limiter", "io_engine", "socket"}}},
        {"PUT /network-interfaces",
         {{"host_dev_name", "iface_id"}, {"guest_mac", "mtu", "rx_rate_limiter", "tx_rate_limiter"}}},
        {"PUT /vsock", {{"guest_cid", "uds_path"}, {"vsock_id"}}},
        {"PUT /entropy", {{}, {"rate_limiter"}}},
        {"PUT /actions", {{"action_type"}, {}}},
    };
    return all;
}

// What is wrong with a request; empty: nothing.
std::string complaint(const std::string& verb, const std::string& path, const std::string& body)
{
    const auto second = path.find('/', 1);
    const auto known = description().find(verb + " " + path.substr(0, second));
    if (known == description().end())
        return "no such resource: " + verb + " " + path;
    if (verb == "GET")
        return body.empty() ? "" : "a body for GET";
    rapidjson::Document json;
    if (json.Parse(body.c_str()).HasParseError() || !json.IsObject())
        return "the body is no JSON object";
    for (const auto& key : known->second.required)
        if (!json.HasMember(key.c_str()))
            return "missing field " + key;
    for (const auto& member : json.GetObject()) {
        const std::string key = member.name.GetString();
        if (known->second.required.count(key) + known->second.optional.count(key) == 0)
            return "unknown field " + key;
        if (second != std::string::npos && (key == "drive_id" || key == "iface_id") &&
            path.substr(second + 1) != member.value.GetString())
            return "the id of the path does not match the one of the body";
    }
    return {};
}

std::string answer(int status, const std::string& body)
{
    // A 204 has neither a body nor a length (RFC 9110, section 8.6).
    const std::string length = "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    return "HTTP/1.1 " + std::to_string(status) + " \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n" +
           (status == 204 ? "" : length) + "\r\n" + body;
}

std::string fault(const std::string& why)
{
    return R"({"fault_message":")" + why + R"("})";
}

// One request; empty at the end of the connection.
std::string next_request(int socket, std::string& buffer)
{
    std::array<char, 4096> piece{};
    for (;;) {
        const auto end = buffer.find("\r\n\r\n");
        if (end != std::string::npos) {
            const auto at = buffer.find("Content-Length: ");
            const std::size_t length = at < end ? std::strtoul(buffer.c_str() + at + 16, nullptr, 10) : 0;
            if (buffer.size() >= end + 4 + length) {
                std::string request = buffer.substr(0, end + 4 + length);
                buffer.erase(0, request.size());
                return request;
            }
        }
        const auto got = ::read(socket, piece.data(), piece.size());
        if (got <= 0)
            return {};
        buffer.append(piece.data(), static_cast<std::size_t>(got));
    }
}

}  // namespace

int main(int argc, char** argv)
{
    const std::string behaviour = argc > 1 ? argv[1] : "";
    if (behaviour == "die") {
        std::fprintf(stderr, "the fake is tired\n");
        return 1;
    }
    const auto listener = os::listen_unix("api.sock");
    if (!listener)
        return 2;
    std::string state = "Not started";
    bool armed = false;
    for (;;) {
        const os::UniqueFd client(::accept(listener->get(), nullptr, nullptr));
        std::string buffer;
        for (std::string request; !(request = next_request(client.get(), buffer)).empty();) {
            const auto verb = request.substr(0, request.find(' '));
            const auto path = request.substr(verb.size() + 1, request.find(' ', verb.size() + 1) - verb.size() - 1);
            const auto body = request.substr(request.find("\r\n\r\n") + 4);
            std::ofstream("requests", std::ios::app) << verb << " " << path << " " << body << "\n";
            armed = armed || path.rfind("/drives/", 0) == 0;
            std::string said;
            if (const auto wrong = complaint(verb, path, body); !wrong.empty())
                said = answer(400, fault(wrong));
            else if (armed && behaviour == "400")
                said = answer(400, fault("no drive today"));
            else if (armed && behaviour == "500")
                said = answer(500, "");
            else if (armed && behaviour == "garbage")
                said = "SSH-2.0-what\r\n\r\n";
            else if (armed && behaviour == "close")
                break;
            else if (armed && behaviour == "slow")
                continue;
            else if (verb == "GET")
                said = answer(200, R"({"id":"x","state":")" + state + R"(","vmm_version":"1.16.1","app_name":"Firecracker"})");
            else
                said = answer(204, "");
            if (path == "/actions")
                state = "Running";
            if (!os::write_all(client.get(), said))
                break;
        }
    }
}
