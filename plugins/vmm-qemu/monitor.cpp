// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "monitor.hpp"

#include <poll.h>
#include <rapidjson/document.h>

#include <algorithm>

#include "banger/sdk/os/file.hpp"

namespace banger::qemu {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;

constexpr std::chrono::seconds longest_command{30};

sdk::Error puzzled(std::string_view command, const std::string& answer)
{
    return make_error(Code::internal, "QEMU answers " + std::string(command) + " with " + answer);
}

QmpLimits sooner(std::chrono::milliseconds patience, const QmpLimits& limits)
{
    return {std::min(std::chrono::steady_clock::now() + patience, limits.deadline), limits.cancel_descriptor};
}

std::uint64_t number_in(const rapidjson::Value& object, const char* key)
{
    return object.HasMember(key) && object[key].IsUint64() ? object[key].GetUint64() : 0;
}

std::string text_in(const rapidjson::Value& object, const char* key)
{
    return object.HasMember(key) && object[key].IsString() ? object[key].GetString() : "";
}

}  // namespace

Result<Monitor> Monitor::of(const sdk::VmmProcess& process, const sdk::Handle& machine, const QmpLimits& limits)
{
    auto living = process.find(machine);
    if (!living)
        return std::move(living).error();
    if (!*living)
        return make_error(Code::not_found, "the VMM of VM " + machine.owner.vm + " does not run");
    auto socket = sdk::os::try_connect_unix(machine.owner.directory + "/" + sdk::api_socket_name);
    if (!socket)
        return std::move(socket).error();
    return over(std::move(*socket), longest_command, limits);
}

Result<Monitor> Monitor::over(sdk::os::UniqueFd socket, std::chrono::milliseconds patience, const QmpLimits& limits)
{
    auto qmp = Qmp::open(std::move(socket), sooner(patience, limits));
    if (!qmp)
        return std::move(qmp).error();
    return Monitor(std::move(*qmp), patience, limits);
}

QmpLimits Monitor::of_one_exchange() const
{
    return sooner(patience_, limits_);
}

Result<std::string> Monitor::ask(std::string_view command, const std::string& arguments)
{
    return qmp_.execute(command, of_one_exchange(), arguments);
}

Result<void> Monitor::tell(std::string_view command, const std::string& arguments)
{
    auto answer = ask(command, arguments);
    return answer ? Result<void>() : std::move(answer).error();
}

Result<void> Monitor::give(int descriptor, const std::string& name)
{
    return qmp_.give(descriptor, name, of_one_exchange());
}

Result<bool> Monitor::runs()
{
    auto answer = ask("query-status");
    if (!answer)
        return std::move(answer).error();
    rapidjson::Document status;
    status.Parse(*answer);
    if (!status.IsObject() || !status.HasMember("running") || !status["running"].IsBool())
        return puzzled("query-status", *answer);
    return status["running"].GetBool();
}

Result<std::string> Monitor::run_state()
{
    constexpr int between_looks_ms = 2;  // QEMU has no event for this
    const auto deadline = of_one_exchange().deadline;
    for (;;) {
        auto answer = ask("query-status");
        if (!answer)
            return answer;
        rapidjson::Document status;
        status.Parse(*answer);
        const std::string state = status.IsObject() ? text_in(status, "status") : "";
        auto migration = this->migration();
        if (!migration)
            return std::move(migration).error();
        if (state != "finish-migrate" || migration->under_way())
            return state;
        if (std::chrono::steady_clock::now() > deadline)
            return make_error(Code::timed_out, "QEMU does not come to the end of its migration");
        ::poll(nullptr, 0, between_looks_ms);
    }
}

Result<Accelerator> Monitor::accelerator()
{
    auto answer = ask("query-kvm");
    if (!answer)
        return std::move(answer).error();
    rapidjson::Document kvm;
    kvm.Parse(*answer);
    if (!kvm.IsObject() || !kvm.HasMember("enabled") || !kvm["enabled"].IsBool())
        return puzzled("query-kvm", *answer);
    return kvm["enabled"].GetBool() ? Accelerator::kvm : Accelerator::tcg;
}

Result<std::string> Monitor::version()
{
    auto answer = ask("query-version");
    if (!answer)
        return answer;
    rapidjson::Document version;
    version.Parse(*answer);
    if (!version.IsObject() || !version.HasMember("qemu") || !version["qemu"].IsObject())
        return puzzled("query-version", *answer);
    std::string text;
    for (const char* part : {"major", "minor", "micro"})
        text += (text.empty() ? "" : ".") + std::to_string(number_in(version["qemu"], part));
    return text;
}

Result<std::uint64_t> Monitor::memory()
{
    auto answer = ask("query-memory-size-summary");
    if (!answer)
        return std::move(answer).error();
    rapidjson::Document sizes;
    sizes.Parse(*answer);
    if (!sizes.IsObject() || number_in(sizes, "base-memory") == 0)
        return puzzled("query-memory-size-summary", *answer);
    return number_in(sizes, "base-memory");
}

Result<Migration> Monitor::migration()
{
    auto answer = ask("query-migrate");
    if (!answer)
        return std::move(answer).error();
    rapidjson::Document told;
    told.Parse(*answer);
    if (!told.IsObject())
        return puzzled("query-migrate", *answer);
    Migration migration;
    if (told.HasMember("status"))
        migration.status = text_in(told, "status");
    migration.problem = text_in(told, "error-desc");
    if (told.HasMember("ram") && told["ram"].IsObject()) {
        migration.passes = number_in(told["ram"], "dirty-sync-count");
        migration.remaining = number_in(told["ram"], "remaining");
    }
    return migration;
}

Result<void> Monitor::wait_for_migration(const std::string& wanted,
                                         const std::function<Result<void>(const Migration&)>& on_pass)
{
    for (std::uint64_t passes = 0;;) {
        auto now = migration();  // the event may have come to an earlier conversation
        if (!now)
            return std::move(now).error();
        if (now->status == wanted)
            return {};
        if (!now->under_way())
            return make_error(Code::internal, "QEMU's migration ended as '" + now->status + "'" +
                                                  (now->problem.empty() ? "" : ": " + now->problem));
        if (on_pass && now->passes > passes)
            if (auto told = on_pass(*now); !told)
                return told;
        passes = now->passes;
        for (bool of_it = false; !of_it;) {
            auto event = qmp_.next_event(limits_);
            if (!event)
                return std::move(event).error();
            of_it = event->name == "MIGRATION" || event->name == "MIGRATION_PASS";
        }
    }
}

Result<void> Monitor::give_up_migration()
{
    auto now = migration();
    if (!now)
        return std::move(now).error();
    if (!now->under_way())
        return {};
    if (auto told = tell("migrate_cancel"); !told)
        return told;
    constexpr int between_looks_ms = 2;  // events need a capability, which another conversation may have left off
    for (const auto deadline = of_one_exchange().deadline; now && now->under_way(); now = migration()) {
        if (std::chrono::steady_clock::now() > deadline)
            return make_error(Code::timed_out, "QEMU does not give up its migration");
        // One that was cancelled just before its pause (seen with 7.2, about once in eighty) goes to
        // sleep in that pause all the same, and only this wakes it (migration_maybe_pause in migration/migration.c).
        if (now->status == "cancelling")
            (void)tell("migrate-continue", R"({"state":"cancelling"})");
        ::poll(nullptr, 0, between_looks_ms);
    }
    return now ? Result<void>() : std::move(now).error();
}

}  // namespace banger::qemu
