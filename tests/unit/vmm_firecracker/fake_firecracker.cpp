// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
//
// fake-firecracker VERSION BEHAVIOUR[@PATH] ARGUMENT...
// Serves api.sock in its directory as Firecracker does, and refuses what that version's API description does not have; its own
// answers are as that has them. Its ARGUMENTs are in `arguments`, each on a line, and each request is appended to `requests`. To
// those whose path begins with PATH (/drives/) its answer is: good, 400, 500, garbage, close (the connection), slow (none), end
// (of itself). And from its start: die, before it serves anything; mute, which never serves.
#include <fcntl.h>
#include <rapidjson/document.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

#include "api_description.hpp"
#include "banger/sdk/os/file.hpp"

namespace {

namespace os = banger::sdk::os;
using banger::firecracker::complaint;
using banger::firecracker::complaint_of_answer;
using banger::firecracker::Version;

struct Answer {
    int status = 204;
    std::string body;
};

std::string as_sent(const Answer& answer)
{
    const auto& [status, body] = answer;
    // A 204 has neither a body nor a length (RFC 9110, section 8.6).
    const std::string length = "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    return "HTTP/1.1 " + std::to_string(status) + " \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n" +
           (status == 204 ? "" : length) + "\r\n" + body;
}

Answer fault(const std::string& why)
{
    return {400, R"({"fault_message":")" + why + R"("})"};
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

/// The machine that it has: what it does, and the disks that it has open.
class FakeMachine {
public:
    explicit FakeMachine(const Version& version) : version_(to_string(version)) {}

    Answer handle(const std::string& verb, const std::string& path, const std::string& body)
    {
        rapidjson::Document json;
        json.Parse(body);
        if (verb == "GET")
            return {200, R"({"id":"x","state":")" + state_ + R"(","vmm_version":")" + version_ +
                             R"(","app_name":"Firecracker"})"};
        if (path.starts_with("/drives/") && json.HasMember("path_on_host") &&
            !open_disk(path, json["path_on_host"].GetString()))
            return fault("cannot open the disk");
        if (path == "/actions")
            state_ = "Running";
        if (path == "/vm")
            state_ = std::string(json["state"].GetString()) == "Paused" ? "Paused" : "Running";
        if (path == "/snapshot/create")
            return create(json);
        if (path == "/snapshot/load") {
            if (!os::exists(json["snapshot_path"].GetString()) || !os::exists(json["mem_backend"]["backend_path"].GetString()))
                return fault("there is no such save");
            state_ = "Paused";
        }
        return {};
    }

private:
    bool open_disk(const std::string& drive, const char* path)
    {
        auto file = os::open_file(path, O_RDONLY);
        if (file)
            disks_[drive] = std::move(*file);
        return file.has_value();
    }
    Answer create(const rapidjson::Document& json)
    {
        if (state_ != "Paused")
            return fault("the machine runs");
        for (const char* file : {"snapshot_path", "mem_file_path"})
            if (!(std::ofstream(json[file].GetString(), std::ios::app) << json["snapshot_type"].GetString() << "\n"))
                return fault("cannot open the file to save to");
        return {};
    }

    std::string version_;
    std::string state_ = "Not started";
    std::map<std::string, os::UniqueFd> disks_;
};

// Nothing: the connection is to be closed.
std::string misbehave(const std::string& behaviour)
{
    if (behaviour == "500")
        return as_sent({500, ""});
    if (behaviour == "garbage")
        return "SSH-2.0-what\r\n\r\n";
    if (behaviour == "end")
        std::exit(3);
    return {};
}

}  // namespace

int main(int argc, char** argv)
{
    const auto version = Version::from(argc > 1 ? argv[1] : "");
    const std::string word = argc > 2 ? argv[2] : "";
    const auto at = word.find('@');
    const std::string behaviour = word.substr(0, at);
    const std::string from = at == std::string::npos ? "/drives/" : word.substr(at + 1);
    if (behaviour == "die") {
        std::fprintf(stderr, "the fake is tired\n");
        return 1;
    }
    while (behaviour == "mute")
        ::pause();
    std::ofstream arguments("arguments");
    for (int i = 3; i < argc; ++i)
        arguments << argv[i] << "\n";
    arguments.close();
    const auto listener = os::listen_unix("api.sock");
    if (!listener || !version)
        return 2;
    FakeMachine machine(*version);
    for (;;) {
        const os::UniqueFd client(::accept(listener->get(), nullptr, nullptr));
        std::string buffer;
        for (std::string request; !(request = next_request(client.get(), buffer)).empty();) {
            const auto verb = request.substr(0, request.find(' '));
            const auto path = request.substr(verb.size() + 1, request.find(' ', verb.size() + 1) - verb.size() - 1);
            const auto body = request.substr(request.find("\r\n\r\n") + 4);
            std::ofstream("requests", std::ios::app) << verb << " " << path << " " << body << "\n";
            const bool armed = behaviour != "good" && path.starts_with(from);
            const auto as_described = [&](const Answer& answer) {
                const auto wrong = complaint_of_answer(*version, verb, path, answer.status, answer.body);
                if (!wrong.empty()) {
                    std::fprintf(stderr, "the fake's own answer to %s %s: %s\n", verb.c_str(), path.c_str(), wrong.c_str());
                    std::exit(4);
                }
                return as_sent(answer);
            };
            std::string said;
            if (const auto wrong = complaint(*version, verb, path, body); !wrong.empty())
                said = as_described(fault(wrong));
            else if (armed && behaviour == "slow")
                continue;
            else if (armed && behaviour == "400")
                said = as_described(fault("not today"));
            else
                said = armed ? misbehave(behaviour) : as_described(machine.handle(verb, path, body));
            if (said.empty() || !os::write_all(client.get(), said))
                break;
        }
    }
}
