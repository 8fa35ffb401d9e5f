// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "bus_client.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>

namespace banger::tap {
namespace {

struct Forget {
    void operator()(sd_bus_slot* slot) const { sd_bus_slot_unref(slot); }
};

int keep(sd_bus_message* answer, void* into, sd_bus_error* /*error*/)
{
    static_cast<BusMessage*>(into)->reset(sd_bus_message_ref(answer));
    return 0;
}

}  // namespace

sdk::Error BusClient::failure(const std::string& what, int error)
{
    sdk::Error failure = sdk::os_error(what, -error);
    failure.code = sdk::Code::unavailable;
    return failure;
}

sdk::Result<BusMessage> BusClient::question(const BusMethod& method)
{
    sd_bus_message* made = nullptr;
    if (const int error = sd_bus_message_new_method_call(bus_.get(), &made, method.service, method.path, method.interface,
                                                         method.member);
        error < 0)
        return failure(std::string("ask for ") + method.member, error);
    return BusMessage(made);
}

sdk::Result<BusMessage> BusClient::ask(const BusMessage& question, const std::string& what)
{
    BusMessage answer;
    sd_bus_slot* slot = nullptr;
    int done = sd_bus_call_async(bus_.get(), &slot, question.get(), keep, &answer, UINT64_MAX);
    const std::unique_ptr<sd_bus_slot, Forget> asked(slot);
    while (done >= 0 && !answer) {
        done = sd_bus_process(bus_.get(), nullptr);
        if (done == 0 && !answer)
            if (auto waited = wait(what); !waited)
                return std::move(waited).error();
    }
    if (done < 0)
        return failure(what, done);
    if (const sd_bus_error* said = sd_bus_message_get_error(answer.get()))
        return said->message != nullptr ? sdk::make_error(sdk::Code::unavailable, what + ": " + said->message)
                                        : failure(what, -sd_bus_error_get_errno(said));
    return answer;
}

sdk::Result<void> BusClient::wait(const std::string& what)
{
    const int events = sd_bus_get_events(bus_.get());
    if (events < 0)
        return failure(what, events);
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now()).count();
    std::array<pollfd, 2> watch{{{sd_bus_get_fd(bus_.get()), static_cast<short>(events), 0}, {cancel_descriptor_, POLLIN, 0}}};
    const int count = ::poll(watch.data(), watch.size(), static_cast<int>(std::clamp<long>(left, 0, INT_MAX)));
    if (count < 0 && errno != EINTR)
        return sdk::os_error(what);
    if (watch[1].revents != 0)
        return sdk::make_error(sdk::Code::cancelled, what + ": cancelled");
    if (count == 0)
        return sdk::make_error(sdk::Code::timed_out, what + ": no answer in time");
    return {};
}

}  // namespace banger::tap
