// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Several callers who want the same image at the same time.
#include "image_store_test.hpp"

#include <gmock/gmock.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

namespace banger::images {
namespace {

using sdk::Code;
using sdk::testing::FakeCall;
using ::testing::ElementsAre;
using testing::FunctionSource;
using ::testing::SizeIs;

// Counts the callers that the work has told something.
class Audience {
public:
    void arrive()
    {
        const std::lock_guard held(mutex_);
        ++present_;
        changed_.notify_all();
    }
    void wait_for(int callers)
    {
        std::unique_lock held(mutex_);
        changed_.wait(held, [&] { return present_ >= callers; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int present_ = 0;
};

class ListeningCall final : public FakeCall {
public:
    explicit ListeningCall(Audience& audience) : audience_(audience) {}
    void progress(const sdk::Progress& progress) override
    {
        FakeCall::progress(progress);
        std::call_once(first_, [this] { audience_.arrive(); });
    }

private:
    Audience& audience_;
    std::once_flag first_;
};

TEST_F(ImageStoreTest, TenCallersAtOnceMakeItOnce)
{
    constexpr int callers = 10;
    Audience audience;
    FunctionSource source([&](const sdk::ImageRequest& request, sdk::Call& call) {
        call.progress({"wait for all", 0, 0, {}});
        audience.wait_for(callers);
        return testing::gives(testing::small_image().text())(request, call);
    });
    ImageStore store(directory_, catalogue_, always(source));
    std::vector<std::future<sdk::Result<Image>>> pulls;
    for (int caller = 0; caller < callers; ++caller)
        pulls.push_back(std::async(std::launch::async, [&] {
            ListeningCall call(audience);
            return store.pull("small", call);
        }));
    for (auto& pull : pulls) {
        const auto image = pull.get();
        ASSERT_TRUE(image) << image.error().message;
        EXPECT_EQ(image->name, "small");
    }
    EXPECT_EQ(source.fetches(), 1);
    EXPECT_THAT(*store.list(), SizeIs(1));
}

TEST_F(ImageStoreTest, CallersWhoShareAPullEachGetTheNameThatTheyChose)
{
    constexpr int callers = 10;
    Audience audience;
    FunctionSource source([&](const sdk::ImageRequest& request, sdk::Call& call) {
        if (request.recipe.find("\"pin\"") == std::string::npos) {
            call.progress({"wait for all", 0, 0, {}});
            audience.wait_for(callers);
        }
        return pins_each(request, call);
    });
    ImageStore store(directory_, catalogue_, always(source));
    std::vector<std::future<sdk::Result<Image>>> pulls;
    for (int caller = 0; caller < callers; ++caller)
        pulls.push_back(std::async(std::launch::async, [&, caller] {
            ListeningCall call(audience);
            return store.pull("r/a:1", call, {.name = "local/mine:" + std::to_string(caller)});
        }));
    for (auto& pull : pulls) {
        const auto image = pull.get();
        ASSERT_TRUE(image) << image.error().message;
    }
    EXPECT_THAT(*store.list(), SizeIs(1));
    for (int caller = 0; caller < callers; ++caller)
        EXPECT_TRUE(store.find("local/mine:" + std::to_string(caller))) << caller;
}

TEST_F(ImageStoreTest, OneOfTwoMayGiveUp)
{
    Audience audience;
    std::promise<void> first_left;
    FunctionSource source([&](const sdk::ImageRequest& request, sdk::Call& call) {
        call.progress({"wait for both", 0, 0, {}});
        first_left.get_future().wait();
        return testing::gives(testing::small_image().text())(request, call);
    });
    ImageStore store(directory_, catalogue_, always(source));
    ListeningCall impatient(audience);
    ListeningCall patient(audience);
    auto first = std::async(std::launch::async, [&] { return store.pull("small", impatient); });
    auto second = std::async(std::launch::async, [&] { return store.pull("small", patient); });
    audience.wait_for(2);
    impatient.cancel();
    EXPECT_EQ(first.get().error().code, Code::cancelled);
    first_left.set_value();
    EXPECT_TRUE(second.get());
    EXPECT_EQ(source.fetches(), 1);
}

// Two stores are to each other what two processes are: they share nothing but the directory.
TEST_F(ImageStoreTest, AnotherProcessMayPublishFirst)
{
    FunctionSource quick(testing::gives(testing::small_image().text()));
    ImageStore other(directory_, catalogue_, always(quick));
    FunctionSource slow([&](const sdk::ImageRequest& request, sdk::Call& call) {
        FakeCall own;
        EXPECT_TRUE(other.pull("small", own));
        other.sweep();
        return testing::gives(testing::small_image().text())(request, call);
    });
    ImageStore store(directory_, catalogue_, always(slow));
    FakeCall call;
    const auto image = store.pull("small", call);
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_EQ(quick.fetches() + slow.fetches(), 2);
    EXPECT_THAT(names(), ElementsAre(image->id));
}

}  // namespace
}  // namespace banger::images
