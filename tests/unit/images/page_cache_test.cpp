// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <array>
#include <map>
#include <random>

#include "core/images/name_table.hpp"
#include "core/images/page_cache.hpp"
#include "core/images/paged_array.hpp"
#include "support.hpp"

namespace banger::images {
namespace {

using namespace testing;

constexpr std::size_t few_pages = 16 * PageCache::page_bytes;
constexpr std::array<std::uint8_t, 16> hash_seed{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

TEST(PageCache, KeepsWhatDoesNotFitInAFileThatNobodySees)
{
    const TempDir dir;
    PageCache cache(dir.path(), few_pages);
    PagedArray<std::uint64_t> numbers(cache);
    PagedBytes texts(cache);
    constexpr std::uint64_t count = 100'000;
    std::mt19937_64 random(1);
    for (std::uint64_t i = 0; i < count; ++i)
        ASSERT_EQ(numbers.push(i * i), i);
    const auto at = texts.append(std::string(3 * PageCache::page_bytes, 'x') + "end");
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto index = random() % count;
        ASSERT_EQ(numbers.get(index) % 1'000'000'007, index * index % 1'000'000'007);
        numbers.set(index, index * index);
    }
    EXPECT_EQ(texts.read(at + 3 * PageCache::page_bytes - 1, 4), "xend");
    EXPECT_TRUE(texts.equals(at, std::string(3 * PageCache::page_bytes, 'x') + "end"));
    EXPECT_FALSE(texts.equals(at, std::string(3 * PageCache::page_bytes, 'x') + "And"));
    EXPECT_EQ(why(cache.failure()), "");
    EXPECT_GT(cache.spilled(), count * sizeof(std::uint64_t) / 2);
    EXPECT_EQ(run({"ls", "-A", dir.path()}).output, "");
}

TEST(PageCache, TouchesNoDiskWhileAllFits)
{
    PageCache cache("/nowhere", few_pages);
    PagedArray<std::uint64_t> numbers(cache);
    for (std::uint64_t i = 0; i < few_pages / sizeof(std::uint64_t); ++i)
        numbers.push(i);
    EXPECT_EQ(numbers.get(1000), 1000U);
    EXPECT_EQ(cache.spilled(), 0U);
    EXPECT_EQ(why(cache.failure()), "");
    numbers.push(0);
    ASSERT_FALSE(cache.failure());
    EXPECT_NE(cache.failure().error().message.find("/nowhere"), std::string::npos);
}

// Against a map, with names that come and go.
TEST(NameTable, HoldsNamesInTheOrderOfTheirHashes)
{
    const TempDir dir;
    PageCache cache(dir.path(), few_pages);
    NameTable table(cache, hash_seed);
    NameList list;
    std::map<std::string, std::uint32_t> model;
    std::mt19937 random(2);
    for (std::uint32_t step = 0; step < 60'000; ++step) {
        const auto name = std::to_string(random() % 5000);
        const auto place = table.find(list, name);
        ASSERT_EQ(place.has_value(), model.contains(name)) << name;
        if (!place) {
            table.add(list, name, step, 1);
            model[name] = step;
        } else if (random() % 3 == 0) {
            EXPECT_EQ(table.at(list, *place).inode, model[name]);
            table.erase(list, *place);
            model.erase(name);
        }
        ASSERT_EQ(list.count, model.size());
    }
    std::uint32_t last = 0;
    std::size_t seen = 0;
    for (auto place = table.next(list, 0); place < list.places(); place = table.next(list, place + 1), ++seen) {
        const auto name = table.at(list, place);
        EXPECT_GE(name.hash, last);
        EXPECT_EQ(name.hash, table.hash_of(table.text(name)));
        EXPECT_EQ(model.at(table.text(name)), name.inode);
        last = name.hash;
    }
    EXPECT_EQ(seen, model.size());
    EXPECT_EQ(why(cache.failure()), "");
}

// Hashes that all want the last places: somebody who knows the seed can choose names so.
TEST(NameTable, TakesNamesThatAllHashToItsEnd)
{
    const TempDir dir;
    PageCache cache(dir.path(), few_pages);
    NameTable table(cache, hash_seed);
    NameList list;
    std::vector<std::string> chosen;
    for (int i = 0; chosen.size() < 100; ++i)
        if (const auto name = std::to_string(i); table.hash_of(name) >> 24U == 0xffU)
            chosen.push_back(name);
    for (std::uint32_t i = 0; i < chosen.size(); ++i)
        table.add(list, chosen[i], i, 0);
    for (std::uint32_t i = 0; i < chosen.size(); ++i) {
        const auto place = table.find(list, chosen[i]);
        ASSERT_TRUE(place) << chosen[i];
        EXPECT_EQ(table.at(list, *place).inode, i);
    }
    EXPECT_LE(list.places(), 1024U);
}

}  // namespace
}  // namespace banger::images
