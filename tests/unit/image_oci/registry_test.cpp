// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Registries that misbehave: what is asked of them, what is told about them, and what is left in the cache.
#include "registry_test.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <unistd.h>

#include <chrono>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/lock.hpp"

namespace banger::oci {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using sdk::Code;
using Clock = std::chrono::steady_clock;

TEST_F(RegistryTest, NothingIsFetchedTwice)
{
    const FakeRegistry server({layer_bytes, "second", layer_bytes});
    for (int round = 0; round < 2; ++round) {
        auto pulled = pull(server);
        ASSERT_TRUE(pulled) << pulled.error().message;
        EXPECT_THAT(*pulled, ElementsAre(layer_bytes, "second", layer_bytes));
    }
    EXPECT_EQ(server.server.requests_for("/blobs/").size(), 3U) << "two layers and the configuration";
}

TEST_F(RegistryTest, AnotherImageOnTheSameLayersFetchesOnlyItsOwn)
{
    const FakeRegistry lower({layer_bytes, "second"});
    ASSERT_TRUE(pull(lower));
    const FakeRegistry upper({layer_bytes, "second", "its own"});
    auto pulled = pull(upper);
    ASSERT_TRUE(pulled) << pulled.error().message;
    EXPECT_THAT(*pulled, ElementsAre(layer_bytes, "second", "its own"));
    ASSERT_EQ(upper.server.requests_for("/blobs/").size(), 1U);
    EXPECT_TRUE(is_blob(upper.server.requests_for("/blobs/").front(), "its own"));
}

TEST_F(RegistryTest, SeveralLayersComeAtTheSameTime)
{
    std::atomic<int> asked = 0;
    const FakeRegistry server({"first", "second", "third"}, [&](const Request& request, Reply& /*reply*/) {
        if (request.path.find("/blobs/") == std::string::npos || request.path.find(blobs::digest_of("first")) == std::string::npos) {
            asked += is_blob(request, "second") || is_blob(request, "third") ? 1 : 0;
            asked.notify_all();
            return false;
        }
        wait_until(asked, 2);  // both others have been asked for
        return false;
    });
    auto pulled = pull(server);
    ASSERT_TRUE(pulled) << pulled.error().message;
    EXPECT_THAT(*pulled, ElementsAre("first", "second", "third"));
}

TEST_F(RegistryTest, EachLayerSaysHowFarItIs)
{
    const std::string lower = "first";
    const FakeRegistry base({lower});
    ASSERT_TRUE(pull(base));
    const auto of_base = call.told().size();
    const FakeRegistry server({"third", layer_bytes, lower});  // which is here, and the last to be said so of
    ASSERT_TRUE(pull(server));
    const auto all = call.told();
    ASSERT_GT(all.size(), of_base);
    std::uint64_t before = 0;
    for (std::size_t which = of_base; which < all.size(); ++which) {
        const auto& told = all[which];
        EXPECT_EQ(told.stage, "download 3 layers");
        EXPECT_EQ(told.total, lower.size() + layer_bytes.size() + 5);
        ASSERT_EQ(told.parts.size(), 3U);
        std::uint64_t done = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            EXPECT_EQ(told.parts[i].name, server.layer(i).substr(7, 12));
            done += told.parts[i].done;
        }
        EXPECT_EQ(told.done, done);
        EXPECT_GE(done, before);
        before = done;
    }
    const auto& last = all.back().parts;
    EXPECT_EQ(last[1].done, layer_bytes.size());
    EXPECT_EQ(last[1].total, layer_bytes.size());
    EXPECT_EQ(all.back().done, all.back().total);
    ASSERT_TRUE(pull(server));
    EXPECT_EQ(call.told().size(), all.size()) << "nothing moves when all is here";
}

