// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/ids.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "core/base/words.hpp"

namespace banger::base {
namespace {

TEST(Ids, HaveTheirLengthAndDoNotRepeat)
{
    EXPECT_EQ(new_instance_id().size(), 8U);
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
        const auto id = new_vm_id();
        EXPECT_EQ(id.size(), 12U);
        EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
        EXPECT_TRUE(seen.insert(id).second);
    }
}

TEST(Names, EveryGeneratedNameIsValid)
{
    for (const auto adjective : adjectives)
        for (const auto animal : animals)
            ASSERT_TRUE(check_vm_name(std::string(adjective) + "-" + std::string(animal)));
}

TEST(Names, WordListsAreSortedAndHaveNoDoubles)
{
    EXPECT_GE(adjectives.size() * animals.size(), 30'000U);
    for (const auto& list : {adjectives, animals})
        EXPECT_EQ(std::adjacent_find(list.begin(), list.end(), std::greater_equal<>()), list.end());
}

TEST(Names, TakenOnesAreNotGiven)
{
    const auto name = new_vm_name([](const std::string& candidate) {
        return std::count(candidate.begin(), candidate.end(), '-') < 2;  // every plain pair is taken
    });
    EXPECT_EQ(std::count(name.begin(), name.end(), '-'), 2);
    EXPECT_TRUE(check_vm_name(name));
}

TEST(Names, DnsLabelsAreFine)
{
    for (const std::string name : {"a", "0a", "web", "web-1", "a--b", "xn--x", "1-1", "deadbeef", "deadbeefdeadx"})
        EXPECT_TRUE(check_vm_name(name)) << name;
    EXPECT_TRUE(check_vm_name(std::string(63, 'a')));
}

struct BadName {
    std::string name;
    std::string message;
    std::string hint;
};

TEST(Names, EveryBrokenRuleIsSaid)
{
    const std::string rule = " cannot name a vm: ";
    const std::vector<BadName> cases{
        {"", "a vm's name cannot be empty", "such as 'sandbox' or 'web-1'"},
        {"Web", "'Web'" + rule + "letters must be lower case", "such as 'web'"},
        {"my_vm", "'my_vm'" + rule + "it may only have the letters a-z, digits and '-'", "such as 'my-vm'"},
        {"a b", "'a b'" + rule + "it may only have the letters a-z, digits and '-'", "such as 'a-b'"},
        {"../x", "'../x'" + rule + "it may only have the letters a-z, digits and '-'", "such as 'x'"},
        {"a\nb", "'a?b'" + rule + "it may only have the letters a-z, digits and '-'", "such as 'a-b'"},
        {"-web", "'-web'" + rule + "it must start and end with a letter or digit", "such as 'web'"},
        {"web-", "'web-'" + rule + "it must start and end with a letter or digit", "such as 'web'"},
        {"-", "'-'" + rule + "it must start and end with a letter or digit", "such as 'sandbox' or 'web-1'"},
        {"123", "'123'" + rule + "digits alone look like an address", "such as 'vm-123'"},
        {"6321e1061973", "'6321e1061973'" + rule + "twelve hexadecimal digits are a vm's id",
         "such as 'vm-6321e1061973'"},
    };
    for (const auto& [name, message, hint] : cases) {
        const auto result = check_vm_name(name);
        ASSERT_FALSE(result) << name;
        EXPECT_EQ(result.error().code, sdk::Code::invalid);
        EXPECT_EQ(result.error().message, message);
        EXPECT_EQ(result.error().hint, hint);
    }
    const auto longer = check_vm_name(std::string(64, 'a'));
    ASSERT_FALSE(longer);
    EXPECT_NE(longer.error().message.find("it has 64 characters and may have 63"), std::string::npos);
}

}  // namespace
}  // namespace banger::base
