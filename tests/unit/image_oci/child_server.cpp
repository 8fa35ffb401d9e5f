// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "child_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>
#include <utility>

#include "banger/sdk/os/file.hpp"

namespace banger::oci::testing {
namespace {

std::pair<sdk::os::UniqueFd, sdk::os::UniqueFd> make_pipe()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        throw std::runtime_error("no pipe");
    return {sdk::os::UniqueFd(ends[0]), sdk::os::UniqueFd(ends[1])};
}

sdk::os::Child start(std::vector<std::string> argv, const std::string& directory, sdk::os::UniqueFd& output)
{
    auto [reader, writer] = make_pipe();
    sdk::os::Command command;
    command.argv = std::move(argv);
    command.directory = directory;
    command.out = writer.get();
    command.err = writer.get();
    command.die_with_parent = true;
    auto child = sdk::os::spawn(command);
    if (!child)
        throw std::runtime_error(child.error().message);
    output = std::move(reader);
    return std::move(*child);
}

const std::string& with_certificate(const std::string& directory)
{
    sdk::os::Command command;
    command.argv = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                    "key.pem", "-out", "certificate.pem", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                    "subjectAltName=IP:127.0.0.1"};
    command.directory = directory;
    if (const auto ran = sdk::os::run_checked(std::move(command)); !ran)
        throw std::runtime_error(ran.error().message);
    return directory;
}

}  // namespace

ChildServer::ChildServer(std::vector<std::string> argv, const std::string& directory, const std::string& ready)
    : child_(start(std::move(argv), directory, output_))
{
    const auto is_ready = [&] {
        const auto at = said_.find(ready);
        return at != std::string::npos && said_.find('\n', at) != std::string::npos;
    };
    while (!is_ready()) {
        std::array<char, 4096> bytes{};
        const auto count = ::read(output_.get(), bytes.data(), bytes.size());
        if (count <= 0)
            throw std::runtime_error("the server ended: " + said_);
        said_.append(bytes.data(), static_cast<std::size_t>(count));
    }
}

ChildServer::~ChildServer()
{
    child_.end_group();
}

int free_port()
{
    const sdk::os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0 ||
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
        throw std::runtime_error("no port");
    return ntohs(address.sin_port);
}

TlsServer::TlsServer(const std::string& directory)
    : directory_(with_certificate(directory)),
      server_({"openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", "certificate.pem", "-key", "key.pem", "-HTTP"}, directory,
              "ACCEPT ")
{
    const auto at = server_.said().find("ACCEPT ");
    const auto colon = server_.said().find(':', at) + 1;
    port_ = server_.said().substr(colon, server_.said().find('\n', colon) - colon);
}

void TlsServer::answer(const std::string& name, const std::string& response) const
{
    if (!sdk::os::write_file_atomic(directory_ + "/" + name, response))
        throw std::runtime_error("cannot write " + name);
}

std::string TlsServer::authority() const
{
    return sdk::os::read_file(directory_ + "/certificate.pem").value_or("");
}

}  // namespace banger::oci::testing
