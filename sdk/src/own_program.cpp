// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/own_program.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <filesystem>

namespace banger::sdk {

Result<std::string> find_own_program(const OwnProgram& program, const std::string& configured, const void* code)
{
    if (!configured.empty()) {
        if (::access(configured.c_str(), X_OK) == 0)
            return configured;
        return os_error("run " + configured)
            .with_hint("check plugin." + program.plugin + "." + program.key + " in the configuration");
    }
    Dl_info self{};
    std::error_code ignored;
    if (::dladdr(code, &self) != 0 && self.dli_fname != nullptr) {
        const auto here = std::filesystem::absolute(self.dli_fname, ignored).parent_path();
        for (const auto& candidate : {program.from_plugin, "../../../bin/" + program.name, program.name}) {
            const auto path = (here / candidate).lexically_normal();
            if (::access(path.c_str(), X_OK) == 0)
                return path.string();
        }
    }
    return make_error(Code::not_found,
                      "the program " + program.name + " is not where the plugin " + program.plugin + " looks for it",
                      "install banger again" +
                          (program.key.empty() ? "" : ", or set " + program.key + " under [plugin." + program.plugin + "]"));
}

}  // namespace banger::sdk
