// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Bundles: what core writes comes out as it was, from a file and from a server, and nothing else is taken.
#include "bundle.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <map>
#include <thread>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "blobs/digest.hpp"
#include "catalog_image.hpp"
#include "core/images/bundle.hpp"
#include "core/images/published_catalogue.hpp"
#include "tests/unit/image_oci/loopback_server.hpp"
#include "tests/unit/image_store/store_test_support.hpp"

namespace banger::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using images::testing::FunctionSource;
using oci::testing::LoopbackServer;
using oci::testing::Reply;
using oci::testing::Request;
using sdk::Code;

constexpr std::uint64_t enough = 1ULL << 40;

class BundleTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        for (const char* name : {"published", "out"})
            ASSERT_TRUE(sdk::os::make_private_directory(at(name)));
    }
    [[nodiscard]] std::string at(const std::string& name) const { return host.directory() + "/" + name; }
    void run(const std::string& script)
    {
        sdk::os::Command command;
        command.argv = {"sh", "-ec", script};
        command.directory = host.directory();
        const auto ran = sdk::os::run_checked(std::move(command));
        ASSERT_TRUE(ran) << ran.error().message;
    }
    /// A store with the image "small", made once.
    images::ImageStore& store()
    {
        if (!store_)
            store_ = std::make_unique<images::ImageStore>(
                at("images"), catalogue_, [this](const std::string&) -> sdk::Result<sdk::ImageSource*> { return &source_; });
        return *store_;
    }
    images::Bundle publish()
    {
        auto image = store().pull("small", call);
        EXPECT_TRUE(image) << image.error().message;
        auto bundle = images::write_bundle(*image, "small", at("published"), call);
        EXPECT_TRUE(bundle) << bundle.error().message;
        return bundle.value_or({});
    }
    [[nodiscard]] Options options() const { return read_options("{}", host.cache_directory()).value_or({}); }
    sdk::Result<sdk::Fields> unpack(const std::string& file)
    {
        const auto bytes = sdk::os::read_file(file).value_or("");
        return unpack_bundle({file, blobs::digest_of(bytes), enough}, at("out"), call);
    }
    /// Of an archive that tar(1) makes of the files of a good bundle, unpacked in "made", by this script.
    std::string why_not(const std::string& script)
    {
        run("rm -rf made bad.tar.zst out && mkdir made out && tar -C made --zstd -xf published/*.tar.zst && cd made && chmod u+w * && " +
            script);
        auto taken = unpack(at("bad.tar.zst"));
        EXPECT_FALSE(taken) << script;
        EXPECT_THAT(sdk::os::list_directory(at("out")).value_or({}), IsEmpty()) << script;
        if (taken)
            return {};
        EXPECT_EQ(sdk::to_string(taken.error().code), "corrupt") << taken.error().message;
        return taken.error().message;
    }

    sdk::testing::FakeHost host;
    sdk::testing::FakeCall call;

private:
    FunctionSource source_{images::testing::gives(images::testing::small_image().text())};
    images::Catalogue catalogue_ = images::testing::catalogue();
    std::unique_ptr<images::ImageStore> store_;
};

TEST_F(BundleTest, WhatCoreWritesComesOutAsItWas)
{
    const auto bundle = publish();
    const auto image = store().find("small");
    ASSERT_TRUE(image);
    EXPECT_EQ(bundle.file, "small-" + bundle.digest.substr(7) + ".tar.zst");
    const auto bytes = sdk::os::read_file(at("published/" + bundle.file)).value_or("");
    EXPECT_EQ(blobs::digest_of(bytes), bundle.digest);
    EXPECT_EQ(bytes.size(), bundle.bytes);
    EXPECT_LT(bundle.bytes, image->root.bytes / 10) << "its holes take no room";

    const auto facts = unpack(at("published/" + bundle.file));
    ASSERT_TRUE(facts) << facts.error().message;
    EXPECT_EQ(facts->at("os_id"), "debian");
    EXPECT_EQ(facts->at("digest"), bundle.digest);
    for (const auto& [name, layer] : {std::pair{"/rootfs.ext4", image->root}, std::pair{"/work.ext4", image->work}}) {
        run("cmp " + at("out") + name + " " + layer.path);
        struct stat status {};
        ASSERT_EQ(::stat((at("out") + name).c_str(), &status), 0);
        EXPECT_LE(static_cast<std::uint64_t>(status.st_blocks) * 512, image->bytes) << "holes are holes again";
    }
    EXPECT_EQ(publish().digest, bundle.digest) << "the same image, the same bundle";
    EXPECT_THAT(sdk::os::list_directory(at("published")).value_or({}), ElementsAre(bundle.file));
}

