// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tests/e2e/host_program.hpp"

#include <gtest/gtest.h>

namespace banger::e2e {
namespace {

// The program $2 with its libraries, to the directory $1 as $3.
constexpr const char* collecting_script =
    "mkdir -p \"$1\" && cp -L \"$2\" \"$1/$3\" && cp -L $(ldd \"$2\" | grep -o '/[^ ]*' | grep -v '/ld-linux\\|/libc\\.so') \"$1\"";

}  // namespace

void bring_program(const Installation& host, const std::string& vm, const std::string& program, const std::string& name)
{
    const std::string there = "/opt/" + name + "/" + name;
    if (host.banger({"vm", "exec", vm, "--", "test", "-e", there}).status == 0)
        return;
    const auto found = sdk::os::find_program(program);
    ASSERT_TRUE(found) << "there is no " << program;
    const std::string bundle = host.home() + "/" + name;
    sdk::os::Command command;
    command.argv = {"sh", "-c", collecting_script, "sh", bundle, *found, name};
    const auto collected = sdk::os::run_checked(command);
    ASSERT_TRUE(collected) << collected.error().message;
    const auto copied = host.banger({"vm", "cp", bundle, vm + ":/opt/"});
    EXPECT_EQ(copied.status, 0) << copied.err;
}

}  // namespace banger::e2e
