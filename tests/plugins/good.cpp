// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A plugin that works, and misbehaves in one method if its configuration says so.
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

#include "banger/sdk/image_source.hpp"
#include "banger/sdk/os/file.hpp"
#include "banger/sdk/plugin.hpp"
#include "banger/sdk/provisioner.hpp"
#include "banger/sdk/storage.hpp"

namespace {

using namespace banger::sdk;

// Enough of a parser for the compact text that the host passes.
std::string setting(const std::string& config, const std::string& key)
{
    const std::string start = "\"" + key + "\":\"";
    const auto at = config.find(start);
    if (at == std::string::npos)
        throw std::runtime_error("the configuration lacks " + key + ": " + config);
    return config.substr(at + start.size(), config.find('"', at + start.size()) - at - start.size());
}

int overflow_the_stack(int depth)
{
    volatile char room[4096] = {};
    room[depth % 4096] = 1;
    return depth < 0 ? 0 : overflow_the_stack(depth + 1) + room[0];
}

class Temper {
public:
    Temper(Host& host, std::string config)
        : host_(host),
          config_(std::move(config)),
          what_(setting(config_, "misbehave")),
          where_(setting(config_, "method"))
    {
        host_.log(LogLevel::debug, "made with " + config_);
    }

    [[nodiscard]] Result<void> in(const std::string& method, Call* call) const
    {
        if (method != where_ || what_ == "no")
            return {};
        if (what_ == "throw")
            throw std::runtime_error("as told");
        if (what_ == "throw-odd")
            throw 42;
        if (what_ == "fail")
            return make_error(Code::no_space, "the disk is full", "make room");
        if (what_ == "wait" && call != nullptr) {
            pollfd watch{call->cancel_descriptor(), POLLIN, 0};
            ::poll(&watch, 1, -1);
            return make_error(Code::cancelled, "stopped as asked");
        }
        if (what_ == "slow-progress" && call != nullptr)
            for (std::uint64_t i = 0; !call->cancelled(); ++i)
                call->progress({"still at it", i, 0, "steps"});
        if (what_ == "fault")
            *reinterpret_cast<volatile int*>(8) = 1;  // NOLINT
        if (what_ == "abort")
            std::abort();
        if (what_ == "overflow")
            return make_error(Code::internal, std::to_string(overflow_the_stack(0)));
        if (what_ == "exit")
            ::_exit(7);
        for (;;)
            ::poll(nullptr, 0, -1);
    }

    [[nodiscard]] Probe probe() const
    {
        Probe probe;
        probe.usable = what_ != "no" || where_ != "unusable";
        probe.reason = probe.usable ? "a plugin for tests" : "told to be unusable";
        if (!probe.usable)
            probe.hint = "configure it otherwise";
        probe.offers = {"disk:raw"};
        probe.facts = {{"config", config_}, {"thread", std::to_string(::gettid())}};
        return probe;
    }

private:
    Host& host_;
    std::string config_;
    std::string what_;
    std::string where_;
};

class GoodStorage final : public Storage {
public:
    GoodStorage(Host& host, const char* config) : temper_(host, config) {}
    ~GoodStorage() override { (void)temper_.in("end", nullptr); }

    Result<Probe> probe(Call& call) override
    {
        if (auto ok = temper_.in("probe", &call); !ok)
            return std::move(ok).error();
        return temper_.probe();
    }
    Result<void> create(const DiskSpec& spec, Call& call) override
    {
        if (auto ok = temper_.in("create", &call); !ok)
            return ok;
        return os::write_file_atomic(spec.owner.directory + "/" + spec.role + ".disk", "data");
    }
    Result<std::vector<Handle>> plan(const DiskSpec& spec) override
    {
        if (auto ok = temper_.in("plan", nullptr); !ok)
            return std::move(ok).error();
        return std::vector<Handle>{handle_of(spec)};
    }
    Result<Attached<Disk>> attach(const DiskSpec& spec, Call& call) override
    {
        call.progress({"attach", 1, 1, ""});
        if (auto ok = temper_.in("attach", &call); !ok)
            return std::move(ok).error();
        ++attached_;
        return Attached<Disk>{
            Disk{spec.role, spec.owner.directory + "/" + spec.role + ".disk", "raw", false, spec.bytes},
            handle_of(spec)};
    }
    Result<void> release(const Handle&) override
    {
        if (auto ok = temper_.in("release", nullptr); !ok)
            return ok;
        --attached_;
        return {};
    }
    Result<Inspection> inspect(const Handle&) override
    {
        if (auto ok = temper_.in("inspect", nullptr); !ok)
            return std::move(ok).error();
        return Inspection{attached_ > 0, {{"attached", std::to_string(attached_)}}};
    }
    Result<std::vector<Handle>> list() override
    {
        if (auto ok = temper_.in("list", nullptr); !ok)
            return std::move(ok).error();
        return std::vector<Handle>{};
    }
    Result<void> destroy(const Owner& owner, const std::string& role) override
    {
        if (auto ok = temper_.in("destroy", nullptr); !ok)
            return ok;
        return os::remove_file(owner.directory + "/" + role + ".disk");
    }

private:
    static Handle handle_of(const DiskSpec& spec) { return {"storage/0", "good", spec.role, spec.owner, {}}; }

    Temper temper_;
    std::atomic<int> attached_ = 0;
};

class GoodImages final : public ImageSource {
public:
    GoodImages(Host& host, const char* config) : temper_(host, config) {}
    Result<Probe> probe(Call&) override { return temper_.probe(); }
    Result<ImageStream> fetch(const ImageRequest& request, Call& call) override
    {
        if (auto ok = temper_.in("fetch", &call); !ok)
            return std::move(ok).error();
        if (auto wrote = os::write_all(request.output, "an image"); !wrote)
            return std::move(wrote).error();
        return ImageStream{"tar", {{"output", std::to_string(request.output)}}};
    }

private:
    Temper temper_;
};

class GoodProvisioner final : public Provisioner {
public:
    GoodProvisioner(Host& host, const char* config) : temper_(host, config) {}
    Result<Probe> probe(Call&) override { return temper_.probe(); }
    Result<void> apply(const ProvisionRequest& request, GuestAccess& guest, Call& call) override
    {
        if (auto ok = temper_.in("apply", &call); !ok) {
            (void)guest.write(GuestFile{"/late", "too late", 0600});
            return ok;
        }
        if (auto ran = guest.run(GuestCommand{{"echo", request.name}, {}, {}, {}, {}}); !ran)
            return std::move(ran).error();
        if (auto put = guest.put({{GuestEntry::Type::link, "/root/a", 0, "b", -1, {}}}); !put)
            return put;
        if (auto wrote = guest.write({"/root/name", request.name, 0600}); !wrote)
            return wrote;
        auto name = guest.read("/root/name", request.name.size());
        if (!name)
            return std::move(name).error();
        call.warn("this is " + *name);
        return {};
    }

private:
    Temper temper_;
};

template <typename T>
Result<std::unique_ptr<Provider>> make(Host& host, const char* config)
{
    return std::unique_ptr<Provider>(std::make_unique<T>(host, config));
}

constexpr Capability capabilities[] = {{"storage/0", "good", make<GoodStorage>},
                                       {"image/0", "good", make<GoodImages>},
                                       {"provision/0", "good", make<GoodProvisioner>}};

}  // namespace

BANGER_PLUGIN(capabilities)