TEST_F(RegistryTest, ACutDownloadGoesOnWhereItEnded)
{
    std::atomic<int> cuts = 2;
    const FakeRegistry server({layer_bytes}, [&](const Request& request, Reply& reply) {
        if (!is_blob(request, layer_bytes) || cuts-- <= 0)
            return false;
        const auto range = request.headers.find("range");
        const auto from = range == request.headers.end() ? 0 : std::stoul(range->second.substr(6));
        const auto rest = layer_bytes.substr(from);
        reply.send_part(from == 0 ? 200 : 206, rest, 100'000);
        return true;
    });
    auto pulled = pull(server);
    ASSERT_TRUE(pulled) << pulled.error().message;
    EXPECT_EQ(pulled->front(), layer_bytes);
    std::vector<std::string> ranges;
    for (const auto& request : server.server.requests_for(blobs::digest_of(layer_bytes)))
        ranges.push_back(request.headers.contains("range") ? request.headers.at("range") : "");
    EXPECT_THAT(ranges, ElementsAre("", "bytes=100000-", "bytes=200000-"));
}

TEST_F(RegistryTest, AServerWithoutRangesBeginsAnew)
{
    std::atomic<int> cuts = 1;
    const FakeRegistry server({layer_bytes}, [&](const Request& request, Reply& reply) {
        if (!is_blob(request, layer_bytes))
            return false;
        reply.send_part(200, layer_bytes, cuts-- > 0 ? 1000 : layer_bytes.size());
        return true;
    });
    auto pulled = pull(server);
    ASSERT_TRUE(pulled) << pulled.error().message;
    EXPECT_EQ(pulled->front(), layer_bytes);
}

TEST_F(RegistryTest, WhatAnEarlierPullLeftIsResumedAndIfItIsWrongFetchedAnew)
{
    const FakeRegistry server({layer_bytes});
    const auto part = directory.path() + "/" + server.layer(0).substr(7) + ".part";
    ASSERT_TRUE(sdk::os::write_file_atomic(part, std::string(1000, '\0')));
    auto pulled = pull(server);
    ASSERT_TRUE(pulled) << pulled.error().message;
    EXPECT_EQ(pulled->front(), layer_bytes);
    EXPECT_EQ(server.server.requests_for(server.layer(0)).front().headers.at("range"), "bytes=1000-");
    EXPECT_THAT(cached_layers(), ElementsAre(server.layer(0).substr(7)));
}

TEST_F(RegistryTest, OtherBytesNeverCount)
{
    const FakeRegistry server({layer_bytes}, [&](const Request& request, Reply& reply) {
        if (is_blob(request, layer_bytes))
            reply.send(200, std::string(layer_bytes.size(), 'x'));
        return is_blob(request, layer_bytes);
    });
    const auto failure = failure_of(server);
    EXPECT_EQ(failure.code, Code::corrupt);
    EXPECT_THAT(failure.message, HasSubstr(server.layer(0)));
    EXPECT_THAT(cached_layers(), IsEmpty());
}

TEST_F(RegistryTest, MoreBytesThanThereAreEndTheDownload)
{
    const FakeRegistry server({layer_bytes}, [&](const Request& request, Reply& reply) {
        if (is_blob(request, layer_bytes))
            reply.send(200, layer_bytes + "more");
        return is_blob(request, layer_bytes);
    });
    EXPECT_EQ(failure_of(server).code, Code::corrupt);
    EXPECT_FALSE(sdk::os::exists(directory.path() + "/" + server.layer(0).substr(7)));
}

TEST_F(RegistryTest, TwoAtTheSameTimeShareADownload)
{
    std::atomic<int> began = 0;
    const FakeRegistry server({layer_bytes}, [&](const Request& request, Reply& /*reply*/) {
        if (request.path.find("/manifests/") != std::string::npos) {
            ++began;
            began.notify_all();
        }
        if (is_blob(request, layer_bytes))
            wait_until(began, 4);
        return false;
    });
    std::vector<std::jthread> pulls;
    std::atomic<int> whole = 0;
    for (int i = 0; i < 4; ++i)
        pulls.emplace_back([&] {
            auto pulled = pull(server);
            whole += pulled && pulled->front() == layer_bytes ? 1 : 0;
        });
    pulls.clear();
    EXPECT_EQ(whole, 4);
    EXPECT_EQ(server.server.requests_for(server.layer(0)).size(), 1U);
}

FakeRegistry::Misbehave always(int status, const Reply::Headers& headers = {})
{
    return [=](const Request& /*request*/, Reply& reply) {
        reply.send(status, "{}", headers);
        return true;
    };
}

TEST_F(RegistryTest, RefusalsSayWhoRefusedWhatAndWhatToDo)
{
    const FakeRegistry closed({}, always(403));
    const auto permission = failure_of(closed);
    EXPECT_EQ(permission.code, Code::permission);
    EXPECT_THAT(permission.message, HasSubstr(closed.server.address()));
    EXPECT_THAT(permission.message, HasSubstr("made/here"));
    EXPECT_THAT(permission.hint, HasSubstr("login"));
    const FakeRegistry empty({}, always(404));
    EXPECT_EQ(failure_of(empty).code, Code::not_found);
    const FakeRegistry locked({}, always(401, {{"WWW-Authenticate", "Basic realm=\"x\""}}));
    EXPECT_EQ(failure_of(locked).code, Code::permission);
    EXPECT_EQ(locked.server.requests().size(), 1U) << "there is no password to try again with";
    for (const auto* server : {&closed, &empty})
        EXPECT_EQ(server->server.requests().size(), 1U) << "asking again would not help";
}

TEST_F(RegistryTest, AServerInTroubleIsAskedAgain)
{
    std::atomic<int> troubles = 3;
    const FakeRegistry server({"layer"}, [&](const Request& /*request*/, Reply& reply) {
        const int left = troubles--;
        if (left > 0)
            reply.send(left == 2 ? 503 : 500, "{}");
        return left > 0;
    });
    auto pulled = pull(server);
    ASSERT_TRUE(pulled) << pulled.error().message;
    const FakeRegistry broken({}, always(500));
    const auto failure = failure_of(broken);
    EXPECT_EQ(failure.code, Code::unavailable);
    EXPECT_THAT(failure.message, HasSubstr("500"));
    EXPECT_EQ(broken.server.requests().size(), 4U);
}

TEST_F(RegistryTest, ARefusalMayBeLongerThanWhatWasAskedFor)
{
    const std::string page(500, 'p');
    std::atomic<int> troubles = 1;
    const FakeRegistry server({"layer"}, [&](const Request& request, Reply& reply) {
        const bool refused = is_blob(request, "layer") && troubles-- > 0;
        if (refused)
            reply.send(503, page);
        return refused;
    });
    auto pulled = pull(server);
    ASSERT_TRUE(pulled) << pulled.error().message;
    EXPECT_EQ(pulled->front(), "layer");

    for (const auto& [status, body, code] : {std::tuple{404, page, Code::not_found}, std::tuple{403, page, Code::permission},
                                             std::tuple{404, std::string(8U << 20, 'p'), Code::not_found}}) {
        const FakeRegistry refusing({"another"}, [&, status = status, body = body](const Request& request, Reply& reply) {
            if (is_blob(request, "another"))
                reply.send(status, body);
            return is_blob(request, "another");
        });
        EXPECT_EQ(failure_of(refusing).code, code) << status;
    }
}

TEST_F(RegistryTest, ATokenThatRanOutBetweenLayersIsAskedForAgain)
{
    std::atomic<int> tokens = 0;
    const FakeRegistry server({"layer"}, [&](const Request& request, Reply& reply) {
        if (request.path.starts_with("/token?")) {
            reply.send(200, R"({"token": "number-)" + std::to_string(++tokens) + "\"}");
            return true;
        }
        const auto shown = request.headers.find("authorization");
        const std::string wanted = is_blob(request, "layer") ? "Bearer number-2" : "Bearer number-1";
        const bool refused = shown == request.headers.end() || shown->second < wanted;
        if (refused)
            reply.send(401, std::string(500, 'p'),
                       {{"WWW-Authenticate", "Bearer realm=\"http://" + request.headers.at("host") + "/token\""}});
        return refused;
    });
    auto pulled = pull(server);
    ASSERT_TRUE(pulled) << pulled.error().message;
    EXPECT_EQ(tokens, 2);
}

