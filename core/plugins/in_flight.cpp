// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/plugins/in_flight.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <mutex>
#include <span>

#include "banger/sdk/os/file.hpp"

namespace banger::plugins {
namespace {

constexpr std::array faults{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
constexpr std::array<char, 8> magic{'b', 'n', 'g', 'r', 'f', 'l', 't', '1'};
constexpr std::size_t slots = 62;

enum SlotState : std::uint32_t { free_slot = 0, taken = 1, crashed = 2 };

struct Slot {
    std::atomic<std::uint32_t> state;
    std::int32_t signal;
    std::int64_t when_ns;
    std::array<char, 64> plugin;
    std::array<char, 48> call;
};
static_assert(sizeof(Slot) == 128 && std::atomic<std::uint32_t>::is_always_lock_free);

// Plain data that a signal handler may read: no constructor runs for it.
thread_local Slot* current_slot = nullptr;
std::array<struct sigaction, faults.size()> earlier_actions;

void on_fault(int signal, siginfo_t* info, void* /*context*/)
{
    const int saved_errno = errno;
    if (Slot* slot = current_slot; slot != nullptr) {
        timespec now{};
        ::clock_gettime(CLOCK_REALTIME, &now);
        slot->signal = signal;
        slot->when_ns = now.tv_sec * 1'000'000'000LL + now.tv_nsec;
        slot->state = crashed;
    }
    for (std::size_t i = 0; i < faults.size(); ++i)
        if (faults[i] == signal)
            ::sigaction(signal, &earlier_actions[i], nullptr);
    // A fault of the processor happens again as soon as this returns; a signal that was sent does not.
    if (info->si_code <= 0)
        ::raise(signal);
    errno = saved_errno;
}

void install_handlers()
{
    static std::once_flag once;
    std::call_once(once, [] {
        struct sigaction action {};
        action.sa_sigaction = on_fault;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        sigemptyset(&action.sa_mask);
        for (std::size_t i = 0; i < faults.size(); ++i)
            ::sigaction(faults[i], &action, &earlier_actions[i]);
    });
}

void copy_name(std::span<char> into, std::string_view name)
{
    const auto length = std::min(name.size(), into.size() - 1);
    std::copy_n(name.begin(), length, into.begin());
    into[length] = '\0';
}

std::string name_in(std::span<const char> from)
{
    return std::string(from.begin(), std::find(from.begin(), from.end(), '\0'));
}

}  // namespace

struct InFlight::Table {
    std::array<char, 8> magic;
    std::array<char, 120> reserved;
    std::array<Slot, slots> calls;
};

sdk::Result<InFlight::Opened> InFlight::open(const std::string& path)
{
    auto fd = sdk::os::open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW);
    if (!fd)
        return std::move(fd).error();
    // Grows or shrinks whatever is there to one table; what was not ours is emptied below.
    if (::ftruncate(fd->get(), sizeof(Table)) != 0)
        return sdk::os_error("make room in " + path);
    void* memory = ::mmap(nullptr, sizeof(Table), PROT_READ | PROT_WRITE, MAP_SHARED, fd->get(), 0);
    if (memory == MAP_FAILED)
        return sdk::os_error("map " + path);
    auto* table = static_cast<Table*>(memory);
    Opened opened;
    if (table->magic == magic)
        for (const auto& slot : table->calls)
            if (slot.state == crashed)
                opened.crashes.push_back({name_in(slot.plugin), name_in(slot.call), slot.signal, slot.when_ns});
    std::memset(memory, 0, sizeof(Table));
    table->magic = magic;
    install_handlers();
    opened.record = std::shared_ptr<InFlight>(new InFlight(table));
    return opened;
}

InFlight::~InFlight()
{
    ::munmap(table_, sizeof(Table));
}

InFlight::Note::Note(InFlight* record, std::string_view plugin, std::string_view call)
{
    if (record == nullptr)
        return;
    for (Slot& slot : record->table_->calls) {
        std::uint32_t expected = free_slot;
        if (!slot.state.compare_exchange_strong(expected, taken))
            continue;
        copy_name(slot.plugin, plugin);
        copy_name(slot.call, call);
        slot_ = &slot;
        current_slot = &slot;
        return;
    }
}

InFlight::Note::~Note()
{
    if (slot_ == nullptr)
        return;
    current_slot = nullptr;
    static_cast<Slot*>(slot_)->state = free_slot;
}

}  // namespace banger::plugins
