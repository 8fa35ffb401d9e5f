// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/fault.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "banger/sdk/os/file.hpp"

namespace banger::base::fault {

namespace detail {
std::atomic<Mode> mode{Mode::unread};
}

namespace {

struct State {
    std::mutex mutex;
    sdk::Result<Plan> plan = Plan{};
    std::uint64_t reached = 0;
    bool fired = false;
    std::string file;                           ///< that has the plan; empty: the plan is fixed
    std::pair<ino_t, std::int64_t> taken{};     ///< which file it was taken from, and when that was made, in nanoseconds
};

State& state()
{
    static State instance;
    return instance;
}

void set(State& now, sdk::Result<Plan> plan)
{
    now.plan = std::move(plan);
    now.reached = 0;
    now.fired = false;
}

// Once; a plan that a test set in between wins.
void read_environment(State& now)
{
    if (detail::mode.load() != detail::Mode::unread)
        return;
    const char* text = std::getenv("BANGER_FAULT");  // NOLINT(concurrency-mt-unsafe): the environment is never changed
    if (text == nullptr || *text == '\0') {
        detail::mode = detail::Mode::off;
        return;
    }
    constexpr std::string_view in_file = "file:";
    if (const std::string_view given = text; given.starts_with(in_file))
        now.file = given.substr(in_file.size());
    else
        set(now, parse(given));
    detail::mode = detail::Mode::on;
}

// Whether there is a plan in the file.
bool follow_file(State& now)
{
    struct stat status {};
    if (::stat(now.file.c_str(), &status) != 0)
        return false;
    constexpr std::int64_t nanoseconds = 1'000'000'000;
    const std::pair<ino_t, std::int64_t> found{status.st_ino, status.st_mtim.tv_sec * nanoseconds + status.st_mtim.tv_nsec};
    if (found == now.taken)
        return true;
    const auto text = sdk::os::read_file(now.file);
    if (!text)
        return false;  // gone since
    set(now, parse(std::string_view(*text).substr(0, text->find('\n'))));
    now.taken = found;
    return true;
}

}  // namespace

namespace detail {

sdk::Result<void> reach_armed(std::string_view name)
{
    State& now = state();
    const std::lock_guard held(now.mutex);
    read_environment(now);
    if (mode.load() == Mode::off)
        return {};
    if (!now.file.empty() && !follow_file(now))
        return {};
    if (!now.plan)
        return now.plan.error();
    if (name.find(now.plan->where) == std::string_view::npos)
        return {};
    if (++now.reached != now.plan->at)
        return {};
    now.fired = true;
    if (!now.file.empty())
        (void)::unlink(now.file.c_str());
    if (now.plan->action == Action::kill)
        ::kill(::getpid(), SIGKILL);
    return sdk::make_error(sdk::Code::internal,
                           "injected fault at point " + std::to_string(now.reached) + ": " + std::string(name));
}

}  // namespace detail

sdk::Result<Plan> parse(std::string_view text)
{
    const auto bad = [&] {
        return sdk::make_error(sdk::Code::invalid,
                               "BANGER_FAULT is '" + std::string(text) + "', which is no fault plan",
                               "write error:N or kill:N, with @word to count only points that contain it");
    };
    Plan plan;
    const auto colon = text.find(':');
    if (colon == std::string_view::npos)
        return bad();
    const auto action = text.substr(0, colon);
    if (action != "error" && action != "kill")
        return bad();
    plan.action = action == "kill" ? Action::kill : Action::error;
    auto rest = text.substr(colon + 1);
    if (const auto at = rest.find('@'); at != std::string_view::npos) {
        plan.where = rest.substr(at + 1);
        rest = rest.substr(0, at);
    }
    const auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), plan.at);
    if (problem != std::errc() || end != rest.data() + rest.size())
        return bad();
    return plan;
}

void arm(Plan plan)
{
    const std::lock_guard held(state().mutex);
    state().file.clear();
    set(state(), std::move(plan));
    detail::mode = detail::Mode::on;
}

void disarm()
{
    const std::lock_guard held(state().mutex);
    detail::mode = detail::Mode::off;
}

std::uint64_t reached()
{
    const std::lock_guard held(state().mutex);
    return state().reached;
}

bool fired()
{
    const std::lock_guard held(state().mutex);
    return state().fired;
}

}  // namespace banger::base::fault