TEST_F(RegistryTest, ATokenIsAskedForAgainToo)
{
    std::atomic<int> troubles = 2;
    const FakeRegistry server({"layer"}, [&](const Request& request, Reply& reply) {
        if (request.path.starts_with("/token?")) {
            const int left = troubles--;
            reply.send(left == 2 ? 429 : left == 1 ? 503 : 200, R"({"token": "t"})");
            return true;
        }
        const bool refused = !request.headers.contains("authorization");
        if (refused)
            reply.send(401, "{}", {{"WWW-Authenticate", "Bearer realm=\"http://" + request.headers.at("host") + "/token\""}});
        return refused;
    });
    auto pulled = pull(server);
    ASSERT_TRUE(pulled) << pulled.error().message;
    EXPECT_EQ(server.server.requests_for("/token?").size(), 3U);
}

TEST_F(RegistryTest, AServerThatGoesAwayInTheMiddleIsTriedAgain)
{
    const auto path = directory.path() + "/download";
    const auto file = sdk::os::open_file(path, O_RDWR | O_CREAT | O_APPEND);
    ASSERT_TRUE(file);
    const auto gone = [] { return sdk::make_error(Code::unavailable, "nobody answers"); };
    const auto patience = short_patience();
    int asked = 0;
    const auto get = [&](const blobs::HttpRequest& request) -> sdk::Result<blobs::HttpAnswer> {
        ++asked;
        if (asked == 2 || asked == 3)
            return gone();
        EXPECT_EQ(request.from, asked == 1 ? 0U : 3U);
        EXPECT_TRUE(sdk::os::write_all(request.into, asked == 1 ? "abc" : "def"));
        blobs::HttpAnswer answer;
        answer.status = asked == 1 ? 0 : 206;
        return answer;
    };
    const auto answer = blobs::download({}, 6, file->get(), patience, get, call);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(sdk::os::read_file(path).value_or(""), "abcdef");

    ASSERT_EQ(::ftruncate(file->get(), 3), 0);
    asked = 0;
    const auto nobody = blobs::download({}, 6, file->get(), patience, [&](const blobs::HttpRequest&) -> sdk::Result<blobs::HttpAnswer> {
        ++asked;
        return gone();
    }, call);
    ASSERT_FALSE(nobody);
    EXPECT_EQ(asked, 1) << "one that never answered is given up at once";
}

