// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "banger/sdk/testing/fake_host.hpp"
#include "banger/sdk/testing/image_source_contract.hpp"
#include "oci_image.hpp"

namespace banger::sdk::testing {
namespace {

// A layout of one layer, made by umoci(1) once for all tests.
const std::string& layout()
{
    static const TemporaryDirectory directory;  // gone at the end of whatever runs, also where tests are only listed
    static const std::string path = [] {
        const std::string script = "cd " + directory.path() + " && mkdir tree && echo ID=oci >tree/os-release && "
            "umoci init --layout layout && umoci new --image layout:x && umoci insert --image layout:x tree /etc";
        return std::system(("(" + script + ") >/dev/null 2>&1").c_str()) == 0 ? directory.path() : std::string();  // NOLINT
    }();
    return path;
}

std::unique_ptr<ImageSource> open_oci(Host& host)
{
    auto made = oci::make_image_source(host, R"({"platform": "linux/amd64"})");
    return made ? std::move(*made) : nullptr;
}

INSTANTIATE_TEST_SUITE_P(Oci, ImageSourceContract,
                         ::testing::Values(ImageSourceUnderTest{
                             "oci", open_oci, R"({"path": ")" + layout() + R"(/layout"})",
                             {R"({"reference": "a:b:c"})", R"({"path": "relative"})", R"({})",
                              R"({"reference": "a", "path": "/b"})", R"({"reference": "UPPER/a"})"},
                             [] { return layout().empty() ? "umoci makes no layout here" : ""; }}));

}  // namespace
}  // namespace banger::sdk::testing
