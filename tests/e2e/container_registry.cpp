// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tests/e2e/container_registry.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <csignal>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/installation.hpp"

namespace banger::e2e {
namespace {

namespace os = sdk::os;

constexpr std::chrono::seconds start_time{30};
constexpr const char* listening = "listening on ";
// "secret" with bcrypt, the one kind of hash that docker-registry takes (htpasswd -B).
constexpr const char* no_logins = "/nonexistent/auth.json";
constexpr const char* passwords = "tester:$2b$05$8Jz4t3tSRSP3Wswj4lrpYO/Mfu79IMowBlg/xMgjbqi1MSAeLArcm\n";
constexpr const char* encoded_password = "dGVzdGVyOnNlY3JldA==";  // tester:secret

void make_certificates(const std::string& directory)
{
    run_script("mkdir -p " + directory + "/trusted && cd " + directory + R"( && exec 2>/dev/null
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj '/CN=an authority' \
            -keyout ca.key -out trusted/ca.crt
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=registry' \
            -keyout server.key -out server.csr
        echo 'subjectAltName = IP:127.0.0.1' >names
        openssl x509 -req -in server.csr -CA trusted/ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt)");
}

}  // namespace

void run_script(const std::string& script)
{
    os::Command command;
    command.argv = {"sh", "-ec", script};
    // Not where skopeo looks by itself: root's buildah makes /run/containers, which others then may not even look into.
    command.environment = {{"LC_ALL", "C.UTF-8"}, {"REGISTRY_AUTH_FILE", no_logins}};
    os::RunLimits limits;
    limits.timeout = std::chrono::minutes(5);
    const auto ran = os::run_checked(std::move(command), {}, limits);
    ASSERT_TRUE(ran) << ran.error().message;
}

ContainerRegistry::ContainerRegistry(const std::string& directory, const RegistryAccess& access)
    : directory_(directory), access_(access)
{
    EXPECT_TRUE(os::make_private_directory(directory_));
    EXPECT_TRUE(os::make_private_directory(directory_ + "/auth"));
    std::string config = "version: 0.1\nlog: {level: info}\nstorage: {filesystem: {rootdirectory: " + directory_ +
                         "/data}}\nhttp:\n  addr: 127.0.0.1:0\n";
    if (access_.tls) {
        make_certificates(directory_ + "/tls");
        config += "  tls: {certificate: " + directory_ + "/tls/server.crt, key: " + directory_ + "/tls/server.key}\n";
    }
    if (access_.password) {
        EXPECT_TRUE(os::write_file_atomic(directory_ + "/passwords", passwords));
        config += "auth: {htpasswd: {realm: test, path: " + directory_ + "/passwords}}\n";
    }
    EXPECT_TRUE(os::write_file_atomic(directory_ + "/config.yml", config));
    const std::string log = directory_ + "/log";
    const auto output = os::open_file(log, O_WRONLY | O_CREAT | O_APPEND);
    os::Command command;
    command.argv = {"docker-registry", "serve", directory_ + "/config.yml"};
    if (!output) {
        ADD_FAILURE() << output.error().message;
        return;
    }
    command.out = command.err = output->get();
    auto started = os::spawn(command);
    if (!started) {
        ADD_FAILURE() << "apt install docker-registry: " << started.error().message;
        return;
    }
    server_.emplace(std::move(*started));
    const bool listens = wait_for_text(log, listening, start_time);
    const auto text = os::read_file(log).value_or(std::string());
    EXPECT_TRUE(listens) << text;
    if (!listens)
        return;
    const auto at = text.find(listening) + std::string(listening).size();
    address_ = text.substr(at, text.find_first_of("\",", at) - at);
    const std::string auth = R"({"auths": {")" + address_ + R"(": {"auth": ")" + encoded_password + R"("}}})";
    EXPECT_TRUE(os::write_file_atomic(auth_file(), auth));
}

ContainerRegistry::~ContainerRegistry()
{
    if (server_)
        server_->end_group();
}

void ContainerRegistry::make(const std::string& kind, const std::string& tree) const
{
    run_script(std::string(BANGER_SOURCE_DIR) + "/tests/e2e/oci-image " + kind + " " + layout() + " " + kind + " " + tree);
}

std::string ContainerRegistry::push(const std::string& kind, const std::string& name) const
{
    std::string options = " --dest-tls-verify=false";
    if (access_.tls)
        options = " --dest-cert-dir " + directory_ + "/tls/trusted";
    if (access_.password)
        options += " --dest-creds tester:secret";
    const std::string reference = address_ + "/" + name;
    run_script("skopeo --insecure-policy copy --quiet" + options + " oci:" + layout() + ":" + kind + " docker://" +
               reference);
    return reference;
}

int ContainerRegistry::count_in_log(const std::string& text) const
{
    const auto log = os::read_file(directory_ + "/log").value_or(std::string());
    int count = 0;
    for (auto at = log.find(text); at != std::string::npos; at = log.find(text, at + 1))
        ++count;
    return count;
}

}  // namespace banger::e2e