TEST_F(RegistryTest, OneThatIsAskedTooOftenSaysWhen)
{
    std::atomic<int> refusals = 1;
    const FakeRegistry server({"layer"}, [&](const Request& /*request*/, Reply& reply) {
        if (refusals-- <= 0)
            return false;
        reply.send(429, "{}", {{"Retry-After", "1"}});
        return true;
    });
    const auto start = Clock::now();
    ASSERT_TRUE(pull(server));
    EXPECT_GE(Clock::now() - start, std::chrono::seconds(1));

    const FakeRegistry tomorrow({}, always(429, {{"Retry-After", "86400"}}));
    const auto failure = failure_of(tomorrow);
    EXPECT_EQ(failure.code, Code::unavailable);
    EXPECT_THAT(failure.hint, HasSubstr("86400 seconds"));
    EXPECT_EQ(tomorrow.server.requests().size(), 1U);
}

TEST_F(RegistryTest, AStalledServerIsGivenUpAndCancellingIsQuick)
{
    std::atomic<int> stalls = 0;
    const FakeRegistry server({layer_bytes}, [&](const Request& request, Reply& reply) {
        if (!is_blob(request, layer_bytes))
            return false;
        reply.send_part(200, layer_bytes, 5);
        ++stalls;
        stalls.notify_all();
        reply.stall();
        return true;
    });
    blobs::Patience patience = short_patience();
    patience.attempts = 1;
    Registry impatient(*parse_reference(server.reference()), {directory.path(), false, patience});
    auto given_up = impatient.blob({"", server.layer(0), layer_bytes.size()}, call);
    ASSERT_FALSE(given_up);
    EXPECT_EQ(given_up.error().code, Code::unavailable);

    patience.stall = std::chrono::seconds(60);
    Registry patient(*parse_reference(server.reference()), {directory.path(), false, patience});
    std::jthread canceller([&] {
        wait_until(stalls, 2);
        call.cancel();
    });
    const auto start = Clock::now();
    auto cancelled = patient.blob({"", server.layer(0), layer_bytes.size()}, call);
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code, Code::cancelled);
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(3));
}

TEST_F(RegistryTest, CancellingDoesNotWaitForTheTimeThatAServerAskedFor)
{
    const FakeRegistry server({}, [&](const Request& /*request*/, Reply& reply) {
        reply.send(503, "{}", {{"Retry-After", "5"}});
        call.cancel();
        return true;
    });
    const auto start = Clock::now();
    (void)failure_of(server);
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(3));
    EXPECT_EQ(server.server.requests().size(), 1U);
}

TEST_F(RegistryTest, ADownloadOfAnotherProcessIsWaitedForAndTheWaitCanBeCancelled)
{
    const FakeRegistry server({layer_bytes});
    const auto part = directory.path() + "/" + server.layer(0).substr(7) + ".part";
    auto others = sdk::os::open_file(part, O_RDWR | O_CREAT);
    ASSERT_TRUE(others);
    ASSERT_TRUE(sdk::os::lock_file(others->get(), part, -1));
    auto registry = open(server);
    const auto take = [&](sdk::Call& taker) { return registry.blob({"", server.layer(0), layer_bytes.size()}, taker); };
    {
        sdk::testing::FakeCall impatient;
        impatient.cancel();
        auto cancelled = take(impatient);
        ASSERT_FALSE(cancelled);
        EXPECT_EQ(cancelled.error().code, Code::cancelled);
    }
    EXPECT_THAT(server.server.requests(), IsEmpty());
    std::jthread waiter([&] { EXPECT_TRUE(take(call)); });
    others->reset();
    waiter.join();
    EXPECT_EQ(sdk::os::read_file(part.substr(0, part.size() - 5)).value_or(""), layer_bytes);
}

