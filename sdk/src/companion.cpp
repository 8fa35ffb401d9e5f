// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/companion.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <filesystem>

namespace banger::sdk {

Result<std::string> find_companion(const void* code, const std::string& name, const std::string& installed)
{
    Dl_info self{};
    std::error_code ignored;
    if (::dladdr(code, &self) != 0 && self.dli_fname != nullptr) {
        const auto here = std::filesystem::absolute(self.dli_fname, ignored).parent_path();
        for (const auto& candidate : {installed, "../../../bin/" + name, name}) {
            const auto path = (here / candidate).lexically_normal();
            if (::access(path.c_str(), X_OK) == 0)
                return path.string();
        }
    }
    return make_error(Code::not_found, "the program " + name + " is not where its plugin looks for it",
                      "install banger again");
}

}  // namespace banger::sdk
