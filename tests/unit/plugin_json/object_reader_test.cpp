// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "plugins/json/object_reader.hpp"

#include <gmock/gmock.h>

namespace banger::plugin_json {
namespace {

using ::testing::HasSubstr;

sdk::Result<void> read(std::string_view text)
{
    return read_section(text, "net-x", [](ObjectReader& section) {
        (void)section.text("name", is_not_empty, "x");
        (void)section.flag("shared", false);
        (void)section.number("pool", 1, 64, 4);
        section.objects("files", [](ObjectReader& file) { (void)file.required_text("host", is_not_empty); });
    });
}

TEST(PluginSection, GivesWhatIsThereAndElseTheDefault)
{
    std::string name;
    std::uint64_t pool = 0;
    bool shared = true;
    std::vector<std::string> hosts;
    const auto done = read_section(R"({"name": "y", "shared": false, "files": [{"host": "a"}, {"host": "b"}]})", "net-x",
                                   [&](ObjectReader& section) {
                                       name = section.text("name", is_not_empty, "x");
                                       pool = section.number("pool", 1, 64, 4);
                                       shared = section.flag("shared", true);
                                       section.objects("files", [&](ObjectReader& file) {
                                           hosts.push_back(file.required_text("host", is_not_empty));
                                       });
                                   });
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(name, "y");
    EXPECT_EQ(pool, 4U);
    EXPECT_FALSE(shared);
    EXPECT_THAT(hosts, ::testing::ElementsAre("a", "b"));
}

TEST(PluginSection, SaysWhatIsWrongWithWhich)
{
    const std::pair<const char*, const char*> cases[] = {
        {"", "is not JSON"},
        {"[]", "is not a JSON object"},
        {R"({"name": 1})", "'name' that is not text"},
        {R"({"name": ""})", "has the name ''"},
        {R"({"shared": 1})", "'shared' that is neither true nor false"},
        {R"({"pool": 0})", "'pool' that is not a number from 1 to 64"},
        {R"({"pool": "4"})", "'pool' that is not a number"},
        {R"({"files": {}})", "'files' that is not a list"},
        {R"({"files": [1]})", "in 'files' that is not an object"},
        {R"({"files": [{}]})", "has no 'host'"},
        {R"({"files": [{"host": "a", "hots": "b"}]})", "unknown key 'hots'"},
        {R"({"sharde": true})", "unknown key 'sharde'"},
    };
    for (const auto& [text, words] : cases) {
        const auto refused = read(text);
        ASSERT_FALSE(refused) << text;
        EXPECT_EQ(refused.error().code, sdk::Code::invalid);
        EXPECT_THAT(refused.error().message, HasSubstr("the configuration of plugin net-x")) << text;
        EXPECT_THAT(refused.error().message, HasSubstr(words)) << text;
    }
    EXPECT_THAT(read(R"({"sharde": true})").error().hint, HasSubstr("did you mean 'shared'?"));
}

}  // namespace
}  // namespace banger::plugin_json
