// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/each_vm.hpp"

#include <optional>

#include "cli/text.hpp"

namespace banger::cli {
namespace {

std::vector<rpc::Request> requests_for(const std::vector<std::string>& vms, const EachVm& each)
{
    std::vector<rpc::Request> requests(vms.size());
    for (std::size_t i = 0; i < vms.size(); ++i) {
        requests[i].method = each.method;
        requests[i].params.set("vm", vms[i]);
        if (each.add_params)
            each.add_params(requests[i].params);
    }
    return requests;
}

/// Answers come in any order and are printed in the order in which they were asked for, as soon as that is possible.
class InOrder {
public:
    InOrder(Context& context, const std::vector<std::string>& vms, const EachVm& each)
        : context_(context), vms_(vms), each_(each), answers_(vms.size())
    {
    }

    void take(std::size_t which, sdk::Result<rpc::Reply> reply)
    {
        answers_[which].emplace(std::move(reply));
        context_.progress().clear();
        for (; next_ < answers_.size() && answers_[next_]; ++next_)
            print(next_);
        context_.progress().resume();
    }

    sdk::Result<Exit> end()
    {
        if (print_error_)
            return *std::move(print_error_);
        if (vms_.size() == 1 && !*answers_.front())
            return std::move(answers_.front())->error();
        if (!cancelled_.empty())
            return sdk::make_error(sdk::Code::cancelled, "cancelled: " + listed(cancelled_, "and"),
                                   cancelled_.size() < vms_.size() ? "the others were done" : "");
        return Exit(failed_ ? OwnExit::failed : OwnExit::done);
    }

private:
    void print(std::size_t which)
    {
        const auto& answer = *answers_[which];
        if (!answer)
            return note_failure(vms_[which], answer.error());
        const json::Value& result = answer->result;
        failed_ = failed_ || (each_.is_fine && !each_.is_fine(result));
        const std::string line = json::string_or(result, "name") + " " + each_.say(result) + "\n";
        auto printed = context_.print(context_.json() ? json::to_pretty(result) : line);
        if (!printed && !print_error_)
            print_error_ = std::move(printed).error();
    }

    void note_failure(const std::string& vm, const sdk::Error& error)
    {
        failed_ = true;
        if (vms_.size() == 1)
            return;
        const Session* session = context_.session();
        if (error.code == sdk::Code::cancelled && session != nullptr && session->interrupted_by())
            cancelled_.push_back(quoted(vm));
        else
            context_.report(error);
    }

    Context& context_;
    const std::vector<std::string>& vms_;
    const EachVm& each_;
    std::vector<std::optional<sdk::Result<rpc::Reply>>> answers_;
    std::size_t next_ = 0;
    bool failed_ = false;
    std::vector<std::string> cancelled_;
    std::optional<sdk::Error> print_error_;
};

}  // namespace

sdk::Result<Exit> for_each_vm(Context& context, const std::vector<std::string>& vms, const EachVm& each)
{
    if (vms.empty())
        return Exit(OwnExit::done);
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    InOrder answers(context, vms, each);
    (*session)->call_all(requests_for(vms, each), most_vms_at_a_time,
                         [&](std::size_t which, sdk::Result<rpc::Reply> reply) {
                             answers.take(which, std::move(reply));
                         });
    return answers.end();
}

std::function<std::string(const json::Value& answer)> always(std::string words)
{
    return [words = std::move(words)](const json::Value& /*answer*/) { return words; };
}

}  // namespace banger::cli