TEST_F(BundleTest, AnythingElseIsRefusedByName)
{
    publish();
    const std::string good = "tar --format=posix --zstd -cf ../bad.tar.zst manifest.json rootfs.ext4 work.ext4";
    EXPECT_THAT(why_not("touch ../x && " + good + " ../x"), HasSubstr("holds"));
    EXPECT_THAT(why_not("tar --format=posix --zstd -cf ../bad.tar.zst manifest.json rootfs.ext4"), HasSubstr("has no work.ext4"));
    EXPECT_THAT(why_not(good + " --hard-dereference work.ext4"), HasSubstr("holds work.ext4 twice"));
    EXPECT_THAT(why_not("ln -sf /etc/passwd work.ext4 && " + good), HasSubstr("no regular file"));
    EXPECT_THAT(why_not("rm work.ext4 && mkdir work.ext4 && " + good), HasSubstr("holds"));
    EXPECT_THAT(why_not("rm work.ext4 && ln rootfs.ext4 work.ext4 && " + good), HasSubstr("no regular file"));
    EXPECT_THAT(why_not("echo x >work.ext4 && " + good), HasSubstr("no file system"));
    EXPECT_THAT(why_not("echo '[]' >manifest.json && " + good), HasSubstr("manifest"));
    EXPECT_THAT(why_not(good + " && truncate -s -100 ../bad.tar.zst"), HasSubstr("is damaged"));
    EXPECT_THAT(why_not("tar --format=posix -czf ../bad.tar.zst manifest.json rootfs.ext4 work.ext4"), HasSubstr("is damaged"));
    EXPECT_THAT(why_not("head -c 100000 /dev/urandom >../bad.tar.zst"), HasSubstr("is damaged"));
}

TEST_F(BundleTest, AnotherDigestAndMoreThanAllowedAreRefused)
{
    const auto bundle = publish();
    const auto path = at("published/" + bundle.file);
    auto other = unpack_bundle({path, blobs::digest_of("other"), enough}, at("out"), call);
    ASSERT_FALSE(other);
    EXPECT_THAT(other.error().message, HasSubstr("is not what its digest says"));
    run("cp " + path + " longer && echo more >>longer");
    other = unpack_bundle({at("longer"), bundle.digest, enough}, at("out"), call);
    EXPECT_FALSE(other) << "what follows the archive counts too";
    auto large = unpack_bundle({path, bundle.digest, 1U << 20}, at("out"), call);
    ASSERT_FALSE(large);
    EXPECT_EQ(large.error().code, Code::invalid);
    EXPECT_THAT(sdk::os::list_directory(at("out")).value_or({}), IsEmpty());
}

