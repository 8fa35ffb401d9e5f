// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/put_exchange.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "guest/agent/small_files.hpp"
#include "guest/protocol/json.hpp"

namespace banger::agent {

PutExchange::~PutExchange()
{
    if (!temporary_.empty())
        unlink(temporary_.c_str());
}

void PutExchange::on_frame(FrameType type, std::string_view payload)
{
    if (type == FrameType::spec && !file_)
        return begin(payload);
    if (type == FrameType::spec)
        return fail(sdk::make_error(sdk::Code::invalid, "the file '" + entry_.path + "' was not sent to its end"));
    if (type == FrameType::data && file_)
        return append(payload);
    if (type == FrameType::data)
        return fail(sdk::make_error(sdk::Code::invalid, "data must follow the spec of a file"));
    if (type != FrameType::eof)
        return;
    if (file_)
        return end_file();
    JsonText facts;
    facts.begin_object().member("entries", entries_).end_object();
    queue(FrameType::done, facts.str());
    finish();
}

void PutExchange::on_end(bool)
{
    fail(sdk::make_error(sdk::Code::cancelled, "the entries were not sent to their end"));
}

void PutExchange::begin(std::string_view text)
{
    auto spec = entry_spec_from_json(text);
    if (!spec)
        return fail(spec.error());
    entry_ = std::move(*spec);
    if (auto parent = parent_of(entry_.path); parent != parent_) {
        make_directories(parent);
        parent_ = std::move(parent);
    }
    switch (entry_.type) {
        case EntrySpec::Type::directory: return make_directory();
        case EntrySpec::Type::link: return make_link();
        case EntrySpec::Type::file: return begin_file();
    }
}

bool PutExchange::is_directory() const
{
    struct stat there {};
    return lstat(entry_.path.c_str(), &there) == 0 && S_ISDIR(there.st_mode);
}

void PutExchange::make_directory()
{
    // chmod, because mkdir's mode goes through the umask.
    if (mkdir(entry_.path.c_str(), 0700) == 0)
        return chmod(entry_.path.c_str(), entry_.mode) == 0 ? placed() : fail_with_errno();
    const int why = errno;
    struct stat there {};
    if (why == EEXIST && stat(entry_.path.c_str(), &there) == 0 && S_ISDIR(there.st_mode))
        return placed();
    errno = why;
    fail_with_errno();
}

void PutExchange::make_link()
{
    if (is_directory())
        return fail(sdk::make_error(sdk::Code::invalid, "'" + entry_.path + "' is a directory in the guest"));
    const auto temporary = temporary_beside(entry_.path);
    if (symlink(entry_.target.c_str(), temporary.c_str()) != 0)
        return fail_with_errno();
    temporary_ = temporary;
    if (rename(temporary_.c_str(), entry_.path.c_str()) != 0)
        return fail_with_errno();
    placed();
}

void PutExchange::begin_file()
{
    if (is_directory())
        return fail(sdk::make_error(sdk::Code::invalid, "'" + entry_.path + "' is a directory in the guest"));
    const auto temporary = temporary_beside(entry_.path);
    file_.reset(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file_)
        return fail_with_errno();
    temporary_ = temporary;
}

void PutExchange::append(std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto count = write(file_.get(), bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return fail_with_errno();
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
}

void PutExchange::end_file()
{
    if (fchmod(file_.get(), entry_.mode) != 0 || rename(temporary_.c_str(), entry_.path.c_str()) != 0)
        return fail_with_errno();
    file_.reset();
    placed();
}

void PutExchange::placed()
{
    temporary_.clear();
    ++entries_;
}

void PutExchange::fail_with_errno()
{
    fail(sdk::os_error("write '" + entry_.path + "' in the guest"));
}

}  // namespace banger::agent
