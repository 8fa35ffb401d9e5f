// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/host.hpp"
#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/os/file.hpp"

namespace banger::sdk::testing {

/// A private directory below TMPDIR that goes away with this object, with all that is in it.
class TemporaryDirectory {
public:
    TemporaryDirectory()
    {
        const char* base = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): the environment is never changed
        path_ = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/banger-test-XXXXXX";
        if (::mkdtemp(path_.data()) == nullptr) {
            std::perror(("make a directory like " + path_).c_str());
            std::abort();
        }
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() { (void)os::remove_tree(path_); }

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

/// A host for tests: real directories, a random instance id, and log lines that can be looked at.
class FakeHost : public Host {
public:
    FakeHost() : instance_(random_hex(8))
    {
        for (const std::string& path : {cache_directory(), vms_directory()})
            if (auto made = os::make_private_directory(path); !made) {
                std::fprintf(stderr, "%s\n", made.error().message.c_str());
                std::abort();
            }
    }

    void log(LogLevel level, std::string_view message) override
    {
        const std::lock_guard lock(mutex_);
        lines_.emplace_back(level, message);
    }
    [[nodiscard]] std::string instance() const override { return instance_; }
    [[nodiscard]] std::string cache_directory() const override { return root_.path() + "/cache"; }
    [[nodiscard]] std::string vms_directory() const override { return root_.path() + "/vms"; }
    [[nodiscard]] Jails* jails() override { return jails_; }
    /// None unless a test has some.
    void set_jails(Jails* jails) { jails_ = jails; }

    /// A directory of this host for whatever else a test needs.
    [[nodiscard]] const std::string& directory() const { return root_.path(); }

    /// A VM of this instance with a fresh id, whose directory exists.
    [[nodiscard]] Owner new_owner() const
    {
        Owner owner{instance_, random_hex(12), {}};
        owner.directory = vms_directory() + "/" + owner.vm;
        if (auto made = os::make_private_directory(owner.directory); !made) {
            std::fprintf(stderr, "%s\n", made.error().message.c_str());
            std::abort();
        }
        return owner;
    }

    [[nodiscard]] std::vector<std::pair<LogLevel, std::string>> lines() const
    {
        const std::lock_guard lock(mutex_);
        return lines_;
    }

    /// Lower-case hex digits that no other test has.
    static std::string random_hex(std::size_t digits)
    {
        std::vector<unsigned char> bytes((digits + 1) / 2);
        if (::getentropy(bytes.data(), bytes.size()) != 0)
            std::abort();
        std::string text;
        for (const unsigned char byte : bytes) {
            text += "0123456789abcdef"[byte >> 4U];
            text += "0123456789abcdef"[byte & 15U];
        }
        text.resize(digits);
        return text;
    }

private:
    TemporaryDirectory root_;
    std::string instance_;
    Jails* jails_ = nullptr;
    mutable std::mutex mutex_;
    std::vector<std::pair<LogLevel, std::string>> lines_;
};

/// A call for tests: it can be cancelled from any thread, and keeps the progress and the warnings it was told.
class FakeCall : public Call {
public:
    FakeCall() : event_(::eventfd(0, EFD_CLOEXEC))
    {
        if (!event_)
            std::abort();
    }

    [[nodiscard]] bool cancelled() const override { return cancelled_; }
    [[nodiscard]] int cancel_descriptor() const override { return event_.get(); }
    void progress(const Progress& progress) override
    {
        const std::lock_guard lock(mutex_);
        told_.push_back(progress);
    }
    void warn(const std::string& message) override
    {
        const std::lock_guard lock(mutex_);
        warnings_.push_back(message);
    }

    void cancel()
    {
        cancelled_ = true;
        ::eventfd_write(event_.get(), 1);
    }
    [[nodiscard]] std::vector<Progress> told() const
    {
        const std::lock_guard lock(mutex_);
        return told_;
    }
    [[nodiscard]] std::vector<std::string> warnings() const
    {
        const std::lock_guard lock(mutex_);
        return warnings_;
    }

private:
    os::UniqueFd event_;
    std::atomic<bool> cancelled_ = false;
    mutable std::mutex mutex_;
    std::vector<Progress> told_;
    std::vector<std::string> warnings_;
};

}  // namespace banger::sdk::testing
