// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/ring_log.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "banger/sdk/testing/fake_host.hpp"

namespace banger::agent {
namespace {

class RingLogTest : public ::testing::Test {
protected:
    [[nodiscard]] std::string path() const { return directory_.path() + "/log"; }

    struct All {
        std::string out;
        std::string err;
        std::uint64_t dropped = 0;
    };
    static All read_all(const RingLog& log, RingLog::Cursor& cursor, std::size_t room = 1000)
    {
        All all;
        std::string piece(room, '\0');
        for (;;) {
            const auto got = log.read(cursor, piece);
            all.dropped += got.dropped;
            if (got.bytes == 0)
                return all;
            (got.type == FrameType::out ? all.out : all.err).append(piece, 0, got.bytes);
        }
    }
    static All read_all(const RingLog& log, std::size_t room = 1000)
    {
        RingLog::Cursor cursor;
        return read_all(log, cursor, room);
    }

    sdk::testing::TemporaryDirectory directory_;
};

/// Lines that say where they stand.
std::string line(int number)
{
    std::string text = std::to_string(number) + "\n";
    return std::string(10 - text.size(), '0') + text;
}

TEST_F(RingLogTest, KeepsWhatWasWrittenAndWhere)
{
    auto log = RingLog::create(path(), RingLog::least_capacity);
    EXPECT_EQ(log.problem(), "");
    log.append(FrameType::out, "one ");
    log.append(FrameType::err, "trouble");
    log.append(FrameType::out, "two");
    for (const std::size_t room : {1U, 3U, 1000U}) {
        const auto all = read_all(log, room);
        EXPECT_EQ(all.out, "one two");
        EXPECT_EQ(all.err, "trouble");
        EXPECT_EQ(all.dropped, 0U);
    }
    EXPECT_EQ(log.written(), 14U);
    EXPECT_EQ(log.dropped(), 0U);
}

TEST_F(RingLogTest, TheOldestMakesRoomAndReadersAreToldHowMuchTheyMiss)
{
    auto log = RingLog::create(path(), RingLog::least_capacity);
    RingLog::Cursor slow;
    std::string early(7, '\0');
    log.append(FrameType::out, line(0));
    ASSERT_EQ(log.read(slow, early).bytes, 7U);
    std::string written = line(0);
    for (int i = 1; i < 50000; ++i) {
        log.append(FrameType::out, line(i));
        written += line(i);
    }
    EXPECT_EQ(log.written(), written.size());
    EXPECT_GT(log.dropped(), 0U);
    const auto all = read_all(log);
    EXPECT_EQ(all.dropped, log.dropped());
    EXPECT_EQ(all.out, written.substr(all.dropped)) << "the newest, without a hole, from a whole record on";
    EXPECT_GT(all.out.size(), RingLog::least_capacity / 5);

    const auto late = read_all(log, slow);
    EXPECT_EQ(late.out, all.out);
    EXPECT_EQ(late.dropped, log.dropped() - 7) << "of the seven bytes that it has it misses none";
    log.append(FrameType::out, "more");
    EXPECT_EQ(read_all(log, slow).out, "more");
}

TEST_F(RingLogTest, APieceLongerThanTheLogLeavesItsEnd)
{
    auto log = RingLog::create(path(), RingLog::least_capacity);
    std::string bytes;
    for (int i = 0; i < 100000; ++i)
        bytes += line(i);
    log.append(FrameType::err, bytes);
    const auto all = read_all(log);
    EXPECT_EQ(all.dropped + all.err.size(), bytes.size());
    EXPECT_TRUE(bytes.ends_with(all.err));
    EXPECT_GT(all.err.size(), RingLog::least_capacity / 2);
}

TEST_F(RingLogTest, ItsFileNeverGrowsAndIsThereForTheNextReader)
{
    struct stat before {};
    struct stat after {};
    std::string kept;
    {
        auto log = RingLog::create(path(), 100'000);
        ASSERT_EQ(stat(path().c_str(), &before), 0);
        for (int i = 0; i < 30000; ++i)
            log.append(i % 3 == 0 ? FrameType::err : FrameType::out, line(i));
        kept = read_all(log).out;
        log.close("how it ended");
        ASSERT_EQ(stat(path().c_str(), &after), 0);
    }
    EXPECT_EQ(before.st_size, after.st_size);
    EXPECT_GE(before.st_blocks * 512, 100'000) << "its room is taken at the beginning";
    EXPECT_EQ(after.st_mode & 07777U, 0600U);
    const auto again = RingLog::open(path());
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(read_all(*again).out, kept);
    EXPECT_EQ(again->written(), 300'000U);
    EXPECT_EQ(again->note(), "how it ended");
    EXPECT_EQ(RingLog::open(path() + "2").error().code, sdk::Code::not_found);
}

/// No file may become longer meanwhile: what a full disk is to a writer.
class NoRoom {
public:
    explicit NoRoom(std::uint64_t bytes) : handler_(signal(SIGXFSZ, SIG_IGN))
    {
        getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{bytes, before_.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~NoRoom()
    {
        setrlimit(RLIMIT_FSIZE, &before_);
        signal(SIGXFSZ, handler_);
    }
    NoRoom(const NoRoom&) = delete;
    NoRoom& operator=(const NoRoom&) = delete;

private:
    void (*handler_)(int);
    rlimit before_{};
};

TEST_F(RingLogTest, WithoutRoomForAFileItIsInMemoryAndSaysWhy)
{
    const NoRoom limit(RingLog::memory_capacity + 4096);
    auto log = RingLog::create(path(), 1UL << 20U);
    EXPECT_NE(log.problem(), "");
    EXPECT_EQ(log.capacity(), RingLog::memory_capacity);
    EXPECT_FALSE(std::filesystem::exists(path()));
    std::string written;
    for (int i = 0; i < 50000; ++i) {
        log.append(FrameType::out, line(i));
        written += line(i);
    }
    const auto all = read_all(log);
    EXPECT_EQ(all.out, written.substr(all.dropped));
    EXPECT_GT(all.out.size(), RingLog::memory_capacity / 5);
}

TEST_F(RingLogTest, AFileThatCannotBeWrittenAnyMoreLosesThePastAndNotTheFuture)
{
    auto log = RingLog::create(path(), 1UL << 20U);
    ASSERT_EQ(log.problem(), "");
    RingLog::Cursor cursor;
    log.append(FrameType::out, std::string(500'000, 'x'));
    const NoRoom limit(RingLog::memory_capacity + 4096);
    log.append(FrameType::out, "goes on");
    EXPECT_NE(log.problem(), "");
    const auto all = read_all(log, cursor);
    EXPECT_EQ(all.out, "goes on");
    EXPECT_EQ(all.dropped, 500'000U);
    EXPECT_EQ(log.written(), 500'007U);
}

/// A log that was written for more than two turns of the ring and never closed, as a machine that is cut off leaves it.
std::string write_two_turns(const std::string& path)
{
    auto log = RingLog::create(path, RingLog::least_capacity);
    std::string written;
    for (int i = 0; i < 6000; ++i) {
        log.append(FrameType::out, line(i));
        written += line(i);
    }
    return written;
}

TEST_F(RingLogTest, AfterACrashTheNewestIsFoundThoughNobodySaidWhereItEnds)
{
    const auto written = write_two_turns(path());
    const auto log = RingLog::open(path());
    ASSERT_TRUE(log) << log.error().message;
    const auto all = read_all(*log);
    EXPECT_EQ(log->written(), written.size());
    EXPECT_EQ(all.out, written.substr(all.dropped));
    EXPECT_EQ(all.dropped, log->dropped());
    EXPECT_GT(all.out.size(), RingLog::least_capacity / 5);
}

TEST_F(RingLogTest, APageThatACrashKeptFromTheDiskIsAHoleAndNotTheEnd)
{
    const auto written = write_two_turns(path());
    {
        std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(8 * 4096);
        file.write(std::string(4096, '\0').data(), 4096);
    }
    const auto log = RingLog::open(path());
    ASSERT_TRUE(log) << log.error().message;
    std::string text(1000, '\0');
    RingLog::Cursor cursor;
    std::vector<std::uint64_t> holes;
    std::string whole;
    for (auto piece = log->read(cursor, text); piece.bytes > 0; piece = log->read(cursor, text)) {
        if (piece.dropped > 0)
            holes.push_back(piece.dropped);
        whole.append(text, 0, piece.bytes);
    }
    ASSERT_EQ(holes.size(), 2U) << "what was written over, and the page";
    EXPECT_EQ(whole.size() + holes[0] + holes[1], written.size());
    EXPECT_TRUE(written.ends_with(whole.substr(whole.size() - 1000)));
    EXPECT_LT(holes[1], 4096U);
}

TEST_F(RingLogTest, WhatCannotBeReadIsMissingAndNotTheEnd)
{
    auto log = RingLog::create(path(), RingLog::least_capacity);
    for (const char letter : {'a', 'b', 'c'})
        log.append(FrameType::out, std::string(7000, letter));
    std::string text(1000, '\0');
    RingLog::Cursor within;
    ASSERT_EQ(log.read(within, text).bytes, 1000U);
    RingLog::Cursor before_end;
    ASSERT_EQ(read_all(log, before_end).out.size(), 21'000U);
    std::filesystem::resize_file(path(), 4096 + 7050);  // within what stands before the second
    for (auto cursor : {RingLog::Cursor(), within}) {
        const auto read = cursor.written;
        const auto all = read_all(log, cursor);
        EXPECT_EQ(read + all.out.size(), 7000U);
        EXPECT_EQ(all.dropped, 14'000U);
    }
    // Room that is there again, as on a disk that fails in one place.
    std::filesystem::resize_file(path(), 4096 + RingLog::least_capacity);
    log.append(FrameType::out, "more");
    RingLog::Cursor cursor;
    const auto all = read_all(log, cursor);
    EXPECT_EQ(all.out, std::string(7000, 'a') + "more");
    EXPECT_EQ(all.dropped, 14'000U);
    EXPECT_EQ(read_all(log, before_end).out, "more");
}

TEST_F(RingLogTest, ARecordOfWhichACrashLeftAPartIsMissingAndSaidToBe)
{
    for (const bool closed : {false, true}) {
        {
            auto log = RingLog::create(path(), RingLog::least_capacity);
            for (const char letter : {'a', 'b', 'c'})
                log.append(FrameType::out, std::string(7000, letter));
            if (closed)
                log.close("how it ended");
        }
        // A page in the middle of the second did not reach the disk, while all around it did.
        std::fstream(path(), std::ios::in | std::ios::out | std::ios::binary)
            .seekp(3 * 4096)
            .write(std::string(4096, '\0').data(), 4096);
        const auto log = RingLog::open(path());
        ASSERT_TRUE(log) << log.error().message;
        const auto all = read_all(*log);
        EXPECT_EQ(all.out, std::string(7000, 'a') + std::string(7000, 'c'));
        EXPECT_EQ(all.dropped, 7000U);
        EXPECT_EQ(log->written(), 21'000U);
    }
}

TEST_F(RingLogTest, TheLastIsNotTheEndWhereACrashLeftAPartOfIt)
{
    {
        auto log = RingLog::create(path(), RingLog::least_capacity);
        log.append(FrameType::out, "before");
        log.append(FrameType::out, std::string(7000, 'x'));
    }
    std::fstream(path(), std::ios::in | std::ios::out | std::ios::binary)
        .seekp(2 * 4096)
        .write(std::string(4096, '\0').data(), 4096);
    const auto log = RingLog::open(path());
    ASSERT_TRUE(log) << log.error().message;
    EXPECT_EQ(read_all(*log).out, "before");
    EXPECT_EQ(log->written(), 6U);
}

TEST_F(RingLogTest, OutputThatLooksLikeRecordsIsOutput)
{
    std::string imitated;
    {
        write_two_turns(path());
        std::ifstream file(path(), std::ios::binary);
        file.seekg(4096);
        imitated.resize(20'000);
        file.read(imitated.data(), static_cast<std::streamsize>(imitated.size()));
    }
    RingLog::create(path(), RingLog::least_capacity).append(FrameType::out, imitated);
    const auto log = RingLog::open(path());
    ASSERT_TRUE(log) << log.error().message;
    EXPECT_EQ(read_all(*log).out, imitated);
}

TEST_F(RingLogTest, WhatACrashLeftIsNeverTakenForOutput)
{
    RingLog::create(path(), RingLog::least_capacity).append(FrameType::out, std::string(1000, 'x'));
    {
        // The state is of later than the records.
        std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(4096);
        file.write(std::string(64, '\0').data(), 64);
    }
    auto torn = RingLog::open(path());
    ASSERT_TRUE(torn) << torn.error().message;
    EXPECT_EQ(read_all(*torn).out, "");
    std::ofstream(path(), std::ios::binary) << std::string(5000, 'z');
    EXPECT_EQ(RingLog::open(path()).error().code, sdk::Code::corrupt);
    std::ofstream(path(), std::ios::binary) << "short";
    EXPECT_EQ(RingLog::open(path()).error().code, sdk::Code::corrupt);
}

}  // namespace
}  // namespace banger::agent
