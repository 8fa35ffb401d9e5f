// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/file_exchanges.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "guest/agent/small_files.hpp"
#include "guest/protocol/json.hpp"

namespace banger::agent {
namespace {

/// Runs in a child: a disk can take its time. Returns 0 or errno.
int sync_and_rename(int file, const std::string& from, const std::string& to)
{
    if (fsync(file) != 0 || rename(from.c_str(), to.c_str()) != 0)
        return errno;
    const int directory = open(parent_of(to).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return directory >= 0 && fsync(directory) == 0 ? 0 : errno;
}

}  // namespace

WriteExchange::~WriteExchange()
{
    if (syncing_ != 0)
        processes_.abandon(syncing_);
    if (!temporary_.empty())
        unlink(temporary_.c_str());
}

void WriteExchange::on_frame(FrameType type, std::string_view payload)
{
    if (!file_)
        return type == FrameType::spec
                   ? start(payload)
                   : fail(sdk::make_error(sdk::Code::invalid, "the first frame of a write must be its spec"));
    if (syncing_ != 0)
        return;
    if (type == FrameType::data)
        append(payload);
    else if (type == FrameType::eof)
        commit();
}

void WriteExchange::on_end(bool)
{
    if (syncing_ == 0)
        fail(sdk::make_error(sdk::Code::cancelled, "the file '" + spec_.path + "' was not sent to its end"));
}

void WriteExchange::start(std::string_view text)
{
    auto spec = file_spec_from_json(text);
    if (!spec)
        return fail(spec.error());
    spec_ = std::move(*spec);
    if (spec_.parents)
        make_directories(parent_of(spec_.path));
    struct stat there {};
    if (stat(spec_.path.c_str(), &there) == 0 && S_ISDIR(there.st_mode))
        return fail(sdk::make_error(sdk::Code::invalid, "'" + spec_.path + "' is a directory in the guest"));
    auto temporary = temporary_beside(spec_.path);
    file_.reset(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file_)
        return fail(sdk::os_error("write '" + spec_.path + "' in the guest"));
    temporary_ = std::move(temporary);
}

void WriteExchange::append(std::string_view bytes)
{
    size_ += bytes.size();
    while (!bytes.empty()) {
        const auto count = write(file_.get(), bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return fail(sdk::os_error("write '" + spec_.path + "' in the guest"));
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
}

void WriteExchange::commit()
{
    const auto what = "write '" + spec_.path + "' in the guest";
    const auto uid = static_cast<uid_t>(spec_.uid);
    const auto gid = static_cast<gid_t>(spec_.gid);
    // Owner first: changing it takes the set-id bits away. A file of our own owner needs no right to give files away.
    struct stat made {};
    if (fstat(file_.get(), &made) != 0 ||
        ((made.st_uid != uid || made.st_gid != gid) && fchown(file_.get(), uid, gid) != 0) ||
        fchmod(file_.get(), spec_.mode) != 0)
        return fail(sdk::os_error(what));
    if (!spec_.fsync) {
        const bool renamed = rename(temporary_.c_str(), spec_.path.c_str()) == 0;
        return committed({renamed ? 0 : errno, 0});
    }
    auto work = processes_.spawn_work([this] { return sync_and_rename(file_.get(), temporary_, spec_.path); },
                                      [this](const ExitStatus& status) {
                                          syncing_ = 0;
                                          committed(status);
                                      });
    if (!work)
        return fail(work.error());
    syncing_ = *work;
}

void WriteExchange::committed(const ExitStatus& status)
{
    if (status.signal != 0 || status.code != 0)
        return fail(sdk::os_error("write '" + spec_.path + "' in the guest", status.signal != 0 ? EINTR : status.code));
    temporary_.clear();
    JsonText facts;
    facts.begin_object().member("size", size_).end_object();
    queue(FrameType::done, facts.str());
    finish();
}

void ReadExchange::on_frame(FrameType type, std::string_view payload)
{
    if (file_ || type != FrameType::spec)
        return;
    auto spec = file_spec_from_json(payload);
    if (!spec)
        return fail(spec.error());
    path_ = spec->path;
    // Not blocking: opening a FIFO would wait for its writer.
    file_.reset(open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat facts {};
    if (!file_ || fstat(file_.get(), &facts) != 0)
        return fail(sdk::os_error("read '" + path_ + "' in the guest"));
    if (!S_ISREG(facts.st_mode))
        return fail(sdk::make_error(sdk::Code::invalid, "'" + path_ + "' in the guest is not a regular file"));
    JsonText json;
    json.begin_object()
        .member("size", static_cast<std::int64_t>(facts.st_size))
        .member("mode", static_cast<std::int64_t>(facts.st_mode & 07777U))
        .member("uid", static_cast<std::int64_t>(facts.st_uid))
        .member("gid", static_cast<std::int64_t>(facts.st_gid))
        .end_object();
    queue(FrameType::started, json.str());
}

void ReadExchange::on_end(bool)
{
    if (!file_)
        fail(sdk::make_error(sdk::Code::invalid, "a read must begin with its spec"));
}

FramedExchange::Pulled ReadExchange::pull(std::span<char> room)
{
    // To the end and not for the size announced: files in /proc have none, and others grow.
    ssize_t count = -1;
    while (file_ && (count = read(file_.get(), room.data(), room.size())) < 0 && errno == EINTR) {
    }
    if (!file_)
        return {};
    if (count < 0) {
        fail(sdk::os_error("read '" + path_ + "' in the guest"));
    } else if (count == 0) {
        queue(FrameType::eof);
        finish();
    }
    return {FrameType::data, static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
}

}  // namespace banger::agent
