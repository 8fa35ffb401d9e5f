// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/flush.hpp"
#include "detached_thread.hpp"

namespace banger::sdk::os {
namespace {

// Held by the thread and by whoever waits for it, whichever lasts longer.
struct Flush {
    UniqueFd file;
    std::function<void()> on_loss;
    UniqueFd done;
    int why = 0;

    void run()
    {
        why = ::fdatasync(file.get()) == 0 ? 0 : errno;
        if (why != 0 && on_loss)
            on_loss();
        file.reset();
        ::eventfd_write(done.get(), 1);
    }
};

}  // namespace

Result<void> flush_file(UniqueFd file, const std::string& path, int cancel_descriptor, std::function<void()> on_loss)
{
    const auto flush = std::make_shared<Flush>();
    flush->file = std::move(file);
    flush->on_loss = std::move(on_loss);
    flush->done.reset(::eventfd(0, EFD_CLOEXEC));
    if (!flush->done)
        return os_error("flush " + path);
    if (auto started = start_detached([flush] { flush->run(); }); !started)
        return started;
    constexpr auto never = std::chrono::steady_clock::time_point::max();
    if (auto ended = wait_readable(flush->done.get(), cancel_descriptor, never); !ended)
        return ended;
    return flush->why == 0 ? Result<void>() : os_error("flush " + path, flush->why);
}

Result<void> flush_path(const std::string& path, int cancel_descriptor)
{
    auto file = open_file(path, O_RDONLY);
    if (!file)
        return std::move(file).error();
    return flush_file(std::move(*file), path, cancel_descriptor);
}

}  // namespace banger::sdk::os
