// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/prompt.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>

#include "banger/sdk/os/file.hpp"
#include "cli/terminal.hpp"

namespace banger::cli {

bool can_ask()
{
    return is_terminal(STDIN_FILENO) && is_terminal(STDERR_FILENO);
}

sdk::Result<bool> ask(Context& context, const std::string& question)
{
    context.progress().clear();
    if (auto asked = sdk::os::write_all(STDERR_FILENO, question + " [y/N] "); !asked)
        return std::move(asked).error();
    Session* session = context.session();
    std::array<pollfd, 2> watch{
        {{STDIN_FILENO, POLLIN, 0}, {session != nullptr ? session->signals().descriptor() : -1, POLLIN, 0}}};
    for (;;) {
        if (::poll(watch.data(), watch.size(), -1) < 0 && errno != EINTR)
            return sdk::os_error("poll");
        if (watch[1].revents != 0)
            for (const int signal : session->signals().read())
                if (Signals::asks_to_stop(signal)) {
                    session->note_interrupt(signal);
                    (void)sdk::os::write_all(STDERR_FILENO, "\n");
                    return sdk::make_error(sdk::Code::cancelled, "cancelled, nothing was changed");
                }
        if (watch[0].revents == 0)
            continue;
        std::array<char, 64> answer{};  // the terminal hands out whole lines
        const ssize_t got = ::read(STDIN_FILENO, answer.data(), answer.size());
        if (got < 0 && errno == EINTR)
            continue;
        const std::string_view said(answer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        return said == "y\n" || said == "Y\n" || said == "yes\n";
    }
}

}  // namespace banger::cli