TEST_F(RegistryTest, ASlowServerIsWaitedForAndCancellingIsQuick)
{
    std::atomic<int> slow = 0;
    const FakeRegistry server({layer_bytes}, [&](const Request& request, Reply& reply) {
        if (!is_blob(request, layer_bytes))
            return false;
        reply.send_slowly(200, layer_bytes, std::chrono::milliseconds(20), [&] {
            ++slow;
            slow.notify_all();
        });
        return true;
    });
    auto registry = open(server);
    std::jthread canceller([&] {
        wait_until(slow, 60);  // longer than a second, which a stalled one would have
        call.cancel();
    });
    const auto cancelled = registry.blob({"", server.layer(0), layer_bytes.size()}, call);
    canceller.join();
    const auto end = Clock::now();
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code, Code::cancelled);
    EXPECT_EQ(server.server.requests_for("/blobs/").size(), 1U) << "it was never given up";
    EXPECT_LT(Clock::now() - end, std::chrono::seconds(3));
}

TEST_F(RegistryTest, AFullDiskIsSaidAndWhatCameIsResumedWhenThereIsRoom)
{
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root to mount a small tmpfs";
    const auto small = directory.path() + "/small";
    ASSERT_TRUE(sdk::os::make_private_directory(small));
    if (::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=128k") != 0)
        GTEST_SKIP() << "this root may not mount a tmpfs";
    const FakeRegistry server({layer_bytes});
    Registry registry(*parse_reference(server.reference()), {small, false, short_patience()});
    const Descriptor layer{"", server.layer(0), layer_bytes.size()};
    const auto full = registry.blob(layer, call);
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().code, Code::no_space) << full.error().message;
    EXPECT_THAT(full.error().message, HasSubstr("no space left in " + small));
    EXPECT_THAT(full.error().hint, HasSubstr("banger image cache prune"));
    EXPECT_FALSE(sdk::os::exists(small + "/" + server.layer(0).substr(7))) << "it counts only when it is whole";
    ASSERT_EQ(::mount("tmpfs", small.c_str(), "tmpfs", MS_REMOUNT, "size=8m"), 0);
    const auto path = registry.blob(layer, call);
    ASSERT_TRUE(path) << path.error().message;
    EXPECT_EQ(sdk::os::read_file(*path).value_or(""), layer_bytes);
    EXPECT_TRUE(server.server.requests_for("/blobs/").back().headers.contains("range"));
    EXPECT_EQ(::umount2(small.c_str(), MNT_DETACH), 0);
}

TEST_F(RegistryTest, ManifestsThatAreNoneAreRefused)
{
    const auto with = [this](const std::string& manifest) {
        const FakeRegistry server({}, [&](const Request& request, Reply& reply) {
            if (request.path.find("/manifests/") != std::string::npos)
                reply.send(200, manifest);
            return request.path.find("/manifests/") != std::string::npos;
        });
        return failure_of(server);
    };
    EXPECT_EQ(with("{").code, Code::corrupt);
    EXPECT_EQ(with(std::string(200'000, '[')).code, Code::corrupt);
    EXPECT_EQ(with(R"({"schemaVersion": 1, "fsLayers": []})").code, Code::unsupported);
    const auto digest = blobs::digest_of("x");
    const auto other = with(R"({"manifests": [{"digest": ")" + digest +
                            R"(", "size": 1, "platform": {"os": "linux", "architecture": "s390x"}}]})");
    EXPECT_EQ(other.code, Code::unsupported);
    EXPECT_THAT(other.message, HasSubstr("linux/s390x"));
    EXPECT_EQ(with(R"({"manifests": [{"digest": "sha256:../../etc/passwd", "size": 1}]})").code, Code::corrupt);
    EXPECT_EQ(with(R"({"manifests": [{"digest": ")" + digest + R"(", "size": 1}]})").code, Code::corrupt)
        << "the index is answered for what it names";
}

TEST_F(RegistryTest, NobodyThereIsSaidAtOnce)
{
    std::string reference;
    {
        const FakeRegistry server({});
        reference = server.reference();
    }
    Registry registry(*parse_reference(reference), {directory.path(), false, blobs::Patience{}});
    const auto start = Clock::now();
    const auto image = registry.fetch("linux/amd64", call);
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().code, Code::unavailable);
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(2));
}

}  // namespace
}  // namespace banger::oci
