// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/catalogue.hpp"

#include <gtest/gtest.h>

#include "store_test_support.hpp"

namespace banger::images {
namespace {

TEST(Catalogue, TheOneInThisProgramIsSound)
{
    const Catalogue& catalogue = Catalogue::built_in();
    EXPECT_EQ(catalogue.version(), 1);
    EXPECT_EQ(catalogue.default_image(), "debian-bookworm");
    EXPECT_EQ(catalogue.default_kernel(), "debian-cloud");
    for (const auto& image : catalogue.images())
        EXPECT_TRUE(catalogue.kernel(image.kernel)) << image.name;
}

TEST(Catalogue, FindsByName)
{
    const Catalogue catalogue = testing::catalogue();
    const auto image = catalogue.image("small");
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_EQ(image->source, "fake");
    EXPECT_EQ(image->kernel, "plain");
    EXPECT_EQ(image->recipe, R"({"revision":1})");
    EXPECT_TRUE(catalogue.kernel("plain"));
}

TEST(Catalogue, NamesTheNearest)
{
    const auto image = Catalogue::built_in().image("debian-bokworm");
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().code, sdk::Code::not_found);
    EXPECT_EQ(image.error().message, "there is no image 'debian-bokworm'");
    EXPECT_EQ(image.error().hint, "did you mean 'debian-bookworm'? `banger image list` shows all");

    const auto kernel = Catalogue::built_in().kernel("xyz");
    ASSERT_FALSE(kernel);
    EXPECT_EQ(kernel.error().hint, "`banger kernel list` shows all");
}

TEST(Catalogue, AnothersEntriesAreAddedAndWhatIsWrongIsLeftOutByName)
{
    Catalogue catalogue = testing::catalogue();
    const auto left_out = catalogue.add(R"({"version": 1, "kernels": [
        {"name": "fast", "description": "x", "source": "s", "recipe": {}}], "images": [
        {"name": "good", "description": "x", "kernel": "fast", "source": "s", "recipe": {}, "default": true},
        {"name": "small", "description": "x", "kernel": "fast", "source": "s", "recipe": {}},
        {"name": "lost", "description": "x", "kernel": "none", "source": "s", "recipe": {}},
        {"name": "Bad Name", "description": "x", "kernel": "fast", "source": "s", "recipe": {}},
        {"name": "empty", "description": "x", "kernel": "fast", "sources": []}]})");
    ASSERT_TRUE(left_out) << left_out.error().message;
    EXPECT_EQ(left_out->size(), 4U);
    ASSERT_TRUE(catalogue.image("good"));
    EXPECT_EQ(catalogue.image("good")->kernel, "fast");
    EXPECT_EQ(catalogue.image("small")->source, "fake") << "nobody takes a name that is there";
    EXPECT_EQ(catalogue.default_image(), "small");
    EXPECT_FALSE(catalogue.image("lost"));
    EXPECT_FALSE(catalogue.add("[]"));
    EXPECT_FALSE(catalogue.add(R"({"version": 9})"));
}

struct Bad {
    std::string text;
    sdk::Code code;
    std::string part;  // of the message
};

class BadCatalogue : public ::testing::TestWithParam<Bad> {};

TEST_P(BadCatalogue, IsRefusedWithTheReason)
{
    const auto parsed = Catalogue::parse(GetParam().text);
    ASSERT_FALSE(parsed) << GetParam().text;
    EXPECT_EQ(parsed.error().code, GetParam().code);
    EXPECT_NE(parsed.error().message.find(GetParam().part), std::string::npos) << parsed.error().message;
}

// The good text with one thing replaced.
std::string with(const std::string& old_part, const std::string& new_part)
{
    std::string text = testing::catalogue_text();
    return text.replace(text.find(old_part), old_part.size(), new_part);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, BadCatalogue,
    ::testing::Values(Bad{"{", sdk::Code::corrupt, "is not JSON"},
                      Bad{"[]", sdk::Code::invalid, "is not a JSON object"}, Bad{"{}", sdk::Code::invalid, "version"},
                      Bad{R"({"version":2})", sdk::Code::unsupported, "version 2"},
                      Bad{R"({"version":1})", sdk::Code::invalid, "no list 'images'"},
                      Bad{with(R"("name":"small")", R"("name":"Small One")"), sdk::Code::invalid, "'Small One'"},
                      Bad{with(R"("name":"small")", R"("name":"0123456789abcdef")"), sdk::Code::invalid, "name"},
                      Bad{with(R"("source")", R"("sauce")"), sdk::Code::invalid, "unknown key 'sauce'"},
                      Bad{with(R"("source":"fake",)", ""), sdk::Code::invalid, "'small' has no source"},
                      Bad{with(R"("kernel":"plain")", R"("kernel":"plan")"), sdk::Code::invalid, "kernel 'plan'"},
                      Bad{with(R"("default":true,)", ""), sdk::Code::invalid, "exactly one image"},
                      Bad{with(R"("default":true)", R"("default":1)"), sdk::Code::invalid, "'default' of image"},
                      Bad{with(R"({"revision":1})", R"("x")"), sdk::Code::invalid, "'small' has no recipe"}));

}  // namespace
}  // namespace banger::images
