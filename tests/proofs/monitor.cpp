// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tests/proofs/monitor.hpp"

#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <chrono>

namespace banger::proofs {
namespace {

qemu::QmpLimits patience_for_monitor()
{
    return {std::chrono::steady_clock::now() + std::chrono::seconds(180)};
}

std::string status_in(const qemu::QmpEvent& event)
{
    rapidjson::Document data;
    data.Parse(event.data.data(), event.data.size());
    return data.IsObject() && data.HasMember("status") ? data["status"].GetString() : "";
}

}  // namespace

Monitor::Monitor(sdk::os::UniqueFd socket)
{
    auto opened = qemu::Qmp::open(std::move(socket), patience_for_monitor());
    EXPECT_TRUE(opened) << opened.error().message;
    if (opened)
        qmp_ = std::move(*opened);
}

std::string Monitor::command(const std::string& name, const std::string& arguments)
{
    auto answer = qmp_->execute(name, patience_for_monitor(), arguments);
    EXPECT_TRUE(answer) << name << " " << arguments << ": " << answer.error().message;
    return answer.value_or("{}");
}

bool Monitor::accepts(const std::string& name)
{
    return qmp_->execute(name, patience_for_monitor()).has_value();
}

void Monitor::give(int descriptor, const std::string& name)
{
    const auto given = qmp_->give(descriptor, name, patience_for_monitor());
    EXPECT_TRUE(given) << given.error().message;
}

double Monitor::wait_for(const std::string& event, const std::string& status)
{
    for (std::size_t seen = 0;; ++seen) {
        if (seen == events_.size()) {
            auto next = qmp_->next_event(patience_for_monitor());
            if (!next) {
                ADD_FAILURE() << "QEMU did not say " << event << " " << status << ": " << next.error().message;
                return 0;
            }
            events_.push_back(std::move(*next));
        }
        const auto& now = events_[seen];
        if (now.name == "MIGRATION" && status_in(now) == "failed" && status != "failed") {
            ADD_FAILURE() << "the migration failed";
            return 0;
        }
        if (now.name == event && (status.empty() || status_in(now) == status))
            return std::chrono::duration<double, std::milli>(now.when).count();
    }
}

void Monitor::forget_events()
{
    while (qmp_->next_event({std::chrono::steady_clock::now()})) {
    }
    events_.clear();
}

}  // namespace banger::proofs