TEST_F(BundleTest, ACutDownloadGoesOnWhereItEndedAndIsTheImage)
{
    const auto bundle = publish();
    const auto bytes = sdk::os::read_file(at("published/" + bundle.file)).value_or("");
    std::atomic<int> asked = 0;
    const LoopbackServer server([&](const Request& request, Reply& reply) {
        const auto range = request.headers.find("range");
        if (request.path == "/gone")
            reply.send(404, "");
        else if (asked++ == 0)
            reply.send_part(200, bytes, bytes.size() / 2);
        else if (range != request.headers.end())
            reply.send(206, bytes.substr(std::stoull(range->second.substr(6))));
    });
    auto options = read_options(R"({"most_bytes": 1000000000000})", host.cache_directory()).value_or({});
    options.patience.first_wait = std::chrono::milliseconds(1);
    auto catalog = make_image_source(options);
    images::Catalogue catalogue = images::testing::catalogue();
    const auto left_out = catalogue.add(R"({"version": 1, "images": [{"name": "web", "description": "x", "kernel": "plain", "sources": [
        {"source": "catalog", "recipe": {"bundle": "http://)" + server.address() + R"(/gone", "digest": ")" +
                                        bundle.digest.substr(0, 8) + std::string(63, '0') + R"(", "size": 5}},
        {"source": "catalog", "recipe": {"bundle": "http://)" + server.address() + "/" + bundle.file + R"(", "digest": ")" +
                                        bundle.digest + R"(", "size": )" + std::to_string(bundle.bytes) + "}}]}]}");
    ASSERT_TRUE(left_out) << left_out.error().message;
    ASSERT_THAT(*left_out, IsEmpty());
    images::ImageStore pulled(at("pulled"), catalogue,
                              [&](const std::string&) -> sdk::Result<sdk::ImageSource*> { return catalog.get(); });
    const auto image = pulled.pull("web", call);
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_THAT(call.warnings(), ElementsAre(HasSubstr("source 'catalog' does not give 'web'")));
    EXPECT_EQ(image->facts.at("init"), "systemd");
    EXPECT_EQ(images::testing::file_in(image->work.path, "/.profile"), "umask 022\n");
    EXPECT_TRUE(images::testing::is_clean(image->root.path));
    EXPECT_THAT(images::testing::names_in(at("pulled") + "/" + image->id), ElementsAre("image.json", "root.ext4", "work.ext4"));
}

TEST_F(BundleTest, ADownloadThatWasDamagedSinceIsMadeAnew)
{
    const auto bundle = publish();
    const auto bytes = sdk::os::read_file(at("published/" + bundle.file)).value_or("");
    std::atomic<int> asked = 0;
    const LoopbackServer server([&](const Request& /*request*/, Reply& reply) {
        ++asked;
        reply.send(200, bytes);
    });
    const auto options = read_options(R"({"most_bytes": 1000000000000})", host.cache_directory()).value_or({});
    ASSERT_TRUE(sdk::os::make_directories(options.cache + "/blobs"));
    ASSERT_TRUE(sdk::os::write_file_atomic(options.cache + "/blobs/" + bundle.digest.substr(7), bytes.substr(0, bytes.size() / 2)));
    sdk::ImageRequest request;
    request.directory = at("out");
    request.recipe = R"({"bundle": "http://)" + server.address() + "/" + bundle.file + R"(", "digest": ")" + bundle.digest +
                     R"(", "size": )" + std::to_string(bundle.bytes) + "}";
    const auto image = make_image_source(options)->fetch(request, call);
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_EQ(image->facts.at("digest"), bundle.digest);
    EXPECT_EQ(asked, 1);
}

