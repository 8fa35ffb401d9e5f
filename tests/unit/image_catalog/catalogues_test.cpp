// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Catalogues of others: which count, and what stays of one that cannot be had.
#include "catalogues.hpp"

#include <gmock/gmock.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "download.hpp"
#include "signature.hpp"
#include "tests/unit/image_oci/loopback_server.hpp"

namespace banger::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using oci::testing::LoopbackServer;
using oci::testing::Reply;
using oci::testing::Request;

const std::string catalogue_text = R"({"version": 1, "images": [{"name": "web", "description": "x", "kernel": "k",
    "sources": [{"source": "catalog", "recipe": {"bundle": "web-0.tar.zst", "digest": "d", "size": 1}}]}]})";

class CataloguesTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        run("ssh-keygen -q -t ed25519 -N '' -f key && ssh-keygen -q -t ed25519 -N '' -f other");
        write("catalogue.json", catalogue_text);
        sign("key");
    }
    [[nodiscard]] std::string at(const std::string& name) const { return host.directory() + "/" + name; }
    [[nodiscard]] std::string read(const std::string& name) const { return sdk::os::read_file(at(name)).value_or(""); }
    void write(const std::string& name, const std::string& text) { ASSERT_TRUE(sdk::os::write_file_atomic(at(name), text)); }
    void run(const std::string& script)
    {
        sdk::os::Command command;
        command.argv = {"sh", "-ec", script};
        command.directory = host.directory();
        const auto ran = sdk::os::run_checked(std::move(command));
        ASSERT_TRUE(ran) << ran.error().message;
    }
    void sign(const std::string& key)
    {
        run("rm -f catalogue.json.sig && ssh-keygen -q -Y sign -n banger-catalogue -f " + key + " catalogue.json 2>/dev/null");
    }
    [[nodiscard]] std::string public_key(const std::string& name) const
    {
        const auto line = read(name + ".pub");
        return line.substr(0, line.find('\n'));
    }
    [[nodiscard]] Options options_for(const std::string& location) const
    {
        Options options;
        options.cache = host.cache_directory();
        options.catalogues = {{location, public_key("key")}};
        options.patience.attempts = 1;
        options.patience.stall = std::chrono::seconds(1);
        return options;
    }
    std::string read_all(const Options& options) { return read_catalogues(options, call).value_or("failed"); }

    sdk::testing::FakeHost host;
    sdk::testing::FakeCall call;
};

TEST_F(CataloguesTest, OneInAFileCountsWhenItsKeySignedIt)
{
    const auto options = options_for(at("catalogue.json"));
    EXPECT_THAT(read_all(options), HasSubstr("\"bundle\":\"" + at("web-0.tar.zst") + "\""));
    EXPECT_THAT(call.warnings(), IsEmpty());

    write("catalogue.json", catalogue_text + " ");
    EXPECT_THAT(read_all(options), Not(HasSubstr("web"))) << "changed since it was signed";
    EXPECT_THAT(call.warnings(), ElementsAre(HasSubstr("its signature is not that of the key")));
    sign("other");
    EXPECT_THAT(read_all(options), Not(HasSubstr("web")));
    run("rm catalogue.json.sig");
    EXPECT_THAT(read_all(options), Not(HasSubstr("web"))) << "not signed at all";
    sign("key");
    EXPECT_THAT(read_all(options), HasSubstr("web"));
    // Signed for something else than catalogues.
    run("rm -f catalogue.json.sig && ssh-keygen -q -Y sign -n file -f key catalogue.json 2>/dev/null");
    EXPECT_THAT(read_all(options), Not(HasSubstr("web")));
}

TEST_F(CataloguesTest, OneOfASiteIsWhatItWasWhenTheSiteLastAnswered)
{
    std::string location;
    {
        const LoopbackServer server([this](const Request& request, Reply& reply) {
            const auto text = read(request.path.substr(request.path.rfind('/') + 1));
            reply.send(text.empty() ? 404 : 200, text);
        });
        location = "http://" + server.address() + "/images/catalogue.json";
        EXPECT_THAT(read_all(options_for(location)),
                    HasSubstr("\"bundle\":\"http://" + server.address() + "/images/web-0.tar.zst\""));
    }
    EXPECT_THAT(read_all(options_for(location)), HasSubstr("web-0.tar.zst"));
    EXPECT_THAT(call.warnings(), ElementsAre(HasSubstr("is as it was when it last answered")));
    auto with_other_key = options_for(location);
    with_other_key.catalogues.front().key = public_key("other");
    EXPECT_THAT(read_all(with_other_key), Not(HasSubstr("web"))) << "what another key signed is not kept for this one";
}

TEST_F(CataloguesTest, ABundleIsBesideItsCatalogueOrAtAnAddress)
{
    const auto placed = [](const std::string& bundle) {
        return with_places(R"({"version": 1, "images": [{"source": "catalog", "recipe": {"bundle": ")" + bundle + R"("}}]})",
                           "https://host/dir/catalogue.json");
    };
    EXPECT_THAT(placed("a.tar.zst").value_or(""), HasSubstr("\"https://host/dir/a.tar.zst\""));
    EXPECT_THAT(placed("https://other/a").value_or(""), HasSubstr("\"https://other/a\""));
    for (const char* wrong : {"/etc/passwd", "../a", "a/b", "http://other/a", "file:///etc/passwd"})
        EXPECT_FALSE(placed(wrong)) << wrong;
    EXPECT_FALSE(with_places("[]", "x"));
    EXPECT_FALSE(with_places(R"({"version": 2})", "x"));
    EXPECT_FALSE(with_places(R"({"version": 1, "images": {}})", "x"));
}

TEST_F(CataloguesTest, OnlyThisMachineIsAskedWithoutHttps)
{
    for (const char* asked : {"https://host/b", "http://localhost/b", "http://localhost:8080/b", "http://127.0.0.1/b", "http://[::1]:80/b"})
        EXPECT_TRUE(is_address(asked)) << asked;
    for (const char* wrong : {"http://host/b", "http://localhost:x@evil.example/b", "http://127.0.0.1@evil.example",
                              "http://[::1]@evil.example/b", "https://user:word@host/b", "ftp://host/b"}) {
        EXPECT_FALSE(is_address(wrong)) << wrong;
        const auto read = read_location(wrong, 1, options_for(wrong), call);
        ASSERT_FALSE(read) << wrong;
        EXPECT_EQ(read.error().code, sdk::Code::invalid) << read.error().message;
    }
}

TEST_F(CataloguesTest, MinisignVerifiesToo)
{
    if (!sdk::os::find_program("minisign"))
        GTEST_SKIP() << "apt install minisign";
    run("minisign -G -W -p mini.pub -s mini.key >/dev/null && minisign -S -s mini.key -m catalogue.json >/dev/null");
    const auto key = read("mini.pub");
    const auto line = key.substr(key.find('\n') + 1);
    auto options = options_for(at("catalogue.json"));
    options.catalogues.front().key = line.substr(0, line.find('\n'));
    EXPECT_THAT(read_all(options), HasSubstr("web"));
    write("catalogue.json", catalogue_text + " ");
    EXPECT_THAT(read_all(options), Not(HasSubstr("web")));
}

TEST_F(CataloguesTest, AKeyThatIsNoneIsSaidToBe)
{
    EXPECT_FALSE(signature_suffix(""));
    EXPECT_FALSE(signature_suffix("rubbish"));
    EXPECT_FALSE(signature_suffix("ssh-ed25519 AAAA\nssh-ed25519 BBBB"));
}

}  // namespace
}  // namespace banger::catalog
