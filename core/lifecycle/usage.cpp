// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/usage.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "banger/sdk/os/fd.hpp"
#include "core/model/timestamp.hpp"

namespace banger::lifecycle {
namespace {

constexpr mode_t private_file = 0600;

}  // namespace

// With the lock held, which is short: a look at one small file, once for each VM.
Usage::Use& Usage::known(Uses& uses, const std::string& vm) const
{
    const auto [entry, is_new] = uses.try_emplace(vm);
    Use& use = entry->second;
    if (!is_new)
        return use;
    use.last = now_();
    struct stat status {};
    if (::stat(path_of(vm).c_str(), &status) != 0)
        return use;  // never used, or nobody knows: it counts from now on
    const std::int64_t now = model::unix_now();
    const bool was_open = status.st_size > 0;
    use.last_unix = was_open ? now : std::min<std::int64_t>(status.st_mtim.tv_sec, now);
    use.last -= std::chrono::seconds(now - use.last_unix);
    return use;
}

// The file's time is what counts, and a byte in it says that a stream is open. Best effort: without it the next daemon
// counts from its own start.
void Usage::note(const std::string& vm, bool open) const
{
    const sdk::os::UniqueFd file(
        ::open(path_of(vm).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, private_file));
    if (!file)
        return;
    if (open)
        (void)!::write(file.get(), "open\n", 5);
    (void)::futimens(file.get(), nullptr);
}

void Usage::used(const std::string& vm)
{
    auto uses = uses_.lock();
    Use& use = known(*uses, vm);
    use.last = now_();
    use.last_unix = model::unix_now();
    note(vm, use.streams > 0);
}

void Usage::opened(const std::string& vm)
{
    auto uses = uses_.lock();
    Use& use = known(*uses, vm);
    use.last_unix = model::unix_now();
    if (use.streams++ == 0)  // a note of more would say the same
        note(vm, true);
}

void Usage::closed(const std::string& vm)
{
    {
        auto uses = uses_.lock();
        const auto use = uses->find(vm);
        if (use == uses->end() || use->second.streams == 0)
            return;  // it was deleted meanwhile
        use->second.last = now_();
        use->second.last_unix = model::unix_now();
        if (--use->second.streams > 0)
            return;
        note(vm, false);
    }
    if (on_quiet)
        on_quiet(vm);
}

void Usage::forget(const std::string& vm)
{
    uses_.lock()->erase(vm);
}

std::optional<std::chrono::milliseconds> Usage::idle(const std::string& vm)
{
    auto uses = uses_.lock();
    const Use& use = known(*uses, vm);
    if (use.streams > 0)
        return std::nullopt;
    return std::chrono::duration_cast<std::chrono::milliseconds>(now_() - use.last);
}

std::int64_t Usage::last_used(const std::string& vm)
{
    auto uses = uses_.lock();
    const Use& use = known(*uses, vm);
    return use.streams > 0 ? model::unix_now() : use.last_unix;
}

}  // namespace banger::lifecycle