TEST_F(BundleTest, AFileOfOneIsImportedAsWhatItIs)
{
    const auto bundle = publish();
    const auto path = at("published/" + bundle.file);
    run("cp published/" + bundle.file + " renamed && tar -cf saved.tar renamed");
    EXPECT_EQ(images::bundle_in(path), images::BundleOf::image);
    EXPECT_EQ(images::bundle_in(at("renamed")), images::BundleOf::image);
    for (const char* other : {"saved.tar", "published", "nothing"})
        EXPECT_EQ(images::bundle_in(at(other)), std::nullopt) << other;

    auto catalog = make_image_source(options());
    images::Catalogue catalogue = images::testing::catalogue();
    ASSERT_TRUE(catalogue.add(R"({"version": 1, "images": [{"name": "web", "description": "x", "kernel": "plain",
        "source": "catalog", "recipe": {"bundle": "/elsewhere", "digest": ")" + bundle.digest + R"(", "size": )" +
                              std::to_string(bundle.bytes) + "}}]}"));
    images::ImageStore imported(at("imported"), catalogue,
                                [&](const std::string&) -> sdk::Result<sdk::ImageSource*> { return catalog.get(); });
    const auto image = imported.import(at("renamed"), "local/web:1", call);
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_TRUE(image->kept);
    EXPECT_EQ(images::testing::file_in(image->work.path, "/.profile"), "umask 022\n");
    const auto again = imported.import(path, "local/other:1", call);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->id, image->id) << "the same bytes, wherever they are";
    EXPECT_EQ(imported.find("local/other:1")->id, image->id);
    const auto pulled = imported.pull("web", call);
    ASSERT_TRUE(pulled) << pulled.error().message;
    EXPECT_EQ(pulled->id, image->id) << "a catalogue that names this bundle means this image";

    run("printf x >>renamed && cp renamed published/other-" + bundle.digest.substr(7) + ".tar.zst");
    const auto renamed = imported.import(at("published/other-" + bundle.digest.substr(7) + ".tar.zst"), "local/bad:1", call);
    ASSERT_FALSE(renamed);
    EXPECT_EQ(renamed.error().code, Code::corrupt);
    EXPECT_THAT(renamed.error().message, HasSubstr("is not the bundle that its name says"));
    run("truncate -s 1000 renamed");
    EXPECT_FALSE(imported.import(at("renamed"), "local/cut:1", call));
    EXPECT_FALSE(imported.find("local/cut:1"));
}

TEST_F(BundleTest, WhatIsPublishedAtTheSameTimeIsAllInTheCatalogue)
{
    std::vector<std::string> names;
    std::vector<std::thread> publishing;
    for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
        names.push_back(std::string(R"("name": ")") + name + "\"");
        publishing.emplace_back([this, name] {
            const images::Bundle bundle{name, {}, {}, 1, std::string(R"({"name": ")") + name + R"("})"};
            const sdk::testing::FakeCall own;
            EXPECT_TRUE(images::add_to_catalogue(bundle, at("published"), own));
        });
    }
    for (auto& thread : publishing)
        thread.join();
    const auto text = sdk::os::read_file(at("published/catalogue.json")).value_or("");
    for (const auto& name : names)
        EXPECT_THAT(text, HasSubstr(name));
}

TEST_F(BundleTest, DirectoriesThatAreMadeToPublishInAreForEverybody)
{
    const mode_t ours = ::umask(0077);
    const auto made = images::make_published_directory(at("web/images/mine"));
    ::umask(ours);
    ASSERT_TRUE(made) << made.error().message;
    run("for d in web web/images web/images/mine; do [ $(stat -c %a $d) = 755 ]; done");
    run("chmod 700 web");
    EXPECT_TRUE(images::make_published_directory(at("web")));
    run("[ $(stat -c %a web) = 700 ]");
}

TEST_F(BundleTest, PublishingReplacesAnEntryOfTheNameAndMakesSignaturesVoid)
{
    const auto bundle = publish();
    ASSERT_TRUE(images::add_to_catalogue(bundle, at("published"), call));
    ASSERT_TRUE(sdk::os::write_file_atomic(at("published/catalogue.json.sig"), "signed"));
    ASSERT_TRUE(images::add_to_catalogue(bundle, at("published"), call));
    EXPECT_FALSE(sdk::os::exists(at("published/catalogue.json.sig")));
    run("[ $(stat -c %a published/catalogue.json) = 644 ] && [ $(stat -c %a published/small-*) = 644 ]");
    images::Catalogue catalogue = images::testing::catalogue(2);
    const auto text = sdk::os::read_file(at("published/catalogue.json")).value_or("");
    const auto left_out = catalogue.add(text);
    ASSERT_TRUE(left_out) << left_out.error().message;
    EXPECT_THAT(*left_out, ElementsAre(HasSubstr("'small' is another catalogue's already")));
    ASSERT_TRUE(sdk::os::write_file_atomic(at("published/catalogue.json"), "no catalogue"));
    EXPECT_FALSE(images::add_to_catalogue(bundle, at("published"), call)) << "nobody's file is overwritten";
}

}  // namespace
}  // namespace banger::catalog
