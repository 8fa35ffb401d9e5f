// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/shared_stream.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <future>
#include <random>
#include <string>
#include <thread>

namespace banger::agent {
namespace {

constexpr std::size_t page = 4096;

std::string noise(std::size_t size)
{
    std::mt19937_64 random(size);
    std::string bytes(size, '\0');
    for (char& byte : bytes)
        byte = static_cast<char>(random());
    return bytes;
}

/// The writer on a loop of this thread, the reader on a thread of its own.
class SharedStreamTest : public ::testing::Test {
protected:
    SharedStreamTest()
    {
        auto made = SharedStream::make();
        EXPECT_TRUE(made);
        stream_ = std::move(*made);
        writer_ = std::make_unique<SharedWriter>(loop_, stream_.ring, std::move(stream_.to_reader), [this] { on_drained(); });
    }

    /// Gives away `bytes` in pieces of up to `longest`, the next one whenever the writer holds nothing, and then the end.
    void send(std::string_view bytes, std::size_t longest)
    {
        rest_ = bytes;
        longest_ = longest;
        on_drained();
        if (!done_)
            loop_.run();
    }

    /// What comes to the end, read in pieces of `size`.
    std::future<std::string> receive(std::size_t size)
    {
        return std::async(std::launch::async, [this, size] {
            SharedInput in(stream_.ring, stream_.to_writer.get());
            std::string all;
            for (;;) {
                const auto piece = in.next(size);
                if (!piece)
                    return piece.error().message;
                if (piece->empty())
                    return all;
                aligned_ = aligned_ && reinterpret_cast<std::uintptr_t>(piece->data()) % page == all.size() % page;
                whole_ = whole_ && !short_;
                short_ = piece->size() < size;
                all.append(*piece);
            }
        });
    }

    void on_drained()
    {
        ++drained_;
        if (stop_when_drained_)
            return loop_.stop();
        while (writer_->backlog() == 0 && !rest_.empty()) {
            const auto piece = rest_.substr(0, longest_);
            rest_.remove_prefix(piece.size());
            writer_->write(piece);
        }
        if (!rest_.empty())
            return;
        writer_->end();
        done_ = writer_->backlog() == 0;
        if (done_)
            loop_.stop();
    }

    EventLoop loop_;
    SharedStream stream_;
    std::unique_ptr<SharedWriter> writer_;
    std::string_view rest_;
    std::size_t longest_ = 0;
    bool done_ = false;
    int drained_ = 0;
    bool stop_when_drained_ = false;
    bool aligned_ = true;  ///< each piece lay as far behind a page as it does in the stream
    bool short_ = false;   ///< the last piece was
    bool whole_ = true;    ///< all before it were not
};

TEST_F(SharedStreamTest, CarriesMoreThanItHolds)
{
    const auto bytes = noise((21U << 20U) + 12345);
    auto received = receive(tree::Input::most);
    send(bytes, 100000);
    EXPECT_TRUE(received.get() == bytes);
    EXPECT_TRUE(aligned_);
    EXPECT_TRUE(whole_);
}

TEST_F(SharedStreamTest, CarriesWhatIsReadInSmallPieces)
{
    const auto bytes = noise((9U << 20U) + 1);
    auto received = receive(777);
    send(bytes, 3U << 20U);
    EXPECT_TRUE(received.get() == bytes);
    EXPECT_TRUE(aligned_);
    EXPECT_TRUE(whole_);
}

TEST_F(SharedStreamTest, KeepsWhatDoesNotFitAndSendsItBeforeTheEnd)
{
    const auto bytes = noise(10U << 20U);
    writer_->write(bytes);
    EXPECT_GT(writer_->backlog(), 0U);
    writer_->end();
    auto received = receive(tree::Input::most);
    send({}, 1);
    EXPECT_TRUE(received.get() == bytes);
    EXPECT_GT(drained_, 1);
}

TEST_F(SharedStreamTest, AnEmptyStreamHasAnEnd)
{
    auto received = receive(tree::Input::most);
    send({}, 1);
    EXPECT_EQ(received.get(), "");
}

TEST_F(SharedStreamTest, AWriterThatIsGoneIsTheEnd)
{
    writer_->write("half");
    writer_.reset();
    EXPECT_EQ(receive(tree::Input::most).get(), "half");
}

TEST_F(SharedStreamTest, AReaderThatIsGoneSwallowsTheBytes)
{
    const auto bytes = noise(10U << 20U);
    writer_->write(bytes);
    ASSERT_GT(writer_->backlog(), 0U);
    stream_.to_writer.reset();
    stop_when_drained_ = true;
    loop_.run();
    EXPECT_EQ(writer_->backlog(), 0U);
    writer_->write(bytes);
    EXPECT_EQ(writer_->backlog(), 0U);
}

TEST_F(SharedStreamTest, AChildThatIsForkedLaterHasNoPartInIt)
{
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        SharedInput in(stream_.ring, stream_.to_writer.get());
        (void)in.next(1);  // the memory is not there
        _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status));
}

}  // namespace
}  // namespace banger::agent
