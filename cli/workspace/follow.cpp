// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/follow.hpp"

#include <poll.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <utility>

#include "cli/held_tool.hpp"
#include "cli/text.hpp"
#include "cli/workspace/git.hpp"
#include "cli/workspace/prepare.hpp"

namespace banger::workspace {
namespace {

using Clock = std::chrono::steady_clock;

/// A change is often several: written and renamed, or one of thousands. They go together once it was quiet for this long,
constexpr std::chrono::milliseconds quiet{50};
/// and no later than this after the first.
constexpr std::chrono::milliseconds longest_wait{500};

void add(tree::Happened& all, tree::Happened&& news)
{
    all.names.merge(news.names);
    all.everything = all.everything || news.everything;
}

class Following {
public:
    Following(cli::Context& context, const Follower& follower) : context_(context), follower_(follower) {}

    sdk::Result<int> run()
    {
        if (auto held = hold(); !held)
            return std::move(held).error();
        here_.everything = true;
        if (auto done = round(); !done)
            return std::move(done).error();
        follower_.listener.on_ready();
        for (;;) {
            auto signal = wait();
            if (!signal)
                return std::move(signal).error();
            if (*signal != 0)
                return *signal;
            if (auto taken = take(); !taken)
                return std::move(taken).error();
            if (is_due())
                if (auto done = round(); !done)
                    return std::move(done).error();
        }
    }

private:
    [[nodiscard]] bool any() const { return here_.any() || there_.any(); }
    [[nodiscard]] bool is_due() const { return any() && (!has_news_ || Clock::now() - first_ >= longest_wait); }

    sdk::Result<void> hold()
    {
        auto held = cli::HeldTool::start(context_, follower_.held);
        if (!held)
            return std::move(held).error();
        held_ = std::make_unique<cli::HeldTool>(std::move(*held));
        output_.clear();
        if (follower_.on_held)
            follower_.on_held();
        return {};
    }

    sdk::Result<void> round()
    {
        const auto here = std::exchange(here_, {});
        const auto there = std::exchange(there_, {});
        auto synced = follower_.round(here, there);
        if (!synced)
            return std::move(synced).error();
        if (const std::string news = follower_.news_for_held ? follower_.news_for_held() : ""; !news.empty())
            held_->give(news);
        if (synced->any())
            follower_.listener.on_round(*synced);
        return {};
    }

    /// The signal that came; 0 for anything else, and for the end of the quiet time.
    sdk::Result<int> wait()
    {
        auto& signals = context_.session()->signals();
        if (signals.stop_seen())
            return *signals.stop_seen();
        std::array<pollfd, 4> watch{{{follower_.here.files_descriptor(), POLLIN, 0},
                                     {follower_.here.git_descriptor(), POLLIN, 0},
                                     {held_->descriptor(), held_->events(), 0},
                                     {signals.descriptor(), POLLIN, 0}}};
        if (::poll(watch.data(), watch.size(), any() ? static_cast<int>(quiet.count()) : -1) < 0 && errno != EINTR)
            return sdk::os_error("wait for changes");
        if (watch[3].revents != 0)
            signals.read();
        return signals.stop_seen().value_or(0);
    }

    sdk::Result<void> take()
    {
        tree::Happened here;
        tree::Happened there;
        if (auto output = held_->take(); output)
            there = names_in(*output);
        else if (auto again = connect_again(std::move(output).error()); again)
            here.everything = true;
        else
            return again;
        if (auto taken = follower_.here.take(here); !taken)
            return taken;
        has_news_ = here.any() || there.any();
        if (has_news_ && !any())
            first_ = Clock::now();
        add(here_, std::move(here));
        add(there_, std::move(there));
        return {};
    }

    tree::Happened names_in(const std::string& output)
    {
        output_ += output;
        tree::Happened happened;
        const auto whole = output_.rfind('\0');
        if (whole == std::string::npos)
            return happened;
        for (auto& name : nul_terminated(output_.substr(0, whole)))
            if (name == ".")
                happened.everything = true;
            else
                happened.names.insert(std::move(name));
        output_.erase(0, whole + 1);
        return happened;
    }

    sdk::Result<void> connect_again(sdk::Error lost)
    {
        if (lost.code != sdk::Code::unavailable)
            return std::move(lost).while_doing("watch the workspace in the vm");
        context_.end_session();
        auto interrupt = interrupt_of(context_);
        auto held = interrupt ? hold() : sdk::Result<void>(std::move(interrupt).error());
        if (!held)
            return std::move(held).error().while_doing("go on after this: " + lost.message);
        follower_.here.set_interrupt(*interrupt);
        context_.note("workspace: connected again");
        return {};
    }

    cli::Context& context_;
    const Follower& follower_;
    std::unique_ptr<cli::HeldTool> held_;
    std::string output_;  ///< the beginning of a name
    tree::Happened here_;
    tree::Happened there_;
    bool has_news_ = false;
    Clock::time_point first_;
};

}  // namespace

sdk::Result<int> follow(cli::Context& context, const Follower& follower)
{
    return Following(context, follower).run();
}

}  // namespace banger::workspace
