// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/collection.hpp"

#include "banger/sdk/os/file.hpp"

namespace banger::images {

using sdk::Code;
using sdk::Error;

sdk::Result<void> check_source(const std::string& word, const std::string& name, sdk::Provider& source,
                               sdk::Call& call)
{
    auto probe = source.probe(call);
    if (!probe)
        return std::move(probe).error();
    if (!probe->usable)
        return sdk::make_error(Code::unsupported,
                               word + " source '" + name + "' cannot be used here: " + probe->reason, probe->hint);
    return {};
}

Error damaged(const std::string& word, const std::string& id, const std::string& directory, const Error& why)
{
    return sdk::make_error(Code::corrupt, "the " + word + " in " + directory + " is damaged: " + why.message,
                           "`banger " + word + " delete " + id + "` removes it; it is made again when it is needed");
}

Error not_pulled(const std::string& word, const std::string& name, const std::optional<std::string>& older_id)
{
    std::string message = word + " '" + name + "' is not pulled";
    if (older_id)
        return sdk::make_error(Code::not_found, message + ": its recipe has changed since " + *older_id + " was made",
                               "`banger " + word + " pull " + name + "` makes the new one, `banger " + word +
                                   " delete " + *older_id + "` removes the old one");
    return sdk::make_error(
        Code::not_found, std::move(message),
        "`banger " + word + " pull " + name + "` makes it now; `banger vm run` makes it when needed");
}

Error could_not_make(Error error, const std::string& word, const std::string& name, const std::string& directory,
                     bool cancelled)
{
    const std::string subject = word + " '" + name + "'";
    if (cancelled)
        return Error{Code::cancelled, "making " + subject + " was cancelled", {}, std::move(error.during)};
    // Who knows which disk it was has said what to do about it.
    if (error.code == Code::no_space && error.hint.empty()) {
        error.message = "no space left in " + directory + " to make " + subject;
        error.hint = "free some space there, or set BANGER_HOME to a place on a larger disk";
        return error;
    }
    return std::move(error).while_doing("make " + subject);
}

}  // namespace banger::images
